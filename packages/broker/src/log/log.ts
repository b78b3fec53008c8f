import { type BatchView, batchesIn, CorruptBatchError, ErrorCode, KafkaError, setBaseOffsetAndEpoch } from '@millrace/protocol'
import { assert, type DiskError, type Logger, type World } from '@millrace/runtime'
import { DiskGuard } from './disk-guard.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import { LogEnd } from './log-end.ts'
import { LogFlush } from './log-flush.ts'
import type { LogOptions, LogRead } from './log-options.ts'
import { LogPlace } from './log-place.ts'
import { LogReader, type LogReadOptions } from './log-reader.ts'
import type { FoundOffset } from './log-search.ts'
import { LogSegments } from './log-segments.ts'
import { LogStart } from './log-start.ts'
import { type OpenedLog, openSegments, replay } from './open-segments.ts'
import { readTopicId, syncTopicId, writeTopicId } from './partition-metadata.ts'
import type { ProducerLog } from './producer-log.ts'
import { type LogTail, TailCache } from './tail-cache.ts'

const dayMs = 86_400_000

/**
 * One partition's log: segments, indexes, epochs and producer state. Synchronous, one writer.
 * Throws KafkaError for what a client did wrong, DiskError once the disk has failed, CorruptLogError for damaged files.
 */
export class Log {
  readonly topic: string
  readonly partition: number
  readonly #world: World
  readonly #logger: Logger
  readonly #options: LogOptions
  readonly #guard: DiskGuard
  readonly #epochs: LeaderEpochs
  readonly #producers: ProducerLog
  readonly #flush: LogFlush
  readonly #tail: LogTail
  readonly #place: LogPlace
  readonly #segments: LogSegments
  readonly #start: LogStart
  readonly #end: LogEnd
  readonly #reader: LogReader
  #topicId: string | undefined
  #config: LogConfig
  #highWatermark: number
  #isClosed = false

  /** Opens, or creates. Recovers when not `clean`. Throws CorruptLogError for damage below the recovery point. */
  static open(options: LogOptions): Log {
    const { world, directory, topicId } = options
    world.disk.makeDirectory(directory)
    const epochs = new LeaderEpochs(world.disk, directory)
    const opened = openSegments(
      {
        ...options,
        recoveryPoint: options.recoveryPoint ?? 0,
        clean: options.clean ?? false,
        isBackedBySnapshot: options.isBackedBySnapshot ?? false,
        producerIdExpirationMs: options.producerIdExpirationMs ?? dayMs,
      },
      epochs,
    )
    const known = readTopicId(world.disk, directory)
    if (known === undefined && topicId !== undefined) writeTopicId(world.disk, directory, topicId)
    const log = new Log(options, opened, epochs, known ?? topicId)
    // What a killed process wrote and did not sync was acknowledged to nobody; now that it is there again it can be read, and sent again it counts as written.
    const isSyncedByCount = options.config.flushMessages < Number.MAX_SAFE_INTEGER
    if (isSyncedByCount && opened.isChanged && log.logEndOffset > log.recoveryPoint) log.flushNow()
    return log
  }

