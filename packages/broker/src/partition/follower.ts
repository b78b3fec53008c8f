import { batchesIn, CorruptBatchError, ErrorCode } from '@millrace/protocol'
import type { Logger } from '@millrace/runtime'
import type { FetchWait, WatchedPartition } from '../fetch/fetch-wait.ts'
import type { PartitionMetadata } from '../services.ts'
import { divergedEnd } from './agreed-end.ts'
import { divergence, type FetchedRecords, type FetchQuery, foundRecords, readRecords, refusedFetch } from './fetch-query.ts'
import type { PartitionLog } from './partition-log.ts'
import { knownHighWatermark, Replica, type ReplicaOptions } from './replica.ts'
import type { ReplicaEnvironment } from './replica-environment.ts'

/** What a leader answered to a fetch, without error. */
export interface ReplicatedRecords {
  /** Whole batches, the log's from here on; a cut one may follow them. Empty: nothing new. */
  readonly records: Uint8Array
  /** The leader's. */
  readonly highWatermark: number
  /** The leader's. */
  readonly logStartOffset: number
}

/**
 * One partition followed by this broker. It takes what its leader has, in the leader's order, and cuts off what the leader does not have;
 * `replication/` asks the leader. Everything before `logEndOffset` is in the file whenever another part can look.
 */
export class Follower extends Replica implements WatchedPartition {
  readonly #environment: ReplicaEnvironment
  readonly #logger: Logger
  readonly #fetches = new Set<FetchWait>()
  #metadata: PartitionMetadata
  #highWatermark: number
  /** The leader's end is ahead by so many records, as of its last answer. */
  #lag = 0
  #lostCode = 0

  constructor(options: ReplicaOptions) {
    super(options, 'replica.failed')
    this.#environment = options.environment
    this.#logger = options.logger
    this.#metadata = options.metadata
    this.log.onWritten = null
    this.log.write()
    this.#highWatermark = knownHighWatermark(this.log)
    options.environment.follow(this)
  }

  /** -1: there is none at present. */
  get leaderId(): number {
    return this.#metadata.leader
  }
  get leaderEpoch(): number {
    return this.#metadata.leaderEpoch
  }
  get highWatermark(): number {
    return this.#highWatermark
  }
  /** Epoch of the last record; -1 without any. */
  get lastFetchedEpoch(): number {
    return this.log.logEndOffset > this.log.logStartOffset ? this.log.epochAt(this.log.logEndOffset - 1) : -1
  }
  /** Records that the leader has and this replica not, as of the last answer. */
  get lag(): number {
    return this.#lag
  }
  /** 0, or what is answered since the disk failed or the partition has another slot. */
  get lostCode(): number {
    return this.#lostCode
  }

  update(metadata: PartitionMetadata): void {
    const before = this.#metadata
    this.#metadata = metadata
    if (metadata.leaderEpoch !== before.leaderEpoch || metadata.leader !== before.leader) this.#environment.follow(this)
  }

  /**
   * Appends what the leader sent for a fetch from `logEndOffset`. Throws CorruptBatchError for batches that are damaged or do not follow (those
   * before them are taken), DiskError.
   */
  take({ records, highWatermark, logStartOffset }: ReplicatedRecords): void {
    if (records.length > 0) this.#append(records)
    this.#lag = Math.max(0, highWatermark - this.log.logEndOffset)
    this.#advance(highWatermark)
    if (logStartOffset > this.log.logStartOffset && logStartOffset <= this.#highWatermark) this.log.deleteBefore(logStartOffset)
  }

  /**
   * The leader's log parts from this one: its largest epoch up to that of the last record here is `epoch`, and ends at `endOffset` (KIP-279). Cuts
   * to where both agree, as far as this log's own epochs tell; the next fetch asks again. Throws DiskError.
   */
  diverged(diverging: { readonly epoch: number; readonly endOffset: number }): void {
    this.truncateTo(divergedEnd(this.log, diverging))
  }

  /** Cuts off what is at or behind the offset. Throws DiskError. */
  truncateTo(offset: number): void {
    const { topic, partition } = this
    if (offset < this.#highWatermark)
      this.#logger.warn('replica.truncated-below-high-watermark', {
        topic,
        partition,
        offset,
        highWatermark: this.#highWatermark,
        logEndOffset: this.logEndOffset,
      })
    this.log.truncateTo(offset)
    this.#highWatermark = Math.min(this.#highWatermark, this.log.logEndOffset)
    this.log.highWatermark = this.#highWatermark
  }

  /** Drops everything: the leader's log starts behind this one's end. Throws DiskError. */
  startAt(offset: number): void {
    this.log.truncateFullyAndStartAt(offset)
    this.#highWatermark = offset
    this.log.highWatermark = offset
  }

  /** The log lies elsewhere from now on, with the same content. */
  replaceLog(log: PartitionLog): void {
    this.log = log
    log.highWatermark = this.#highWatermark
  }

  /** Reads below this replica's high watermark for a consumer (KIP-392). Every refusal is an outcome. */
  fetch(query: FetchQuery): FetchedRecords {
    const { offset } = query
    if (this.#lostCode !== 0) return refusedFetch(this.#lostCode)
    try {
      if (offset < this.logStartOffset) return refusedFetch(ErrorCode.OFFSET_OUT_OF_RANGE)
      const diverging = divergence(this.log, query)
      if (typeof diverging === 'object' && diverging !== null && query.lastFetchedEpoch < this.log.lastEpoch)
        return { ...foundRecords(this), divergingEpoch: diverging }
      // What is not here may yet come.
      if (diverging !== null || offset > this.logEndOffset) return refusedFetch(ErrorCode.OFFSET_NOT_AVAILABLE)
      return readRecords(this, query, this.#highWatermark)
    } catch (error) {
      return refusedFetch(this.errorCodeOf(error))
    }
  }

  addFetch(wait: FetchWait): void {
    this.#fetches.add(wait)
  }
  removeFetch(wait: FetchWait): void {
    this.#fetches.delete(wait)
  }

  /** Ends the following: nothing is fetched any more, and who waits here looks again. */
  lose(errorCode: number): void {
    if (this.#lostCode !== 0) return
    this.#lostCode = errorCode
    this.#environment.unfollow(this)
    for (const wait of this.#fetches) wait.wake()
  }

  #append(records: Uint8Array): void {
    let end = 0
    let fault: string | null = null
    const { logStartOffset, logEndOffset } = this.log
    for (const batch of batchesIn(records)) {
      // DeleteRecords may have moved the leader's start into a batch: an empty log then starts with the whole of it.
      const reachesOver = end === 0 && batch.baseOffset < logEndOffset && batch.nextOffset > logEndOffset
      if (reachesOver && logStartOffset === logEndOffset) this.startAt(batch.baseOffset)
      // A leader of a later epoch is asked in that epoch.
      if (batch.partitionLeaderEpoch > this.leaderEpoch) break
      if (!batch.isCrcValid()) {
        fault = `wrong CRC in the batch at offset ${batch.baseOffset}`
        break
      }
      end += batch.sizeInBytes
    }
    if (end > 0) this.log.appendAsFollower(end === records.length ? records : records.subarray(0, end))
    if (fault !== null) throw new CorruptBatchError(fault)
  }

  #advance(leaderHighWatermark: number): void {
    const next = Math.min(leaderHighWatermark, this.log.logEndOffset)
    if (next <= this.#highWatermark) return
    this.#highWatermark = next
    this.log.highWatermark = next
    // How many bytes that are is not known without reading: enough to look again.
    for (const wait of this.#fetches) wait.wake()
  }
}
