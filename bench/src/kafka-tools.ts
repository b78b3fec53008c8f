import { execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const script = resolve(process.env.MILLRACE_KAFKA ?? '../shared/peers/kafka')
let classPath = ''

/** Class path of Apache Kafka 4.3.1. Fails with one clear line where it is not installed. */
export function kafkaClassPath(): string {
  if (classPath) return classPath
  if (!existsSync(script)) throw new Error(`Apache Kafka is not here (${script}): set MILLRACE_KAFKA to a script that runs it`)
  execFileSync(script, ['install'], { stdio: 'ignore' })
  classPath = execFileSync(script, ['classpath'], { encoding: 'utf8' }).trim()
  return classPath
}

/** Runs a tool of Apache Kafka to its end and gives what it prints. */
export function runTool(mainClass: string, args: readonly string[], timeoutMs = 180_000): string {
  const result = spawnSync('java', ['-Xmx512m', '-cp', kafkaClassPath(), mainClass, ...args], {
    encoding: 'utf8',
    timeout: timeoutMs,
  })
  if (result.status !== 0) throw new Error(`${mainClass} ${args.join(' ')}:\n${result.stdout}\n${result.stderr}`)
  return result.stdout
}

/** Starts a long-running class of Apache Kafka. */
export function startClass(mainClass: string, args: readonly string[], heap: readonly string[], options: SpawnOptions) {
  return spawn(
    'java',
    [
      ...heap,
      '-server',
      '-XX:+UseG1GC',
      '-XX:MaxGCPauseMillis=20',
      '-XX:InitiatingHeapOccupancyPercent=35',
      '-cp',
      kafkaClassPath(),
      mainClass,
      ...args,
    ],
    options,
  )
}

export interface ProduceFigures {
  readonly recordsPerSecond: number
  readonly averageMs: number
  readonly p99Ms: number
}

/** producer-perf-test: acks=all, idempotent as by default, 64 KiB batches, 5 ms linger. */
export function producerPerformance(bootstrap: string, topic: string, records: number, recordBytes: number): ProduceFigures {
  const output = runTool('org.apache.kafka.tools.ProducerPerformance', [
    '--bootstrap-server',
    bootstrap,
    '--topic',
    topic,
    '--num-records',
    String(records),
    '--record-size',
    String(recordBytes),
    '--throughput',
    '-1',
    '--command-property',
    'acks=all',
    'batch.size=65536',
    'linger.ms=5',
  ])
  const match = /records sent, ([\d.]+) records\/sec .*?, ([\d.]+) ms avg latency.* ([\d.]+) ms 99th/.exec(
    output.trim().split('\n').at(-1)!,
  )
  if (!match) throw new Error(`producer-perf-test printed\n${output}`)
  return { recordsPerSecond: Number(match[1]), averageMs: Number(match[2]), p99Ms: Number(match[3]) }
}

/** consumer-perf-test over what is in the topic: records a second, without the time that joining the group takes. */
export function consumerPerformance(bootstrap: string, topic: string, records: number): number {
  const output = runTool('org.apache.kafka.tools.ConsumerPerformance', [
    '--bootstrap-server',
    bootstrap,
    '--topic',
    topic,
    '--num-records',
    String(records),
    '--group',
    `perf-${topic}-${process.hrtime.bigint()}`,
    '--timeout',
    '60000',
  ])
  const lines = output.trim().split('\n')
  const header = lines
    .find(line => line.startsWith('start.time'))!
    .split(',')
    .map(name => name.trim())
  const row = lines
    .at(-1)!
    .split(',')
    .map(value => value.trim())
  const figure = Number(row[header.indexOf('fetch.nMsg.sec')])
  if (!Number.isFinite(figure)) throw new Error(`consumer-perf-test printed\n${output}`)
  return figure
}

export interface LatencyFigures {
  readonly averageMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** e2e-latency: one record of 256 bytes after the other, acks=all, produced and consumed. */
export function endToEndLatency(bootstrap: string, topic: string, records: number): LatencyFigures {
  const output = runTool('org.apache.kafka.tools.EndToEndLatency', [bootstrap, topic, String(records), 'all', '256'])
  const average = /Avg latency: ([\d.]+) ms/.exec(output)
  const percentiles = /50th = (\d+), 99th = (\d+), 99.9th = (\d+)/.exec(output)
  if (!average || !percentiles) throw new Error(`e2e-latency printed\n${output}`)
  return {
    averageMs: Number(average[1]),
    p50Ms: Number(percentiles[1]),
    p99Ms: Number(percentiles[2]),
    p999Ms: Number(percentiles[3]),
  }
}