  private constructor(options: LogOptions, opened: OpenedLog, epochs: LeaderEpochs, topicId: string | undefined) {
    const { world, directory } = options
    this.topic = options.topic
    this.partition = options.partition
    this.#world = world
    this.#logger = options.logger
    this.#options = options
    this.#topicId = topicId
    this.#config = options.config
    this.#epochs = epochs
    this.#producers = opened.producers
    this.#highWatermark = opened.logStartOffset
    this.#tail = (options.tailCache ?? new TailCache(0)).tail()
    this.#guard = new DiskGuard(error => {
      this.#end.dropUnwritten()
      options.onFailed?.(error)
    })
    this.#place = new LogPlace(world, options.logger, this.#guard, directory)
    this.#flush = new LogFlush({
      guard: this.#guard,
      recoveryPoint: opened.recoveryPoint,
      unflushed: opened.segments.filter(
        (_, index) => (opened.segments[index + 1]?.baseOffset ?? Infinity) > opened.recoveryPoint,
      ),
      prepare: () => {
        this.#end.write()
        return { active: this.#segments.active, endOffset: this.logEndOffset }
      },
      syncNames: () => {
        this.#epochs.save()
        syncTopicId(world.disk, this.directory)
        this.#place.sync()
      },
      syncEpochs: () => this.#epochs.save(),
    })
    this.#segments = new LogSegments(world, directory, options.config, this.#flush, opened.segments)
    const { clock } = world
    const { flushMessages, flushMs } = options.config
    const parts = { clock, guard: this.#guard, segments: this.#segments, epochs, producers: this.#producers, tail: this.#tail }
    this.#end = new LogEnd(
      { ...parts, flush: this.#flush },
      { endOffset: opened.logEndOffset, isChanged: opened.isChanged, flushMessages, flushMs },
    )
    const { logger } = options
    this.#start = new LogStart({ ...parts, logger, end: this.#end, place: this.#place }, options, opened.logStartOffset)
    this.#reader = new LogReader({ ...parts, end: this.#end })
  }

  get directory(): string {
    return this.#place.directory
  }
  /**
   * Null (default): an append returns when the bytes are in the file. Else appends are gathered, written once a tick or per 64 KiB, and this is
   * called after each writing: acknowledge up to `writtenOffset` only. Never called from inside `append…`.
   */
  get onWritten(): (() => void) | null {
    return this.#end.onWritten
  }
  set onWritten(listener: (() => void) | null) {
    this.#end.onWritten = listener
  }
  get topicId(): string | undefined {
    return this.#topicId
  }
  get config(): LogConfig {
    return this.#config
  }
  get logStartOffset(): number {
    return this.#start.offset
  }
  get logEndOffset(): number {
    return this.#end.offset
  }
  /** Everything below is in the file: a killed process does not lose it. Equal to `logEndOffset` unless `onWritten` is set. */
  get writtenOffset(): number {
    return this.#end.writtenOffset
  }
  /** Everything below was forced to disk. */
  get recoveryPoint(): number {
    return this.#flush.recoveryPoint
  }
  /** Retention deletes nothing at or above it. The partition sets it. */
  get highWatermark(): number {
    return this.#highWatermark
  }
  set highWatermark(offset: number) {
    this.#highWatermark = offset
  }
  /** First offset of the earliest open transaction, -1 when there is none. */
  get firstUnstableOffset(): number {
    return this.#producers.state.firstUnstableOffset
  }
  /** Epoch of the last batch or `startEpoch`; -1 without any. */
  get lastEpoch(): number {
    return this.#epochs.last
  }
  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }
  get segmentCount(): number {
    return this.#segments.all.length
  }
  get firstSegmentOffset(): number {
    return this.#segments.first.baseOffset
  }
  /** The disk failed: appends throw this. */
  get failure(): DiskError | null {
    return this.#guard.failure
  }

  /** Writes `partition.metadata` of a log that was created without an id. */
  assignTopicId(topicId: string): void {
    assert(this.#topicId === undefined || this.#topicId === topicId, `${this.directory} belongs to topic id ${this.#topicId}`)
    if (this.#topicId === undefined) this.#guard.run(() => writeTopicId(this.#world.disk, this.directory, topicId))
    this.#topicId = topicId
  }

  /** Begins an epoch at the end of the log. */
  startEpoch(leaderEpoch: number): void {
    this.#epochs.assign(leaderEpoch, this.logEndOffset)
  }

  /**
   * Appends one checked batch: offset and epoch are set in place; the bytes belong to the log from here on. Checks the producer's epoch and
   * sequence. Throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, RECORD_LIST_TOO_LARGE; DiskError.
   */
  appendAsLeader(batch: BatchView, leaderEpoch: number): { baseOffset: number; isDuplicate: boolean } {
    this.#guard.check()
    if (batch.sizeInBytes > this.#config.segmentBytes)
      throw new KafkaError(
        ErrorCode.RECORD_LIST_TOO_LARGE,
        `a batch of ${batch.sizeInBytes} bytes does not fit a segment of ${this.#config.segmentBytes}`,
      )
    const duplicateOf = this.#producers.state.check(batch)
    if (duplicateOf >= 0) return { baseOffset: duplicateOf, isDuplicate: true }
    const baseOffset = this.logEndOffset
    setBaseOffsetAndEpoch(batch.buffer, batch.offset, baseOffset, leaderEpoch)
    this.#end.append(batch, leaderEpoch, true)
    if (this.onWritten === null) this.#end.write()
    return { baseOffset, isDuplicate: false }
  }

  /**
   * Appends batches as a leader gave them: offsets and epochs stay. Written together, and in the file when this returns, unless `onWritten` is set.
   * Returns the new end. The bytes belong to the log from here on.
   * Throws CorruptBatchError for offsets that do not follow the log's end (nothing behind the first such batch is appended), DiskError.
   */
  appendAsFollower(bytes: Uint8Array): number {
    this.#guard.check()
    try {
      for (const batch of batchesIn(bytes)) {
        if (batch.baseOffset < this.logEndOffset || batch.lastOffsetDelta < 0)
          throw new CorruptBatchError(
            `offsets ${batch.baseOffset} to ${batch.lastOffset} behind the log's end ${this.logEndOffset}`,
          )
        this.#end.append(batch, batch.partitionLeaderEpoch, false)
      }
    } finally {
      if (this.onWritten === null && this.failure === null) this.#end.write()
    }
    return this.logEndOffset
  }

  /** Brings to the file what is only in memory: `writtenOffset` is the log's end then. Throws DiskError. */
  write(): void {
    this.#guard.check()
    this.#end.write()
  }

  /**
   * Whole batches from the one that holds `offset`, with offsets below `endOffset` (default: the end of the log). Reads end with a segment:
   * fewer bytes than asked for does not mean that there are no more. Throws KafkaError OFFSET_OUT_OF_RANGE, CorruptLogError, DiskError.
   */
  read(offset: number, options: LogReadOptions): LogRead {
    if (offset < this.logStartOffset || offset > this.logEndOffset)
      throw new KafkaError(
        ErrorCode.OFFSET_OUT_OF_RANGE,
        `offset ${offset} of ${this.topic}-${this.partition}, which has ${this.logStartOffset} to ${this.logEndOffset}`,
      )
    return this.#reader.read(offset, options)
  }

  /** Leader epoch of the record at `offset`, -1 when not known. */
  epochAt(offset: number): number {
    return this.#epochs.epochAt(offset)
  }

  /** The largest known epoch up to `epoch` and where it ends; -1 and -1 for an epoch newer than all. */
  endOfEpoch(epoch: number): { epoch: number; endOffset: number } {
    return this.#epochs.endOf(epoch, this.logEndOffset)
  }

  /** The first record with a timestamp of at least `timestamp`. */
  offsetForTimestamp(timestamp: number): FoundOffset | null {
    return this.#reader.offsetForTimestamp(timestamp, this.logStartOffset)
  }

  /** The first record with the greatest timestamp. */
  offsetOfMaxTimestamp(): FoundOffset | null {
    return this.#reader.offsetOfMaxTimestamp(this.logStartOffset)
  }

  /** Moves the log start forward (DeleteRecords); the files go with the next retention. */
  deleteBefore(offset: number): void {
    this.#guard.check()
    assert(offset <= this.logEndOffset, `log start ${offset} behind the end ${this.logEndOffset}`)
    this.#start.moveTo(offset)
  }

  /**
   * Drops what is at or behind `offset`, whole batches; durable when it returns, and the epochs follow. Returns the new end: less than
   * `offset` when that lies within a batch.
   */
  truncateTo(offset: number): number {
    if (offset >= this.logEndOffset) {
      // An epoch that began here and has no record may be unknown to the leader, which would find this log diverging for ever.
      this.#guard.run(() => {
        this.#epochs.truncateFromEnd(this.logEndOffset)
        this.#epochs.save()
      })
      return this.logEndOffset
    }
    if (offset < this.firstSegmentOffset) {
      this.truncateFullyAndStartAt(offset)
      return offset
    }
    return this.#guard.run(() => {
      this.#end.write()
      const endOffset = this.#segments.cut(offset, end => this.#willEndAt(end))
      this.#ended(endOffset)
      this.#start.cutTo(endOffset)
      const nowMs = this.#world.clock.now()
      replay(this.#segments.all, this.#producers, { startOffset: this.logStartOffset, endOffset, nowMs })
      this.#producers.removeFrom(endOffset + 1)
      this.#epochs.save()
      this.#logger.info('log.truncated', { topic: this.topic, partition: this.partition, endOffset })
      return endOffset
    })
  }

  /** Drops all; the log starts and ends at `offset`. */
  truncateFullyAndStartAt(offset: number): void {
    this.#guard.run(() => {
      this.#willEndAt(Math.min(offset, this.firstSegmentOffset))
      this.#segments.startAt(offset)
      this.#start.restartAt(offset)
      this.#producers.removeFrom(0)
      this.#producers.state.clear()
      this.#epochs.clear()
      this.#ended(offset)
      this.#epochs.save()
    })
  }

  /** Forces to disk all that is appended at the time of the call; calls while a sync is under way share the next one. Rejects with DiskError. */
  flush(): Promise<void> {
    return this.#flush.run()
  }

  /** The same, blocking. */
  flushNow(): void {
    this.#flush.runNow()
  }

  /** Deletes old segments by log start, size and time. Returns how many. */
  applyRetention(): number {
    return this.#start.applyRetention(this.#config, this.#highWatermark)
  }

  /** Forgets idle producers and closes files that were not read for a while. */
  tidy(idleMs: number): void {
    const nowMs = this.#world.clock.now()
    this.#producers.state.expire(nowMs)
    this.#segments.closeIdle(nowMs, idleMs)
  }

  /** Takes up other settings. */
  configure(config: LogConfig): void {
    this.#config = config
    this.#end.configure(config)
    this.#segments.configure(config)
  }

  /** The disk failed somewhere else: appends throw from now on, reads are tried as before. */
  fail(error: DiskError): void {
    this.#guard.fail(error)
  }

  /** Writes and flushes all, completes the indexes and snapshots the producers: the log may be opened as `clean`. Rejects with DiskError. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      if (this.failure !== null || !this.#end.isChanged) return
      this.#end.write()
      this.#guard.run(() => {
        this.#segments.active.seal()
        this.#producers.snapshot(this.logEndOffset)
      })
      await this.#flush.run()
      await this.#guard.runLater(() => this.#segments.active.syncIndexes())
    } finally {
      this.#release()
    }
  }

  /** As `close`, blocking; `destination` is the directory's new name, durable when it returns. Throws DiskError. */
  closeAndMoveTo(destination: string): void {
    this.#guard.run(() => {
      this.#end.write()
      const { active } = this.#segments
      active.seal()
      this.#producers.snapshot(this.logEndOffset)
      this.#flush.runNow()
      active.syncIndexesNow()
      this.#release()
      this.#place.rename(destination)
    })
  }

  /** Renames the directory to `…-delete`; it is removed after `file.delete.delay.ms`, or at the next start. `removed` is called then. */
  remove(removed: () => void = () => {}): void {
    this.#moveAway('delete', () =>
      this.#place.later(this.#config.fileDeleteDelayMs, () => {
        this.#place.remove()
        removed()
      }),
    )
  }

  /** Renames the directory to `…-stray`: no topic of the metadata owns it. It is left for the operator. */
  markStray(): void {
    this.#moveAway('stray', () => {})
  }

  /** Gives up without writing anything: what a killed process would leave. For tests and for a failed directory. */
  abandon(): void {
    this.#release()
  }

  /** The log was cut: all that remembers offsets forgets those from `endOffset` on. */
  #ended(endOffset: number): void {
    this.#end.cutTo(endOffset)
    this.#highWatermark = Math.min(this.#highWatermark, endOffset)
  }

  /** The checkpoint is lowered before the log is cut: else a crash between the two would look like a log that lost its end. */
  #willEndAt(endOffset: number): void {
    this.#end.isChanged = true
    if (this.#flush.lower(endOffset)) this.#options.onRecoveryPointLowered?.()
  }

  #moveAway(suffix: 'delete' | 'stray', afterwards: () => void): void {
    this.abandon()
    this.#guard.run(() => {
      this.#place.setAside(this.topic, this.partition, suffix)
      afterwards()
    })
  }

  #release(): void {
    this.#isClosed = true
    this.#flush.abandon()
    this.#end.close()
    this.#place.close()
    this.#tail.clear()
    this.#segments.closeFiles()
  }
}
