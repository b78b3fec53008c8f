import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@millrace/client'
import { runTool, startClass } from './kafka-tools.ts'
import { publishedCommand } from './published-command.ts'

/** A broker process that the bench has started. */
export interface RunningBroker {
  readonly name: string
  readonly bootstrap: string
  readonly pid: number
  /** From the start of the process until it answered a client. */
  readonly startMs: number
  createTopic(topic: string, partitions: number): Promise<void>
  stop(): Promise<void>
}

export type BrokerStarter = (port: number) => Promise<RunningBroker>

const clusterId = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** The same server.properties for both. */
function prepare(port: number): { directory: string; file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  mkdirSync(join(directory, 'data'))
  const file = join(directory, 'server.properties')
  writeFileSync(
    file,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${port + 1}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(directory, 'data')}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`,
  )
  return { directory, file }
}

/** Apache Kafka with its own default heap of 1 GiB. */
export const startKafka: BrokerStarter = async port => {
  const { directory, file } = prepare(port)
  runTool('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', file])
  return await answering('Apache Kafka', port, directory, log =>
    startClass('kafka.Kafka', [file], ['-Xmx1g', '-Xms1g'], { stdio: ['ignore', log, log] }),
  )
}

export const startMillrace: BrokerStarter = async port => {
  const { directory, file } = prepare(port)
  const command = publishedCommand()
  await ended(spawn(process.execPath, [command, 'storage', 'format', '-t', clusterId, '-c', file], { stdio: 'ignore' }))
  return await answering('Millrace', port, directory, log =>
    spawn(process.execPath, [command, 'broker', file], { stdio: ['ignore', log, log] }),
  )
}

async function answering(
  name: string,
  port: number,
  directory: string,
  start: (log: number) => ChildProcess,
): Promise<RunningBroker> {
  const bootstrap = `127.0.0.1:${port}`
  const admin = new Admin({ bootstrapServers: bootstrap, clientId: 'bench', reconnectBackoffMs: 2, reconnectBackoffMaxMs: 5 })
  const startedMs = performance.now()
  const child = start(openSync(join(directory, 'log'), 'a'))
  await admin.describeCluster()
  const startMs = performance.now() - startedMs
  return {
    name,
    bootstrap,
    pid: child.pid!,
    startMs,
    createTopic: async (topic, partitions) => {
      await admin.createTopics([{ topic, partitions, replicationFactor: 1 }])
    },
    stop: async () => {
      await admin.close()
      child.kill('SIGTERM')
      await ended(child)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
}
