import type { SeededRandom } from '../world/random.ts'
import type { FaultKind, SimulationOptions } from './options.ts'

/** The nodes of a run and what they agree on. */
export interface ClusterOptions {
  readonly brokers: number
  readonly controllers: number
  /** The first brokers are the controllers; else those have machines of their own. */
  readonly combined: boolean
  /** The voters are named in every node's properties, or kept in the metadata log (KIP-853): all of them from the start, or the others join the first one. */
  readonly voters: 'static' | 'dynamic' | 'joining'
  readonly replicationFactor: number
  readonly minIsr: number
  /** Each broker stands in a rack, and consumers read from the replica in theirs (KIP-392). */
  readonly racks: boolean
  readonly electionTimeoutMs: number
  readonly quorumFetchTimeoutMs: number
  readonly brokerSessionMs: number
  readonly brokerHeartbeatMs: number
  /** A follower that has not been at the leader's end for so long leaves the in-sync set. */
  readonly replicaLagMs: number
  readonly replicaFetchWaitMs: number
  readonly replicaFetchBytes: number
  readonly replicaFetchResponseBytes: number
  /** Metadata between two snapshots. */
  readonly snapshotBytes: number
  /** Leaders go back to their preferred brokers by themselves so often; 0: only when asked. */
  readonly rebalanceEverySeconds: number
  /** Replicas move and leaders are chosen meanwhile. */
  readonly replicaChanges: boolean
  /** After the faults everything is mended; else only as much as must work. */
  readonly healsAll: boolean
}

export const clusterFaultKinds = [
  'kill-all',
  'kill-leaders',
  'kill-controller',
  'roll',
  'isolate-node',
  'split',
  'bridge',
  'cut-nodes',
  'lag-node',
  'lose-disk',
  'lose-power-of-one',
] as const
/** Those that steer to what the others reach too rarely. */
export const aimedFaultKinds = ['strand-leader', 'strand-controller', 'contest-election', 'stale-request'] as const
export type ClusterFaultKind = (typeof clusterFaultKinds)[number] | (typeof aimedFaultKinds)[number]

/** One node that is broker and controller. */
export const singleNode: ClusterOptions = {
  brokers: 1,
  controllers: 1,
  combined: true,
  voters: 'static',
  replicationFactor: 1,
  minIsr: 1,
  racks: false,
  electionTimeoutMs: 1000,
  quorumFetchTimeoutMs: 2000,
  brokerSessionMs: 9000,
  brokerHeartbeatMs: 2000,
  replicaLagMs: 30_000,
  replicaFetchWaitMs: 500,
  replicaFetchBytes: 1_048_576,
  replicaFetchResponseBytes: 10_485_760,
  snapshotBytes: 20_971_520,
  rebalanceEverySeconds: 0,
  replicaChanges: false,
  healsAll: true,
}

/** Several nodes, with the workload that was drawn for one. */
export function drawCluster(random: SeededRandom, options: SimulationOptions): SimulationOptions {
  const brokers = random.pick([3, 3, 3, 3, 3, 4, 5])
  const controllers = random.pick([1, 3, 3, 3, 3, 5])
  const combined = controllers <= brokers && random.chance(0.7)
  const replicationFactor = random.pick([1, 2, 3, 3, 3, 3])
  const minIsr = Math.min(replicationFactor, random.pick([1, 2, 2, 2]))
  const brokerSessionMs = random.pick([600, 1500, 3000])
  // A slow network in small pieces needs time for a vote.
  const electionTimeoutMs = random.pick(options.latencyMs < 10 ? [150, 400, 1000] : [600, 1000])
  const ownFaults = clusterFaultKinds.filter(kind => random.chance(0.4) && (controllers > 1 || kind !== 'kill-controller'))
  const aimed = random.fork('aimed')
  const aimedFaults = aimedFaultKinds.filter(() => aimed.chance(0.4))
  return {
    ...options,
    brokers,
    controllers,
    combined,
    voters: random.pick(['static', 'static', 'static', 'static', 'dynamic', 'dynamic', 'joining']),
    replicationFactor,
    minIsr,
    racks: random.chance(0.3),
    electionTimeoutMs,
    quorumFetchTimeoutMs: electionTimeoutMs * random.pick([1, 2]),
    brokerSessionMs,
    brokerHeartbeatMs: random.pick([100, 200]),
    replicaLagMs: random.pick([500, 1500, 4000]),
    replicaFetchWaitMs: random.pick([20, 100, 300]),
    replicaFetchBytes: random.pick([1, 400, 1_048_576, 1_048_576]),
    replicaFetchResponseBytes: random.pick([1, 1000, 10_485_760, 10_485_760]),
    snapshotBytes: random.pick([500, 4000, 20_971_520]),
    rebalanceEverySeconds: random.pick([0, 0, 1, 5]),
    replicaChanges: random.chance(0.4),
    healsAll: random.chance(0.7),
    faults: [...options.faults, ...ownFaults, ...aimedFaults] satisfies FaultKind[],
    safetyMs: random.pick([6000, 10_000, 15_000]),
  }
}

/** Makes options hang together again after some of them were set by hand. */
export function consistent(options: SimulationOptions): SimulationOptions {
  const brokers = Math.max(1, options.brokers)
  const replicationFactor = Math.min(options.replicationFactor, brokers)
  return {
    ...options,
    brokers,
    replicationFactor,
    minIsr: Math.min(options.minIsr, replicationFactor),
    combined: options.combined && options.controllers <= brokers,
  }
}
