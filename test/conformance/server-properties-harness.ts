import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { freePorts } from './free-ports.ts'
import { kafkaClassPath, kafkaScript } from './kafka-peer.ts'
import { run, until } from './process-harness.ts'

const command = resolve(import.meta.dirname, '../../packages/cli/bin/millrace.mjs')

export interface NodeFiles {
  /** A server.properties that both brokers take. */
  readonly file: string
  readonly dataDirectory: string
  readonly bootstrapServers: string
}

/** Writes a server.properties with the keys of the file that Apache Kafka 4.3 ships, on free ports, and `quorum`'s kind of quorum. */
export async function serverProperties(directory: string, name: string, quorum: 'standalone' | 'static'): Promise<NodeFiles> {
  const [port, controllerPort] = await freePorts(2)
  const dataDirectory = join(directory, name)
  const file = join(directory, `${name}.properties`)
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    ...(quorum === 'standalone'
      ? { 'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}` }
      : { 'controller.quorum.voters': `1@127.0.0.1:${controllerPort}` }),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'num.network.threads': '3',
    'num.io.threads': '8',
    'socket.send.buffer.bytes': '102400',
    'socket.receive.buffer.bytes': '102400',
    'socket.request.max.bytes': '104857600',
    'log.dirs': dataDirectory,
    'num.partitions': '1',
    'num.recovery.threads.per.data.dir': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '3',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'log.retention.hours': '168',
    'log.segment.bytes': '1073741824',
    'log.retention.check.interval.ms': '300000',
    'group.initial.rebalance.delay.ms': '0',
    // A node that was killed is missed for this long.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
  }
  writeFileSync(
    file,
    `# ${name}\n${Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join('')}`,
  )
  return { file, dataDirectory, bootstrapServers: `127.0.0.1:${port}` }
}

export interface RunningNode {
  /** All that it has printed. */
  readonly output: () => string
  /** SIGTERM: its exit code. Throws when it does not end in a minute. */
  stop(): Promise<number | null>
  kill(): Promise<void>
}

const running = new Set<ChildProcess>()

/** Ends every node that still runs. */
export function killNodes(): void {
  for (const child of running) child.kill('SIGKILL')
}

async function start(program: string, args: readonly string[], ready: RegExp): Promise<RunningNode> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let text = ''
  let ended = false
  child.stdout.setEncoding('utf8').on('data', part => (text += part))
  child.stderr.setEncoding('utf8').on('data', part => (text += part))
  const exited = new Promise<number | null>((done, failed) => {
    child.on('error', failed)
    child.on('exit', code => {
      ended = true
      running.delete(child)
      done(code)
    })
  })
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await until(`the end of ${program} after ${signal}`, () => ended)
    return exited
  }
  try {
    await until(`${program} ready`, () => ready.test(text) || ended, 90_000)
    if (ended) throw new Error(`${program} ended`)
  } catch (error) {
    child.kill('SIGKILL')
    throw new Error(`${(error as Error).message}\n${text.slice(-4000)}`)
  }
  return { output: () => text, stop: () => stop('SIGTERM'), kill: async () => void (await stop('SIGKILL')) }
}

/** `millrace storage format` */
export function formatWithMillrace(clusterId: string, { file }: Pick<NodeFiles, 'file'>, ...more: string[]) {
  return run(process.execPath, [command, 'storage', 'format', '-t', clusterId, '-c', file, ...more])
}

/** `millrace broker FILE` */
export function startMillrace({ file }: Pick<NodeFiles, 'file'>): Promise<RunningNode> {
  return start(process.execPath, [command, 'broker', file], /broker\.started/)
}

/** Apache Kafka's storage tool. */
export function formatWithKafka(clusterId: string, { file }: Pick<NodeFiles, 'file'>, ...more: string[]) {
  return run(kafkaScript(), ['storage', 'format', '-t', clusterId, '-c', file, ...more])
}

/** Apache Kafka's broker on the same file. */
export function startKafka({ file }: Pick<NodeFiles, 'file'>): Promise<RunningNode> {
  const logging = join(dirname(kafkaScript()), 'log4j2.properties')
  const options = [
    '-Xmx384m',
    '-Xshare:auto',
    '-XX:TieredStopAtLevel=1',
    '-Dkafka.log.level=INFO',
    `-Dlog4j2.configurationFile=${logging}`,
  ]
  return start('java', [...options, '-cp', kafkaClassPath(), 'kafka.Kafka', file], /Kafka Server started/)
}
