import { type BrokerStarter, startKafka, startMillrace } from './brokers.ts'
import { consumerPerformance, endToEndLatency, producerPerformance } from './kafka-tools.ts'
import { cpuSeconds, residentMiB } from './process-figures.ts'
import type { Comparison } from './table.ts'

export interface BrokerBenchOptions {
  readonly rounds: number
  /** Records of 100 B; a quarter of them at 1 KiB. */
  readonly records: number
  readonly latencyRecords: number
}

const partitions = 6
const firstPort = 29_492

/** Apache Kafka and Millrace in turns, one node each, driven by Apache Kafka's own tools. */
export async function benchBrokers(comparison: Comparison, options: BrokerBenchOptions): Promise<void> {
  const starters: [string, BrokerStarter][] = [
    ['Apache Kafka', startKafka],
    ['Millrace', startMillrace],
  ]
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, [name, start]] of starters.entries()) {
      console.error(`round ${round + 1}: ${name}`)
      const broker = await start(firstPort + 10 * i)
      try {
        await measure(name, broker, comparison, options)
      } finally {
        await broker.stop()
      }
    }
  }
}

async function measure(
  name: string,
  broker: Awaited<ReturnType<BrokerStarter>>,
  comparison: Comparison,
  options: BrokerBenchOptions,
): Promise<void> {
  comparison.add(name, 'start until a client is answered', broker.startMs, 'ms', 'less')
  for (const [label, bytes, records] of [
    ['100 B', 100, options.records],
    ['1 KiB', 1024, options.records / 4],
  ] as const) {
    const topic = `perf-${bytes}`
    await broker.createTopic(topic, partitions)
    // A first, short run warms both sides up: the tool's JVM is new each time, the broker's is not.
    producerPerformance(broker.bootstrap, topic, records / 5, bytes)
    const before = cpuSeconds(broker.pid)
    const produced = producerPerformance(broker.bootstrap, topic, records, bytes)
    comparison.add(name, `produce ${label}, acks=all`, produced.recordsPerSecond, 'records/s', 'more')
    comparison.add(
      name,
      `produce ${label}: broker CPU a record`,
      ((cpuSeconds(broker.pid) - before) / records) * 1e6,
      'µs',
      'less',
    )
    const beforeRead = cpuSeconds(broker.pid)
    comparison.add(name, `consume ${label}`, consumerPerformance(broker.bootstrap, topic, records), 'records/s', 'more')
    comparison.add(
      name,
      `consume ${label}: broker CPU a record`,
      ((cpuSeconds(broker.pid) - beforeRead) / records) * 1e6,
      'µs',
      'less',
    )
  }
  await broker.createTopic('latency', 1)
  const latency = endToEndLatency(broker.bootstrap, 'latency', options.latencyRecords)
  comparison.add(name, 'e2e-latency 256 B, average', latency.averageMs, 'ms', 'less')
  comparison.add(name, 'e2e-latency 256 B, p99', latency.p99Ms, 'ms', 'less')
  comparison.add(name, 'e2e-latency 256 B, p99.9', latency.p999Ms, 'ms', 'less')
  comparison.add(name, 'resident memory after the load', residentMiB(broker.pid), 'MiB', 'less')
}
