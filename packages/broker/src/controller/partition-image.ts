import type { PartitionChangeRecord, PartitionRecord } from '@millrace/protocol'
import type { PartitionMetadata, TopicMetadata } from '../services.ts'
import { migratingDirectory } from './directory-id.ts'
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
const noRecoveryChange = -1
/** Lists that a change replaces under their own names. */
const changedLists = ['replicas', 'isr', 'addingReplicas', 'removingReplicas', 'eligibleLeaderReplicas', 'directories'] as const
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Which of some replicas are not to be reached: asked when it matters, as brokers come and go without a change of the partition. */
export type OfflineOf = (replicas: readonly number[], directories: readonly string[]) => readonly number[]

/** What a partition keeps, in the log and in memory alike; the class below is the one list of it. */
type PartitionFields = Omit<PartitionImage, 'offlineReplicas'>

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

  constructor(fields: PartitionFields, offlineOf: OfflineOf) {
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
    return this.#offlineOf(this.replicas, this.directories)
  }
}

export function partitionOf(record: PartitionRecord, offlineOf: OfflineOf): PartitionImage {
  const { replicas, directories, eligibleLeaderReplicas, lastKnownElr } = record
  return new Partition(
    {
      ...record,
      // A record of a time before directories were told has none.
      directories: directories.length === replicas.length ? directories : replicas.map(() => migratingDirectory),
      eligibleLeaderReplicas: eligibleLeaderReplicas ?? none,
      lastKnownEligibleLeaderReplicas: lastKnownElr ?? none,
    },
    offlineOf,
  )
}

/** The leader epoch grows with each change that names a leader, the partition epoch with each change. */
export function changedPartition(before: PartitionImage, change: PartitionChangeRecord, offlineOf: OfflineOf): PartitionImage {
  const { leader, leaderRecoveryState, lastKnownElr } = change
  const fields: Mutable<PartitionFields> = { ...before }
  for (const name of changedLists) if (change[name]) fields[name] = change[name] as never
  if (change.replicas && !change.directories) fields.directories = change.replicas.map(() => migratingDirectory)
  if (lastKnownElr) fields.lastKnownEligibleLeaderReplicas = lastKnownElr
  if (leaderRecoveryState !== noRecoveryChange) fields.leaderRecoveryState = leaderRecoveryState
  if (leader !== noChange) {
    fields.leader = leader
    fields.leaderEpoch++
  }
  fields.partitionEpoch++
  return new Partition(fields, offlineOf)
}

/** The record from which the partition can be made again, for snapshots. */
export function partitionRecordOf(topicId: string, partitionId: number, partition: PartitionImage): PartitionRecord {
  const { eligibleLeaderReplicas: elr, lastKnownEligibleLeaderReplicas: lastKnown, ...fields }: PartitionFields = partition
  const orNull = (ids: readonly number[]) => (ids.length > 0 ? ids : null)
  return { topicId, partitionId, ...fields, eligibleLeaderReplicas: orNull(elr), lastKnownElr: orNull(lastKnown) }
}
