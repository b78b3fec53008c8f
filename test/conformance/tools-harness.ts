import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { kafkaClassPath, kafkaScript } from './kafka-peer.ts'

/** The main classes behind the names that Apache Kafka's `bin/` gives its tools. */
const mainClasses = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  'console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
  'e2e-latency': 'org.apache.kafka.tools.EndToEndLatency',
  'consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  groups: 'org.apache.kafka.tools.GroupsCommand',
  'get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  cluster: 'org.apache.kafka.tools.ClusterTool',
  features: 'org.apache.kafka.tools.FeatureCommand',
  'leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'producer-verify': 'org.apache.kafka.tools.VerifiableProducer',
  'consumer-verify': 'org.apache.kafka.tools.VerifiableConsumer',
  'dump-log': 'org.apache.kafka.tools.DumpLogSegments',
  storage: 'kafka.tools.StorageTool',
} as const

export type ToolName = keyof typeof mainClasses

export interface ToolResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface ToolOptions {
  /** Text on standard input. Default none. */
  readonly input?: string
  /** Default 0; `undefined` takes any. Another one throws, with what the tool printed. */
  readonly status?: number | undefined
  /** Default 60,000. */
  readonly timeoutMs?: number
}

/** Apache Kafka's command line tools, run one after the other in one JVM. */
export class KafkaTools {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #chunks: Buffer[] = []
  #buffered = 0
  #ended = false
  #wake: () => void = () => {}
  #previous: Promise<unknown> = Promise.resolve()

  constructor() {
    const logging = resolve(dirname(kafkaScript()), 'log4j2.properties')
    const source = resolve(import.meta.dirname, 'java/Tools.java')
    const options = [
      '-Xshare:auto',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Xmx256m',
      `-Dlog4j2.configurationFile=${logging}`,
    ]
    this.#child = spawn('java', [...options, '-cp', kafkaClassPath(), source], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.on('data', chunk => {
      this.#chunks.push(chunk)
      this.#buffered += chunk.length
      this.#wake()
    })
    this.#child.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  /** Runs a tool to its end. Calls queue up. Throws when it ends with another status than asked for, or not in time. */
  run(name: ToolName, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
    const result = this.#previous.then(() => this.#run(name, args, options))
    this.#previous = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    if (this.#ended) return
    const closed = once(this.#child, 'close')
    this.#child.stdin.end()
    await closed
  }

  async #run(
    name: ToolName,
    args: readonly string[],
    { input = '', timeoutMs = 60_000, ...options }: ToolOptions,
  ): Promise<ToolResult> {
    const fields = [mainClasses[name], input, ...args]
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs)
    try {
      this.#child.stdin.write(`${fields.map(field => Buffer.from(field).toString('base64')).join(' ')}\n`)
      const [status, stdoutBytes, stderrBytes] = (await this.#takeLine()).split(' ').map(Number) as [number, number, number]
      const stdout = (await this.#take(stdoutBytes)).toString()
      const stderr = (await this.#take(stderrBytes)).toString()
      const expected = 'status' in options ? options.status : 0
      if (expected !== undefined && status !== expected) throw new Error(`ended with status ${status}\n${stdout}${stderr}`)
      return { status, stdout, stderr }
    } catch (error) {
      throw new Error(`kafka ${name} ${args.join(' ')}: ${(error as Error).message}`)
    } finally {
      clearTimeout(timer)
    }
  }

  async #takeLine(): Promise<string> {
    for (;;) {
      const all = Buffer.concat(this.#chunks)
      const end = all.indexOf(10)
      if (end >= 0) return (await this.#take(end + 1)).toString().trimEnd()
      await this.#more()
    }
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#buffered < length) await this.#more()
    const all = Buffer.concat(this.#chunks)
    this.#chunks.splice(0, this.#chunks.length, all.subarray(length))
    this.#buffered -= length
    return all.subarray(0, length)
  }

  #more(): Promise<void> {
    if (this.#ended) throw new Error('the JVM ended, or was ended because the tool took too long')
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}
