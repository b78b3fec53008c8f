import type { BatchView } from '@millrace/protocol'

/** What a partition needs of its log (`log/`): a seam for tests, and the list of what replication may rely on. */
export interface PartitionLog {
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Everything below is in the file, where a killed process does not lose it: what may be acknowledged. */
  readonly writtenOffset: number
  /** Set by the partition: retention stops here. At first what the checkpoint of the log directory says. */
  highWatermark: number
  /** Set: appends are gathered and written once a tick, and this is called after each writing, never from inside an append. Null: written at once. */
  onWritten: (() => void) | null
  /** The disk failed. */
  readonly failure: Error | null
  /** Epoch of the last batch or of `startEpoch`; -1 without any. */
  readonly lastEpoch: number
  /** Begins an epoch at the end of the log. */
  startEpoch(leaderEpoch: number): void
  /** Appends one checked batch; offsets and epoch are set in place. Throws KafkaError (producer state, RECORD_LIST_TOO_LARGE) or DiskError. */
  appendAsLeader(batch: BatchView, leaderEpoch: number): { baseOffset: number; isDuplicate: boolean }
  /** Appends batches as a leader gave them, in the file when it returns. Returns the new end. Throws CorruptBatchError for offsets that do not follow, DiskError. */
  appendAsFollower(bytes: Uint8Array): number
  /** Brings to the file what is only in memory. Throws DiskError. */
  write(): void
  /** Drops what is at or behind `offset`, whole batches; durable when it returns. Returns the new end. */
  truncateTo(offset: number): number
  /** Drops all; the log starts and ends at `offset`. */
  truncateFullyAndStartAt(offset: number): void
  /** `allocate` gives the memory for what is read from disk; default: fresh memory. */
  read(
    offset: number,
    options: { maxBytes: number; endOffset: number; atLeastOne: boolean; allocate?: (bytes: number) => Buffer },
  ): { chunks: Uint8Array[]; sizeBytes: number }
  epochAt(offset: number): number
  endOfEpoch(epoch: number): { epoch: number; endOffset: number }
  offsetForTimestamp(timestamp: number): { offset: number; timestamp: number } | null
  offsetOfMaxTimestamp(): { offset: number; timestamp: number } | null
  deleteBefore(offset: number): void
}
