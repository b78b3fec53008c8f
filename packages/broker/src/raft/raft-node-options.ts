import type { Logger, World } from '@millrace/runtime'
import type { VoterEndpoint } from '../config/quorum.ts'
import type { Log } from '../log/log.ts'
import type { RaftTransport } from './raft-transport.ts'
import type { ReplicatedState } from './replicated-state.ts'
import type { SnapshotOptions } from './snapshotter.ts'

export interface RaftNodeOptions<Record> {
  readonly world: World
  readonly logger: Logger
  readonly clusterId: string
  readonly nodeId: number
  /** The `directory.id` of the log directory. */
  readonly directoryId: string
  /** Directory of the partition `__cluster_metadata-0`. */
  readonly directory: string
  readonly openLog: (recoveryPoint: number) => Log
  /** `process.roles` has `controller`: the node votes if the voter set has it. Otherwise it observes. */
  readonly canVote: boolean
  /** `controller.quorum.voters`; empty when the voters are kept in the log. */
  readonly staticVoters: readonly VoterEndpoint[]
  /** `controller.quorum.bootstrap.servers`: where to ask for the leader when no voter is known. */
  readonly bootstrapServers: readonly { readonly host: string; readonly port: number }[]
  /** The first of `controller.listener.names`: where voters are reached. */
  readonly controllerListenerName: string
  /** This node's controller listeners as others reach them, with the ports really bound; empty without the role. */
  readonly controllerListeners: readonly { readonly name: string; readonly host: string; readonly port: number }[]
  readonly transport: RaftTransport
  readonly timeouts: RaftTimeouts
  /** `controller.quorum.auto.join.enable`: an observer that may vote adds itself to the voters. */
  readonly autoJoin: boolean
  readonly snapshots: SnapshotOptions
  readonly state: ReplicatedState<Record>
  /** The disk failed, or what the log says cannot be: the node must end. Called at most once. */
  readonly failed: (error: Error) => void
}

/** `controller.quorum.*`, all in milliseconds but the last. */
export interface RaftTimeouts {
  /** `controller.quorum.election.timeout.ms`: without a leader, or votes, for so long (and up to twice) a voter stands for election. */
  readonly electionTimeoutMs: number
  /** `controller.quorum.fetch.timeout.ms`: without an answer from the leader for so long a follower asks for an election. */
  readonly fetchTimeoutMs: number
  /** `controller.quorum.election.backoff.max.ms`. */
  readonly electionBackoffMaxMs: number
  /** `controller.quorum.request.timeout.ms`. */
  readonly requestTimeoutMs: number
  /** `controller.quorum.retry.backoff.ms`. */
  readonly retryBackoffMs: number
  /** `controller.quorum.fetch.max.bytes`: of one fetch of the log. */
  readonly fetchMaxBytes: number
  /** `controller.quorum.fetch.snapshot.max.bytes`: of one fetch of a snapshot. */
  readonly fetchSnapshotMaxBytes: number
}

export const defaultRaftTimeouts: RaftTimeouts = {
  electionTimeoutMs: 1000,
  fetchTimeoutMs: 2000,
  electionBackoffMaxMs: 1000,
  requestTimeoutMs: 2000,
  retryBackoffMs: 20,
  fetchMaxBytes: 2 ** 20,
  fetchSnapshotMaxBytes: 2 ** 20,
}
