import { ErrorCode } from '@millrace/protocol'
import type { PartitionLog } from './partition-log.ts'
import type { FetcherLiveness } from './replica-progress.ts'

export interface FetchQuery {
  readonly offset: number
  /** -1: no check for divergence. */
  readonly lastFetchedEpoch: number
  readonly maxBytes: number
  /** One batch even if it is larger than `maxBytes`. */
  readonly atLeastOne: boolean
  /** Only up to the last stable offset. */
  readonly committed: boolean
  /** Memory for what is read from disk; default: fresh memory. */
  readonly allocate?: (bytes: number) => Buffer
}

/** The fetch of another replica: its position is its acknowledgement of everything before. */
export interface ReplicaFetchQuery extends Omit<FetchQuery, 'committed'> {
  readonly replicaId: number
  /** Of the follower's registration; -1 from brokers that do not say. */
  readonly brokerEpoch: number
  /** The leader epoch that the follower believes in; -1 from those that do not say. */
  readonly currentLeaderEpoch: number
  /** Where the follower's log starts. */
  readonly logStartOffset: number
  /** Who fetches, of all partitions that it follows from this broker. */
  readonly fetcher: FetcherLiveness
  /** Whether the position counts: the first look of a request does, another one after a wait tells nothing new. */
  readonly isFirstLook: boolean
}

export interface FetchedRecords {
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Whole batches, from the log's memory where they are recent: not to be changed. */
  readonly chunks: Uint8Array[]
  readonly recordBytes: number
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number }
}

/** As in Kafka, an error carries no offsets. */
export function refusedFetch(errorCode: number): FetchedRecords {
  return { errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, chunks: [], recordBytes: 0 }
}

interface ReadReplica {
  readonly log: PartitionLog
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

/** Records that a replica gives, none unless told otherwise, with its offsets of now. */
export function foundRecords(
  { highWatermark, lastStableOffset, logStartOffset }: ReadReplica,
  chunks: Uint8Array[] = [],
  recordBytes = 0,
): FetchedRecords {
  return { errorCode: ErrorCode.NONE, highWatermark, lastStableOffset, logStartOffset, chunks, recordBytes }
}

/** What a replica has from the offset up to `endOffset`; nothing from there on. Throws as the log does. */
export function readRecords(
  replica: ReadReplica,
  { offset, maxBytes, atLeastOne, allocate }: Pick<FetchQuery, 'offset' | 'maxBytes' | 'atLeastOne' | 'allocate'>,
  endOffset: number,
): FetchedRecords {
  if (offset >= endOffset) return foundRecords(replica)
  const { chunks, sizeBytes } = replica.log.read(offset, { maxBytes, endOffset, atLeastOne, ...(allocate ? { allocate } : {}) })
  return foundRecords(replica, chunks, sizeBytes)
}

/** NONE, or how the epoch that somebody believes in is refused; -1 is believed to be any. */
export function checkLeaderEpoch(believed: number, leaderEpoch: number): number {
  if (believed < 0 || believed === leaderEpoch) return ErrorCode.NONE
  return believed < leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH
}

/**
 * Where a reader's log and this one part (KIP-320, KIP-595): the reader has records up to `offset`, the last of `lastFetchedEpoch`. Null when they
 * agree, a number for the error to answer.
 */
export function divergence(
  log: { readonly logStartOffset: number; endOfEpoch(epoch: number): { epoch: number; endOffset: number } },
  { offset, lastFetchedEpoch }: Pick<FetchQuery, 'offset' | 'lastFetchedEpoch'>,
): { readonly epoch: number; readonly endOffset: number } | number | null {
  if (lastFetchedEpoch < 0) return null
  const end = log.endOfEpoch(lastFetchedEpoch)
  if (end.endOffset < 0 || offset < log.logStartOffset) return ErrorCode.OFFSET_OUT_OF_RANGE
  return end.epoch < lastFetchedEpoch || end.endOffset < offset ? end : null
}
