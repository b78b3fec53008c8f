import { BatchView, ErrorCode } from '@millrace/protocol'
import { type Logger, messageOf, type World } from '@millrace/runtime'
import type { Log } from '../log/log.ts'
import type { LogManager } from '../log/log-manager.ts'
import { agreedEnd } from '../partition/agreed-end.ts'
import type { Follower } from '../partition/follower.ts'
import type { Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'

const stepBytes = 1024 * 1024

export interface LogMovesOptions {
  readonly world: World
  readonly logger: Logger
  readonly logs: LogManager
  readonly partitions: Partitions
  /** `replica.alter.log.dirs.io.max.bytes.per.second`, as it is now. */
  readonly maxBytesPerSecond: () => number
}

/** Moves logs between the log directories of this broker (KIP-113): copies beside the running log, and puts the copy in its place when it has all of it. */
export class LogMoves {
  readonly #options: LogMovesOptions
  /** By `topic-partition`. */
  readonly #moves = new Map<string, LogMove>()

  /** Goes on with what an earlier process had begun. */
  constructor(options: LogMovesOptions) {
    this.#options = options
    for (const { topic, partition, path } of options.logs.unfinishedMoves()) this.start(topic, partition, path)
  }

  /** Begins to move the partition's log into the directory. Returns NONE, or why not; a partition that is not here yet will be created there (REPLICA_NOT_AVAILABLE). */
  start(topic: string, partition: number, path: string): number {
    const { logs, partitions, logger } = this.#options
    const directory = logs.directories.find(each => each.path === path)
    if (directory === undefined) return ErrorCode.LOG_DIR_NOT_FOUND
    if (directory.failure !== null) return ErrorCode.KAFKA_STORAGE_ERROR
    const slot = partitions.replica(topic, partition)
    if (slot === ErrorCode.KAFKA_STORAGE_ERROR || (typeof slot === 'object' && slot.lostCode !== 0))
      return ErrorCode.KAFKA_STORAGE_ERROR
    if (typeof slot === 'number') {
      logs.prefer(topic, partition, path)
      return ErrorCode.REPLICA_NOT_AVAILABLE
    }
    const name = `${topic}-${partition}`
    const running = this.#moves.get(name)
    if (running?.path === path) return ErrorCode.NONE
    running?.stop()
    this.#moves.delete(name)
    if (logs.directoryOf(slot) === path) return ErrorCode.NONE
    try {
      logger.info('log.move-started', { topic, partition, to: path })
      this.#moves.set(name, new LogMove(this.#options, slot, path, () => this.#moves.delete(name)))
      return ErrorCode.NONE
    } catch (error) {
      logger.error('log.move-failed', { topic, partition, to: path, reason: messageOf(error) })
      return ErrorCode.KAFKA_STORAGE_ERROR
    }
  }
}

class LogMove {
  readonly path: string
  readonly #options: LogMovesOptions
  readonly #name: { readonly topic: string; readonly topicId: string; readonly partition: number }
  readonly #ended: () => void
  readonly #future: Log
  #isOver = false

  constructor(options: LogMovesOptions, { topic, topicId, partition, log }: Leader | Follower, path: string, ended: () => void) {
    this.path = path
    this.#options = options
    this.#name = { topic, topicId, partition }
    this.#ended = ended
    this.#future = options.logs.createFuture(this.#name, path)
    if (log.logStartOffset > 0) this.#future.truncateFullyAndStartAt(log.logStartOffset)
    this.#later(0)
  }

  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { topic, partition } = this.#name
    this.#options.logs.dropFuture(`${topic}-${partition}`)
    this.#ended()
  }

  #later(delayMs: number): void {
    const { clock } = this.#options.world
    const step = () => {
      if (!this.#isOver) this.#step()
    }
    if (delayMs > 0) clock.timer(delayMs, step)
    else clock.defer(step)
  }

  #step(): void {
    const { logger, partitions } = this.#options
    const { topic, topicId, partition } = this.#name
    try {
      const slot = partitions.replica(topic, partition)
      if (typeof slot === 'number' || slot.lostCode !== 0 || slot.topicId !== topicId) {
        this.stop()
        return
      }
      const copied = this.#copy(slot)
      if (copied === 0 && this.#isComplete(slot)) this.#finish(slot)
      else this.#later(copied === 0 ? idleMs : (copied / this.#options.maxBytesPerSecond()) * 1000)
    } catch (error) {
      logger.error('log.move-failed', { topic, partition, to: this.path, reason: messageOf(error) })
      this.stop()
    }
  }

  /** Copies a piece; returns its size. */
  #copy({ log }: Leader | Follower): number {
    const future = this.#future
    const end = agreedEnd(future, log)
    if (end < future.logEndOffset) future.truncateTo(end)
    if (future.logEndOffset < log.logStartOffset) future.truncateFullyAndStartAt(log.logStartOffset)
    if (future.logStartOffset < log.logStartOffset) future.deleteBefore(log.logStartOffset)
    if (future.logEndOffset >= log.writtenOffset) return 0
    const limits = { maxBytes: stepBytes, endOffset: log.writtenOffset, atLeastOne: true }
    const { chunks, sizeBytes } = log.read(future.logEndOffset, limits)
    // The log's own memory is not to be kept, nor changed.
    const bytes = Buffer.concat(chunks)
    const first = BatchView.at(bytes, 0)
    if (first !== null && first.baseOffset < future.logEndOffset) {
      future.truncateFullyAndStartAt(first.baseOffset)
      future.appendAsFollower(bytes)
      future.deleteBefore(log.logStartOffset)
    } else future.appendAsFollower(bytes)
    return sizeBytes
  }

  #isComplete({ log }: Leader | Follower): boolean {
    return log.writtenOffset === log.logEndOffset && this.#future.logEndOffset === log.logEndOffset
  }

  #finish(slot: Leader | Follower): void {
    const { logs, logger, partitions } = this.#options
    const { topic, partition } = this.#name
    this.#future.highWatermark = slot.highWatermark
    const bytes = this.#future.sizeBytes
    slot.replaceLog(logs.adoptFuture(slot))
    this.#isOver = true
    logger.info('log.moved', { topic, partition, to: this.path, bytes })
    partitions.tellDirectory(topic, partition)
    this.#ended()
  }
}

/** What is appended but not in the file yet will be before long. */
const idleMs = 5
