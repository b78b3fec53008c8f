import type { Clock, Logger } from '@millrace/runtime'
import type { DiskGuard } from './disk-guard.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { LogEnd } from './log-end.ts'
import type { LogOptions } from './log-options.ts'
import type { LogPlace } from './log-place.ts'
import type { LogSegments } from './log-segments.ts'
import type { ProducerLog } from './producer-log.ts'
import { type Retention, retention } from './retention.ts'

export interface LogStartParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly guard: DiskGuard
  readonly segments: LogSegments
  readonly epochs: LeaderEpochs
  readonly producers: ProducerLog
  readonly end: LogEnd
  readonly place: LogPlace
}

type LogStartOptions = Pick<LogOptions, 'topic' | 'partition' | 'onLogStartMoved'>

/** Where a log begins: moves forward as records are deleted, and has the segments before it taken away. */
export class LogStart {
  readonly #parts: LogStartParts
  readonly #options: LogStartOptions
  #offset: number

  constructor(parts: LogStartParts, options: LogStartOptions, offset: number) {
    this.#parts = parts
    this.#options = options
    this.#offset = offset
  }

  /** Of the first record that can be read. */
  get offset(): number {
    return this.#offset
  }

  /** Forward only; the files go with the next retention. */
  moveTo(offset: number): void {
    if (offset <= this.#offset) return
    this.#offset = offset
    this.#parts.epochs.truncateFromStart(offset)
  }

  /** The log was cut: it ends at `endOffset`. */
  cutTo(endOffset: number): void {
    this.#offset = Math.min(this.#offset, endOffset)
  }

  /** The log is empty and starts at `offset`. */
  restartAt(offset: number): void {
    this.#offset = offset
  }

  /** Deletes old segments by log start, size and time, none at or above the high watermark. Returns how many. Throws DiskError. */
  applyRetention(config: LogConfig, highWatermark: number): number {
    const { clock, guard, segments, end } = this.#parts
    let deleted = 0
    for (;;) {
      const found = retention({
        segments: segments.all,
        logStartOffset: this.#offset,
        logEndOffset: end.offset,
        highWatermark,
        config,
        nowMs: clock.now(),
      })
      if (found === null) return deleted
      guard.run(() => this.#deleteOldest(found, config.fileDeleteDelayMs))
      deleted += found.count
    }
  }

  #deleteOldest({ count, reason }: Retention, delayMs: number): void {
    const { logger, segments, producers, end, place } = this.#parts
    const { topic, partition, onLogStartMoved } = this.#options
    if (count === segments.all.length) end.roll()
    const first = segments.all[count]!.baseOffset
    this.moveTo(first)
    const remove = segments.dropOldest(count, () => onLogStartMoved?.())
    producers.removeBefore(first)
    place.later(delayMs, remove)
    logger.info('log.segments-deleted', { topic, partition, reason, segments: count, logStartOffset: this.#offset })
  }
}
