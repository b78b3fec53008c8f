import type { PartitionChangeRecord, PartitionRecord } from '@millrace/protocol'
import type { PartitionMetadata, TopicMetadata } from '../services.ts'
import { noChange } from './metadata-record.ts'

/** What the controller knows of a partition beyond what brokers need. Immutable. */
export interface PartitionImage extends PartitionMetadata {
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
  /** 0 recovered; 1 recovering: the leader was elected uncleanly and has not yet said that its log is in order. */
  readonly leaderRecoveryState: number
  /** Log directory of each replica, in the order of `replicas`. */
  readonly directories: readonly string[]
}

export interface TopicImage extends TopicMetadata {
  readonly partitions: readonly PartitionImage[]
}

const none: readonly number[] = []

/** Which of some replicas are not to be reached: asked when it matters, as brokers come and go without a change of the partition. */
export type OfflineOf = (replicas: readonly number[]) => readonly number[]

class Partition implements PartitionImage {
  readonly #offlineOf: OfflineOf
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownEligibleLeaderReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly leaderRecoveryState: number
  readonly directories: readonly string[]

  constructor(fields: Omit<PartitionImage, 'offlineReplicas'>, offlineOf: OfflineOf) {
    this.leader = fields.leader
    this.leaderEpoch = fields.leaderEpoch
    this.partitionEpoch = fields.partitionEpoch
    this.replicas = fields.replicas
    this.isr = fields.isr
    this.eligibleLeaderReplicas = fields.eligibleLeaderReplicas
    this.lastKnownEligibleLeaderReplicas = fields.lastKnownEligibleLeaderReplicas
    this.addingReplicas = fields.addingReplicas
    this.removingReplicas = fields.removingReplicas
    this.leaderRecoveryState = fields.leaderRecoveryState
    this.directories = fields.directories
    this.#offlineOf = offlineOf
  }

  get offlineReplicas(): readonly number[] {
    return this.#offlineOf(this.replicas)
  }
}

export function partitionOf(record: PartitionRecord, offlineOf: OfflineOf): PartitionImage {
  const {
    replicas,
    isr,
    removingReplicas,
    addingReplicas,
    leader,
    leaderRecoveryState,
    leaderEpoch,
    partitionEpoch,
    directories,
  } = record
  return new Partition(
    {
      replicas,
      isr,
      removingReplicas,
      addingReplicas,
      leader,
      leaderRecoveryState,
      leaderEpoch,
      partitionEpoch,
      directories,
      eligibleLeaderReplicas: record.eligibleLeaderReplicas ?? none,
      lastKnownEligibleLeaderReplicas: record.lastKnownElr ?? none,
    },
    offlineOf,
  )
}

/** The leader epoch grows with each change of the leader, the partition epoch with each change. */
export function changedPartition(before: PartitionImage, change: PartitionChangeRecord, offlineOf: OfflineOf): PartitionImage {
  const leaderChanges = change.leader !== noChange
  return new Partition(
    {
      replicas: change.replicas ?? before.replicas,
      isr: change.isr ?? before.isr,
      removingReplicas: change.removingReplicas ?? before.removingReplicas,
      addingReplicas: change.addingReplicas ?? before.addingReplicas,
      leader: leaderChanges ? change.leader : before.leader,
      leaderRecoveryState: change.leaderRecoveryState === -1 ? before.leaderRecoveryState : change.leaderRecoveryState,
      leaderEpoch: leaderChanges ? before.leaderEpoch + 1 : before.leaderEpoch,
      partitionEpoch: before.partitionEpoch + 1,
      directories: change.directories ?? before.directories,
      eligibleLeaderReplicas: change.eligibleLeaderReplicas ?? before.eligibleLeaderReplicas,
      lastKnownEligibleLeaderReplicas: change.lastKnownElr ?? before.lastKnownEligibleLeaderReplicas,
    },
    offlineOf,
  )
}

/** The record from which the partition can be made again, for snapshots. */
export function partitionRecordOf(topicId: string, partitionId: number, partition: PartitionImage): PartitionRecord {
  const {
    replicas,
    isr,
    removingReplicas,
    addingReplicas,
    leader,
    leaderRecoveryState,
    leaderEpoch,
    partitionEpoch,
    directories,
  } = partition
  const orNull = (ids: readonly number[]) => (ids.length > 0 ? ids : null)
  return {
    topicId,
    partitionId,
    replicas,
    isr,
    removingReplicas,
    addingReplicas,
    leader,
    leaderRecoveryState,
    leaderEpoch,
    partitionEpoch,
    directories,
    eligibleLeaderReplicas: orNull(partition.eligibleLeaderReplicas),
    lastKnownElr: orNull(partition.lastKnownEligibleLeaderReplicas),
  }
}
