import { BatchView, batchesIn, ErrorCode, KafkaError } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import type { BrokerMetrics, TopicMetrics } from '../broker-metrics.ts'
import type { FetchWait, WatchedPartition } from '../fetch/fetch-wait.ts'
import type { LeaderPartition, PartitionMetadata } from '../services.ts'
import { type AppendOutcome, refusedAppend } from './append-outcome.ts'
import {
  divergence,
  type FetchedRecords,
  type FetchQuery,
  foundRecords,
  type ReplicaFetchQuery,
  readRecords,
  refusedFetch,
} from './fetch-query.ts'
import { effectiveMinIsr, InSyncSet } from './in-sync-set.ts'
import { LeaderWaits } from './leader-waits.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProduceRules } from './produce-rules.ts'
import { checkProduced } from './produced-batch.ts'
import { knownHighWatermark, Replica, type ReplicaOptions } from './replica.ts'
import type { ReplicaFeed } from './replica-feed.ts'

export interface LeaderOptions extends ReplicaOptions {
  readonly rules: ProduceRules
  readonly now: () => number
  readonly metrics: BrokerMetrics
}

/** One partition led by this broker: appends, the high watermark, and who waits for either. */
export class Leader extends Replica implements LeaderPartition, WatchedPartition {
  /** Of its topic. */
  readonly metrics: TopicMetrics
  readonly #options: LeaderOptions
  #metadata: PartitionMetadata
  #rules: ProduceRules
  #minIsr: number
  #highWatermark: number
  /** Where the log ended when this leadership began. */
  #epochStartOffset: number
  readonly #inSync: InSyncSet
  readonly #waits = new LeaderWaits()
  /** Where the file ended when followers were told last. */
  #toldEndOffset: number
  /** What every request is answered after this partition is lost: 0 while it is not. */
  #lostCode = 0

  constructor(options: LeaderOptions) {
    super(options, 'partition.request-failed')
    this.#options = options
    this.metrics = options.metrics.ofTopic(options.topic)
    this.#metadata = options.metadata
    this.#rules = options.rules
    this.#minIsr = effectiveMinIsr(options.rules.minIsr, options.metadata.replicas.length)
    this.#highWatermark = knownHighWatermark(options.log)
    this.#epochStartOffset = options.log.logEndOffset
    this.#toldEndOffset = options.log.writtenOffset
    this.#inSync = new InSyncSet(options, options.metadata, options.environment, () => this.reconsider())
    options.log.startEpoch(options.metadata.leaderEpoch)
    options.log.onWritten = () => this.#written()
    this.#advance()
  }

  get leaderEpoch(): number {
    return this.#metadata.leaderEpoch
  }
  /** `compression.type`. */
  get compressionType(): string {
    return this.#rules.compressionType ?? 'producer'
  }
  get highWatermark(): number {
    return this.#highWatermark
  }
  /** 0, or what is answered since the disk failed or leadership went. */
  get lostCode(): number {
    return this.#lostCode
  }

  /** New metadata of the same leadership or of a new epoch of it. */
  update(metadata: PartitionMetadata, rules: ProduceRules): void {
    const isNewEpoch = metadata.leaderEpoch !== this.#metadata.leaderEpoch
    this.#metadata = metadata
    this.#rules = rules
    this.#minIsr = effectiveMinIsr(rules.minIsr, metadata.replicas.length)
    this.#inSync.update(metadata)
    if (isNewEpoch) {
      this.#epochStartOffset = this.log.logEndOffset
      this.log.startEpoch(metadata.leaderEpoch)
      this.#waits.epochBegan()
    }
    this.reconsider()
  }

  /** In sync with this leader as the controller has committed it, and how far the others have come. */
  get inSync(): InSyncSet {
    return this.#inSync
  }
  /** `min.insync.replicas`, as it counts here. */
  get minIsr(): number {
    return this.#minIsr
  }
  get replicaCount(): number {
    return this.#metadata.replicas.length
  }
  /** What earlier leaders committed may lie above the high watermark until it has reached the start of this epoch (KIP-207). */
  get knowsEnd(): boolean {
    return this.#highWatermark >= this.#epochStartOffset
  }

