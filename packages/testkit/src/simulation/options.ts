import type { SeededRandom } from '../world/random.ts'
import {
  aimedFaultKinds,
  type ClusterFaultKind,
  type ClusterOptions,
  clusterFaultKinds,
  drawCluster,
  singleNode,
} from './cluster-options.ts'

/** What a seed draws: different seeds explore different products. */
export interface SimulationOptions extends ClusterOptions {
  readonly partitions: number
  readonly producers: number
  readonly consumers: number
  readonly idempotent: boolean
  /** `all` with idempotence. */
  readonly acks: 'all' | '1'
  readonly maxInFlight: number
  readonly lingerMs: number
  readonly batchBytes: number
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly valueBytes: number
  /** Mean time between two sends of a producer. */
  readonly sendEveryMs: number
  readonly assignor: 'range' | 'roundrobin'
  /** Members come back under the name of their instance (KIP-345). */
  readonly staticMembers: boolean
  readonly autoCommit: boolean
  readonly maxPollRecords: number
  /** Mean time that a member takes for what a poll gives. */
  readonly processingMs: number
  readonly fetchMaxBytes: number
  readonly partitionFetchBytes: number
  readonly prefetchBytes: number
  readonly fetchMinBytes: number
  readonly fetchMaxWaitMs: number
  readonly isolationLevel: 'read_uncommitted' | 'read_committed'
  /** Members pause and resume partitions now and then. */
  readonly pausesPartitions: boolean
  /** Members leave in good order now and then, and come back. */
  readonly restartsMembers: boolean
  /** `ack`: every append is synced before it is acknowledged, so the power may fail. `interval`: as Kafka; only processes die. */
  readonly flush: 'ack' | 'interval'
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  /** Time between two writings of recovery points, high watermarks and log starts. */
  readonly checkpointEveryMs: number
  readonly offsetsPartitions: number
  /** Disks of the broker: directories in `log.dirs`, which may fail one by one. */
  readonly logDirectories: number
  /** A second topic whose records expire soon. */
  readonly retention: boolean
  /** Topics are created, grown, configured and deleted meanwhile. */
  readonly topicChanges: boolean
  /** A streams application counts by key through a repartition topic. */
  readonly streams: boolean
  readonly latencyMs: number
  readonly maxChunkBytes: number
  readonly syncMs: number
  readonly cutProbability: number
  /** Mean time between two faults. */
  readonly faultEveryMs: number
  readonly faults: readonly FaultKind[]
  /** Length of the phase with faults. */
  readonly safetyMs: number
}

/** What a seed may draw: a node alone, several, or, by chance, either. */
export type Draw = 'any' | 'single' | 'cluster'

const singleShare = 0.35

const nodeFaultKinds = [
  'kill-node',
  'stop-node',
  'pause-node',
  'cut-connections',
  'block-link',
  'slow-host',
  'kill-producer',
  'kill-consumer',
  'pause-client',
  'kill-streams',
  'clock-step',
  'slow-disk',
  'full-disk',
  'failing-disk',
  'lose-power',
] as const
export type FaultKind = (typeof nodeFaultKinds)[number] | ClusterFaultKind

/** Everything that may happen, to one node or in a cluster. */
export const faultKinds: readonly FaultKind[] = [...nodeFaultKinds, ...clusterFaultKinds, ...aimedFaultKinds]

/** Options from a seed's stream. What a cluster adds is drawn from a stream of its own. */
export function drawOptions(random: SeededRandom, draw: Draw = 'any'): SimulationOptions {
  const options = drawNode(random.fork('node'))
  const cluster = random.fork('cluster')
  const isSingle = cluster.chance(singleShare)
  return draw === 'single' || (draw === 'any' && isSingle) ? options : drawCluster(cluster, options)
}

function drawNode(random: SeededRandom): SimulationOptions {
  const flush = random.chance(0.5) ? 'ack' : 'interval'
  const streams = random.chance(0.2)
  const idempotent = random.chance(0.85)
  const fetchMaxBytes = random.pick([1, 500, 1_048_576])
  const partitionFetchBytes = random.pick([1, 300, 5000, 1_048_576])
  return {
    ...singleNode,
    partitions: random.between(1, 4),
    producers: random.between(1, 3),
    consumers: random.between(1, 3),
    idempotent,
    acks: idempotent ? 'all' : random.pick(['all', '1']),
    maxInFlight: random.pick([1, 2, 5, 5]),
    lingerMs: random.pick([0, 0, 5, 50]),
    batchBytes: random.pick([200, 1000, 16_384]),
    compression: random.pick(['none', 'none', 'none', 'none', 'none', 'none', 'snappy', 'snappy', 'lz4', 'lz4', 'gzip', 'zstd']),
    valueBytes: random.pick([20, 20, 300]),
    sendEveryMs: random.pick([20, 60, 200]),
    assignor: random.pick(['range', 'roundrobin']),
    staticMembers: random.chance(0.25),
    autoCommit: random.chance(0.25),
    maxPollRecords: random.pick([1, 10, 500]),
    processingMs: random.pick([0, 0, 0, 2, 10]),
    fetchMaxBytes,
    partitionFetchBytes,
    prefetchBytes: random.pick([1, 2000, 1_048_576]),
    // More than an answer may hold would be waited for in vain, each time.
    fetchMinBytes: Math.min(fetchMaxBytes, partitionFetchBytes) > 1000 ? random.pick([1, 500]) : 1,
    fetchMaxWaitMs: random.pick([10, 100, 500]),
    isolationLevel: random.pick(['read_uncommitted', 'read_committed']),
    pausesPartitions: random.chance(0.3),
    restartsMembers: random.chance(0.3),
    flush,
    segmentMs: random.pick([200, 500, 3000, 60_000]),
    indexIntervalBytes: random.pick([0, 100, 4096]),
    checkpointEveryMs: random.pick([100, 1000, 60_000]),
    offsetsPartitions: random.between(1, 3),
    logDirectories: random.pick([1, 1, 2]),
    retention: random.chance(0.4),
    topicChanges: random.chance(0.4),
    streams,
    latencyMs: random.pick([0.1, 1, 10]),
    maxChunkBytes: random.pick([200, 4000, 65_536, 65_536]),
    syncMs: random.pick([0.2, 0.2, 5]),
    cutProbability: random.pick([0, 0, 0.0005, 0.005]),
    faultEveryMs: random.pick([800, 2000, 5000]),
    faults: nodeFaultKinds.filter(
      kind => random.chance(0.5) && (kind !== 'lose-power' || flush === 'ack') && (kind !== 'kill-streams' || streams),
    ),
    safetyMs: random.pick([4000, 8000, 12_000]),
  }
}
