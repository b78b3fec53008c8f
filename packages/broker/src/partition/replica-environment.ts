import type { Follower } from './follower.ts'

/** A change of an in-sync set that a leader asks the controller for. */
export interface IsrProposal {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  /** The partition epoch on which the change rests. */
  readonly partitionEpoch: number
  readonly isr: readonly { readonly brokerId: number; readonly brokerEpoch: number }[]
  /** 0: the log of a leader that was elected uncleanly is in order now. */
  readonly leaderRecoveryState: number
  /** False: something newer has made it pointless. */
  isCurrent(): boolean
  /** True: ask again. */
  answered(answer: IsrAnswer): boolean
}

/** One partition of an AlterPartition response. */
export interface IsrAnswer {
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly leaderRecoveryState: number
  readonly partitionEpoch: number
}

/** What the partitions of a broker need of the rest of the cluster. Owner: `replication/`. */
export interface ReplicaEnvironment {
  readonly nodeId: number
  /** `replica.lag.time.max.ms`. */
  readonly lagTimeMaxMs: number
  /** Monotonic. */
  nowMs(): number
  /** Epoch of this broker's registration. */
  brokerEpoch(): number
  /** Whether a broker may enter an in-sync set (KIP-841, KIP-903): registered, not fenced, not shutting down, and still the process that has fetched. */
  mayBeInSync(brokerId: number, brokerEpoch: number): boolean
  /** The broker's epoch in the metadata; -1 when it is not registered. */
  brokerEpochOf(brokerId: number): number
  /** Asks the controller; `proposal.answered` is called later, once or, when it says so, again. */
  propose(proposal: IsrProposal): void
  /** The replica is in another log directory than the metadata say (KIP-858). */
  placed(replica: { readonly topicId: string; readonly partition: number }, directoryId: string): void
  /** The controller has made an in-sync set smaller, or larger, at its leader's request. */
  shrunk(): void
  expanded(): void
  /** The partition is to be fetched, from another leader or in another epoch than before. */
  follow(follower: Follower): void
  /** The partition is not to be fetched any more. */
  unfollow(follower: Follower): void
}
