import { ClusterProcesses, eventually, type Maker } from './cluster-processes.ts'
import { measureFailover } from './failover-bench.ts'
import { endToEndLatency, producerPerformance } from './kafka-tools.ts'
import { cpuSeconds, median, residentMiB } from './process-figures.ts'
import type { Comparison } from './table.ts'

export interface ClusterBenchOptions {
  readonly rounds: number
  /** Records of 100 B; a quarter of them at 1 KiB. */
  readonly records: number
  readonly latencyRecords: number
  /** Of ten partitions each, in a cluster of their own; 0: left out. */
  readonly topics: number
}

const partitions = 6
const makers: readonly Maker[] = ['Apache Kafka', 'Millrace']
const firstPort = 28_100
const msPerSecond = 1000
const partitionsOfMany = 10
/** A request's partitions are made in one go: as many as a node makes without missing a heartbeat. */
const topicsARequest = 20
/** One takes so little time that another's work beside it would decide. */
const listings = 5

/** Three nodes on this host, RF 3, min ISR 2, acks=all: Apache Kafka and Millrace in turns, driven by Apache Kafka's own tools and, for failovers, by our client. */
export async function benchClusters(comparison: Comparison, options: ClusterBenchOptions): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, maker] of makers.entries()) {
      console.error(`round ${round + 1}: three nodes of ${maker}`)
      const cluster = ClusterProcesses.make(maker, firstPort + 10 * i)
      try {
        comparison.add(maker, 'start until a client knows three brokers', await cluster.start(), 'ms', 'less')
        await load(cluster, comparison, options)
        for (const victim of ['leader', 'controller'] as const) {
          const silenceMs = await measureFailover(cluster, victim)
          const whose = victim === 'leader' ? "the partition's leader" : 'the active controller'
          comparison.add(maker, `no acknowledged write after kill -9 of ${whose}`, silenceMs, 'ms', 'less')
        }
      } finally {
        await cluster.stop()
      }
    }
  }
  if (options.topics > 0)
    for (const [i, maker] of makers.entries()) {
      console.error(`${options.topics} topics: three nodes of ${maker}`)
      const cluster = ClusterProcesses.make(maker, firstPort + 10 * i)
      try {
        await cluster.start()
        await manyTopics(cluster, comparison, options.topics)
      } finally {
        await cluster.stop()
      }
    }
}

async function load(cluster: ClusterProcesses, comparison: Comparison, options: ClusterBenchOptions): Promise<void> {
  const { maker, bootstrap } = cluster
  for (const [label, bytes, records] of [
    ['100 B', 100, options.records],
    ['1 KiB', 1024, options.records / 4],
  ] as const) {
    const topic = `perf-${bytes}`
    await cluster.createTopic(topic, partitions)
    // A first, short run warms both sides up: the tool's JVM is new each time, the brokers' are not.
    producerPerformance(bootstrap, topic, records / 5, bytes)
    const before = cpuOf(cluster)
    const produced = producerPerformance(bootstrap, topic, records, bytes)
    comparison.add(maker, `produce ${label}, acks=all`, produced.recordsPerSecond, 'records/s', 'more')
    comparison.add(
      maker,
      `produce ${label}: CPU of the three a record`,
      ((cpuOf(cluster) - before) / records) * 1e6,
      'µs',
      'less',
    )
  }
  await cluster.createTopic('latency', 1)
  const latency = endToEndLatency(bootstrap, 'latency', options.latencyRecords)
  comparison.add(maker, 'e2e-latency 256 B, average', latency.averageMs, 'ms', 'less')
  comparison.add(maker, 'e2e-latency 256 B, p50', latency.p50Ms, 'ms', 'less')
  comparison.add(maker, 'e2e-latency 256 B, p99', latency.p99Ms, 'ms', 'less')
  comparison.add(maker, 'resident memory of a node after the load', median(cluster.pids.map(residentMiB)), 'MiB', 'less')
}

function cpuOf({ pids }: ClusterProcesses): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

/** Created until all replicas are in sync, listed with all of their partitions, and all nodes stopped and started until they are in sync again. */
async function manyTopics(cluster: ClusterProcesses, comparison: Comparison, count: number): Promise<void> {
  const { maker, admin, nodeIds } = cluster
  const names = Array.from({ length: count }, (_, i) => `many-${i}`)
  const label = `${count.toLocaleString('en-US')} topics × ${partitionsOfMany} partitions`
  const timed = async (figure: string, work: () => Promise<void>) => {
    const startedMs = performance.now()
    await work()
    comparison.add(maker, `${label}: ${figure}`, (performance.now() - startedMs) / msPerSecond, 's', 'less')
  }
  await timed('created and in sync', async () => {
    for (let at = 0; at < count; at += topicsARequest)
      await admin.createTopics(
        names
          .slice(at, at + topicsARequest)
          .map(topic => ({ topic, partitions: partitionsOfMany, replicationFactor: nodeIds.length })),
      )
    await cluster.allInSync(names)
  })
  for (let i = 0; i < listings; i++)
    await timed('listed', async () => {
      const described = await admin.describeTopics(names)
      const total = described.reduce((sum, each) => sum + each.partitions.length, 0)
      if (total !== count * partitionsOfMany) throw new Error(`${total} partitions are listed`)
    })
  await timed('stopped by SIGTERM', async () => {
    await Promise.all(nodeIds.map(nodeId => cluster.kill(nodeId, 'SIGTERM')))
  })
  await timed('started and in sync', async () => {
    await cluster.start()
    await eventually('in sync', async () => {
      await cluster.allInSync(names)
      return true
    })
  })
  comparison.add(maker, `${label}: resident memory of a node`, median(cluster.pids.map(residentMiB)), 'MiB', 'less')
}
