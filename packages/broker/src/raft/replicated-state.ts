import type { SnapshotId } from './snapshots.ts'

/** The state that the log replicates. Every call comes from raft's own turn, one after the other; none may call back into raft but `append`, from `leaderChanged`. */
export interface ReplicatedState<Record> {
  encode(record: Record): Uint8Array
  decode(value: Uint8Array): Record
  /** A batch below the high watermark, in the order of the log, each once; after a start again from the newest snapshot, or from the log's beginning. */
  committed(batch: CommittedBatch<Record>): void
  /** Replaces everything: what is there is older than the snapshot. Batches from `id.endOffset` follow. */
  loadSnapshot(records: Iterable<Record>, id: SnapshotId): void
  /** All that was given to `committed` so far, as records; null when this is no moment for a snapshot. */
  snapshot(): Iterable<Record> | null
  /**
   * Another leader, or none (-1). To the leader itself it is told only when everything before its epoch was given to `committed`; from then on
   * it may append. That it leads no longer is told at once, before anything else happens.
   */
  leaderChanged(leader: LeaderAndEpoch): void
}

export interface LeaderAndEpoch {
  /** -1: not known. */
  readonly id: number
  readonly epoch: number
}

export interface CommittedBatch<Record> {
  /** Behind the batch's last record. */
  readonly nextOffset: number
  readonly epoch: number
  readonly timestampMs: number
  readonly sizeBytes: number
  /** Empty for a batch of raft's own records. */
  readonly records: readonly Record[]
}