  /** Has the controller take out of the in-sync set who lags for too long. */
  shrinkInSyncSet(): void {
    if (this.#lostCode !== 0) return
    this.#inSync.shrink(this.log.writtenOffset)
    this.reconsider()
  }

  /** The in-sync set or something about other brokers has changed. */
  reconsider(): void {
    if (this.#lostCode !== 0) return
    this.#inSync.expand(this.log.writtenOffset, this.#highWatermark, this.#epochStartOffset)
    this.#deleted()
    this.#advance()
  }

  /** The log lies elsewhere from now on, with the same content, all of it in the files. */
  replaceLog(log: PartitionLog): void {
    this.log.onWritten = null
    this.log = log
    log.highWatermark = this.#highWatermark
    log.startEpoch(this.leaderEpoch)
    log.onWritten = () => this.#written()
  }

  /** Appends what a client produced: exactly one batch. Every refusal is an outcome; nothing is thrown but a broken invariant. */
  append(records: Uint8Array | null, { acks, apiVersion }: { acks: number; apiVersion: number }): AppendOutcome {
    if (this.#lostCode !== 0) return this.#refused(this.#lostCode)
    if (acks === -1 && this.#inSync.isr.length < this.minIsr) return this.#refused(ErrorCode.NOT_ENOUGH_REPLICAS)
    try {
      const checked = checkProduced(records, apiVersion, this.#rules, this.#options.now())
      const { baseOffset, isDuplicate } = this.log.appendAsLeader(checked.batch, this.leaderEpoch)
      const nextOffset = baseOffset + checked.batch.lastOffsetDelta + 1
      if (!isDuplicate) this.#appended(nextOffset, checked.batch)
      return {
        errorCode: ErrorCode.NONE,
        baseOffset,
        nextOffset,
        logAppendTimeMs: checked.logAppendTimeMs,
        logStartOffset: this.logStartOffset,
      }
    } catch (error) {
      return this.#refused(this.errorCodeOf(error), error)
    }
  }

  appendAsCoordinator(bytes: Uint8Array): number {
    if (this.#lostCode !== 0) throw new KafkaError(this.#lostCode)
    if (this.#inSync.isr.length < this.minIsr) throw new KafkaError(ErrorCode.NOT_ENOUGH_REPLICAS)
    try {
      const batch = BatchView.at(bytes, 0)!
      const { baseOffset } = this.log.appendAsLeader(batch, this.leaderEpoch)
      const nextOffset = baseOffset + batch.lastOffsetDelta + 1
      this.#appended(nextOffset, batch)
      return nextOffset
    } catch (error) {
      const code = this.errorCodeOf(error)
      throw error instanceof KafkaError ? error : new KafkaError(code, messageOf(error))
    }
  }

  whenCommitted(offset: number, done: (error?: Error) => void): void {
    this.whenReplicated(offset, errorCode => (errorCode === ErrorCode.NONE ? done() : done(new KafkaError(errorCode))))
  }

  /** Calls `done` with NONE when everything below the offset is in the leader's own file, with another code when it never will be. */
  whenWritten(offset: number, done: (errorCode: number) => void): void {
    if (this.#lostCode !== 0) done(this.#lostCode)
    else if (offset <= this.log.writtenOffset) done(ErrorCode.NONE)
    else this.#waits.writes.add(offset, done)
  }

  /** Calls `done` with NONE when the high watermark reaches the offset, with another code when it never will here. */
  whenReplicated(offset: number, done: (errorCode: number) => void): void {
    if (this.#lostCode !== 0) done(this.#lostCode)
    else if (offset <= this.#highWatermark) done(ErrorCode.NONE)
    else this.#waits.commits.add(offset, done)
  }

  read(offset: number, maxBytes: number): BatchView[] {
    const { chunks } = this.log.read(offset, { maxBytes, endOffset: this.#highWatermark, atLeastOne: true })
    return chunks.flatMap(chunk => [...batchesIn(chunk)])
  }

  /** Reads below the high watermark for a consumer. Every refusal is an outcome. */
  fetch(query: FetchQuery): FetchedRecords {
    const { offset, committed } = query
    if (this.#lostCode !== 0) return refusedFetch(this.#lostCode)
    try {
      const diverging = divergence(this, query)
      if (typeof diverging === 'number') return refusedFetch(diverging)
      if (diverging !== null) return { ...foundRecords(this), divergingEpoch: diverging }
      if (offset < this.logStartOffset || offset > this.logEndOffset) return refusedFetch(ErrorCode.OFFSET_OUT_OF_RANGE)
      return readRecords(this, query, committed ? this.lastStableOffset : this.#highWatermark)
    } catch (error) {
      return refusedFetch(this.errorCodeOf(error))
    }
  }

  /** Reads for a follower, up to the end of the file, and notes how far it has come. Every refusal is an outcome. */
  fetchAsReplica(query: ReplicaFetchQuery): FetchedRecords {
    const { offset, replicaId, brokerEpoch } = query
    if (this.#lostCode !== 0) return refusedFetch(this.#lostCode)
    const progress = this.#inSync.replicas.get(replicaId)
    // With an epoch that fits, the follower may know of an assignment that is not known here yet.
    if (progress === undefined)
      return refusedFetch(query.currentLeaderEpoch >= 0 ? ErrorCode.UNKNOWN_LEADER_EPOCH : ErrorCode.NOT_LEADER_OR_FOLLOWER)
    if (brokerEpoch >= 0) {
      const known = Math.max(progress.brokerEpoch, this.#options.environment.brokerEpochOf(replicaId))
      // A process that is gone: its successor may have lost what this one had.
      if (brokerEpoch < known) return refusedFetch(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    }
    try {
      const diverging = divergence(this, query)
      if (typeof diverging === 'number') return refusedFetch(diverging)
      if (diverging !== null) return { ...foundRecords(this), divergingEpoch: diverging }
      const { writtenOffset } = this.log
      if (offset < this.logStartOffset || offset > writtenOffset) return refusedFetch(ErrorCode.OFFSET_OUT_OF_RANGE)
      if (query.isFirstLook) {
        const { logStartOffset, fetcher } = query
        const nowMs = this.#options.environment.nowMs()
        progress.fetched({ offset, logStartOffset, brokerEpoch, leaderEndOffset: writtenOffset, nowMs, fetcher })
        this.#inSync.expandBy(progress, this.#highWatermark, this.#epochStartOffset)
        this.#deleted()
        this.#advance()
      }
      return readRecords(this, query, writtenOffset)
    } catch (error) {
      return refusedFetch(this.errorCodeOf(error))
    }
  }

  addFeed(feed: ReplicaFeed): void {
    this.#waits.feeds.add(feed)
  }
  removeFeed(feed: ReplicaFeed): void {
    this.#waits.feeds.delete(feed)
  }

  addFetch(wait: FetchWait): void {
    this.#waits.fetches.add(wait)
  }
  removeFetch(wait: FetchWait): void {
    this.#waits.fetches.delete(wait)
  }

  epochAt(offset: number): number {
    return this.log.epochAt(offset)
  }
  endOfEpoch(epoch: number): { epoch: number; endOffset: number } {
    return epoch === this.leaderEpoch ? { epoch, endOffset: this.logEndOffset } : this.log.endOfEpoch(epoch)
  }
  offsetForTimestamp(timestamp: number): { offset: number; timestamp: number } | null {
    return this.log.offsetForTimestamp(timestamp)
  }
  offsetOfMaxTimestamp(): { offset: number; timestamp: number } | null {
    return this.log.offsetOfMaxTimestamp()
  }

  /** DeleteRecords: moves the log start; -1 means the high watermark. */
  deleteRecordsBefore(offset: number): { errorCode: number; lowWatermark: number } {
    const refused = (errorCode: number) => ({ errorCode, lowWatermark: -1 })
    if (this.#lostCode !== 0) return refused(this.#lostCode)
    if (!this.#rules.mayDeleteRecords) return refused(ErrorCode.POLICY_VIOLATION)
    const target = offset === -1 ? this.#highWatermark : offset
    if (target < 0 || target > this.#highWatermark) return refused(ErrorCode.OFFSET_OUT_OF_RANGE)
    try {
      this.log.deleteBefore(target)
      this.#waits.startMoved()
      return { errorCode: ErrorCode.NONE, lowWatermark: this.logStartOffset }
    } catch (error) {
      return refused(this.errorCodeOf(error))
    }
  }

  /** The lowest log start of all replicas on brokers that live: no record before it is anywhere. */
  get lowWatermark(): number {
    let lowest = this.logStartOffset
    for (const { brokerId, brokerEpoch, logStartOffset } of this.#inSync.replicas.values())
      if (this.#options.environment.mayBeInSync(brokerId, brokerEpoch)) lowest = Math.min(lowest, logStartOffset)
    return lowest
  }

  /** Calls `done` with NONE when the low watermark reaches the offset, with another code when it never will here. */
  whenDeleted(offset: number, done: (errorCode: number) => void): void {
    if (this.#lostCode !== 0) done(this.#lostCode)
    else if (offset <= this.lowWatermark) done(ErrorCode.NONE)
    else this.#waits.deletions.add(offset, done)
  }

  /** Ends the leadership: who waits is answered with the code, and so is every later request. */
  lose(errorCode: number): void {
    if (this.#lostCode !== 0) return
    this.#lostCode = errorCode
    this.log.onWritten = null
    this.#inSync.end()
    this.#waits.fail(errorCode)
  }

  #appended(nextOffset: number, batch: BatchView): void {
    this.metrics.appended(batch)
    this.#waits.appended(nextOffset, batch.sizeInBytes)
    this.#advance()
  }

  #written(): void {
    const { failure, writtenOffset } = this.log
    if (failure !== null) {
      this.lose(ErrorCode.KAFKA_STORAGE_ERROR)
      return
    }
    this.#inSync.grown(this.#toldEndOffset)
    this.#toldEndOffset = writtenOffset
    this.#waits.written(writtenOffset)
    this.#advance()
  }

  #advance(): void {
    if (this.#lostCode !== 0) return
    const next = this.#inSync.highWatermark(this.#highWatermark, this.log.writtenOffset, this.minIsr)
    if (next === this.#highWatermark) return
    this.#highWatermark = next
    this.log.highWatermark = next
    this.#waits.committed(next)
  }

  #deleted(): void {
    const { deletions } = this.#waits
    if (deletions.size > 0) deletions.advance(this.lowWatermark)
  }

  #refused(errorCode: number, error?: unknown): AppendOutcome {
    return refusedAppend(errorCode, this.logStartOffset, error)
  }
}
