import { spawn } from 'node:child_process'
import { kafkaClassPath } from './kafka-peer.ts'
import { until } from './process-harness.ts'

/**
 * Apache Kafka's replica-verification, which reports until it is ended: gives what it has printed once a report says that no replica is behind. Throws, with what it printed,
 * when none does in a minute.
 */
export async function watchReplicas(bootstrapServers: string, topic: string): Promise<string> {
  const args = ['--broker-list', bootstrapServers, '--topics-include', topic, '--report-interval-ms', '1000']
  const child = spawn(
    'java',
    [
      '-Xmx128m',
      '-Xshare:auto',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      kafkaClassPath(),
      'org.apache.kafka.tools.ReplicaVerificationTool',
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let text = ''
  child.stdout.setEncoding('utf8').on('data', part => (text += part))
  child.stderr.setEncoding('utf8').on('data', part => (text += part))
  let ended = false
  child.on('close', () => (ended = true))
  try {
    await until('a report of replica-verification', () => ended || /max lag is 0 /.test(text))
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${text}`)
  } finally {
    child.kill('SIGKILL')
  }
  return text
}
