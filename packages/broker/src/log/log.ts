import type { BatchView } from '@millrace/protocol'
import type { DiskError, Logger, World } from '@millrace/runtime'
import type { LogConfig } from './log-config.ts'

export interface LogOptions {
  readonly world: World
  readonly logger: Logger
  /** The partition's own directory, `<log directory>/<topic>-<partition>`; created if it is not there. */
  readonly directory: string
  readonly topic: string
  readonly partition: number
  /** Written to `partition.metadata` when that is not there. */
  readonly topicId?: string
  readonly config: LogConfig
  /** Everything below was forced to disk: damage there is an error, damage behind it is cut off. Default 0. */
  readonly recoveryPoint?: number
  /** Default: the first segment's. */
  readonly logStartOffset?: number
  /** The last owner closed it: no recovery. Default false. */
  readonly clean?: boolean
  /** `producer.id.expiration.ms`. Default one day. */
  readonly producerIdExpirationMs?: number
}

export interface LogRead {
  /** Whole batches, one or several a chunk: never change them. */
  readonly chunks: Uint8Array[]
  readonly sizeBytes: number
  /** Behind the last batch that was read; the offset asked for when there was none. */
  readonly nextOffset: number
}

/**
 * One partition's log: segments, indexes, epochs and producer state. Synchronous, one writer.
 * Throws KafkaError for what a client did wrong, DiskError once the disk has failed.
 */
export declare class Log {
  /** Opens, or creates. Recovers when not `clean`. Throws CorruptLogError for damage below the recovery point. */
  static open(options: LogOptions): Log

  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly topicId: string | undefined
  readonly config: LogConfig
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Everything below is in the file: a killed process does not lose it. Equal to `logEndOffset` unless `onWritten` is set. */
  readonly writtenOffset: number
  /** Everything below was forced to disk. */
  readonly recoveryPoint: number
  /** Retention deletes nothing at or above it. The partition sets it. */
  highWatermark: number
  /** Epoch of the last batch or `startEpoch`; -1 without any. */
  readonly lastEpoch: number
  readonly sizeBytes: number
  /** The disk failed: appends throw this. */
  readonly failure: DiskError | null
  /**
   * Null (default): an append returns when the bytes are in the file. Else appends are gathered, written once a tick or per 64 KiB, and this is
   * called after each writing: acknowledge up to `writtenOffset` only. Never called from inside `append…`.
   */
  onWritten: (() => void) | null

  /** Begins an epoch at the end of the log. */
  startEpoch(leaderEpoch: number): void
  /**
   * Appends one checked batch: offset and epoch are set in place; the bytes belong to the log from here on. Checks the producer's epoch and
   * sequence. Throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, RECORD_LIST_TOO_LARGE; DiskError.
   */
  appendAsLeader(batch: BatchView, leaderEpoch: number): { baseOffset: number; isDuplicate: boolean }
  /** Appends batches as a leader gave them: offsets and epochs stay. Returns the new end. Throws CorruptBatchError, DiskError. */
  appendAsFollower(bytes: Uint8Array): number
  /** Whole batches from the one that holds `offset`, up to `endOffset`. Throws KafkaError OFFSET_OUT_OF_RANGE, DiskError. */
  read(offset: number, options: { maxBytes: number; endOffset?: number; atLeastOne?: boolean }): LogRead
  epochAt(offset: number): number
  endOfEpoch(epoch: number): { epoch: number; endOffset: number }
  offsetForTimestamp(timestamp: number): { offset: number; timestamp: number } | null
  offsetOfMaxTimestamp(): { offset: number; timestamp: number } | null
  /** Moves the log start (DeleteRecords). */
  deleteBefore(offset: number): void
  /** Drops what is at or behind `offset`, whole batches; durable when it returns. Returns the new end. */
  truncateTo(offset: number): number
  /** Drops all; the log starts and ends at `offset`. */
  truncateFullyAndStartAt(offset: number): void
  /** Forces to disk all that is appended at the time of the call; calls in one tick share one sync. */
  flush(): Promise<void>
  /** The same, blocking. */
  flushNow(): void
  /** Deletes old segments by time, size and log start. Returns how many. */
  applyRetention(): number
  /** Takes up other settings. */
  configure(config: LogConfig): void
  /** Flushes, snapshots the producer state. */
  close(): Promise<void>
  /** Renames the directory to `…-delete`; it is removed after `file.delete.delay.ms`. */
  remove(): void
}
