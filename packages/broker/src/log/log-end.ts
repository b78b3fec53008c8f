import type { BatchView } from '@millrace/protocol'
import type { Clock, Timer } from '@millrace/runtime'
import type { DiskGuard } from './disk-guard.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogFlush } from './log-flush.ts'
import type { LogSegments } from './log-segments.ts'
import type { ProducerLog } from './producer-log.ts'
import type { LogTail } from './tail-cache.ts'

/** Gathered appends are written when there are so many bytes of them. */
const writeBytes = 64 * 1024

export interface LogEndParts {
  readonly clock: Clock
  readonly guard: DiskGuard
  readonly segments: LogSegments
  readonly epochs: LeaderEpochs
  readonly producers: ProducerLog
  readonly tail: LogTail
  readonly flush: LogFlush
}

/** Where a log grows: takes batches in memory, brings them to the file one by one or gathered, and knows how far both have come. */
export class LogEnd {
  /**
   * Null: nobody waits for a later writing, whoever appends calls `write`. Else appends are gathered, written once a tick or per 64 KiB, and this is
   * called after each writing, never from inside an append.
   */
  onWritten: (() => void) | null = null
  /** Something happened since the log was opened as a clean stop had left it. */
  isChanged: boolean
  readonly #parts: LogEndParts
  #flushMessages: number
  #flushMs: number
  #offset: number
  #writtenOffset: number
  #writeIsDue = false
  #isClosed = false
  #flushTimer: Timer | null = null

  constructor(parts: LogEndParts, options: { endOffset: number; isChanged: boolean; flushMessages: number; flushMs: number }) {
    this.#parts = parts
    this.#offset = options.endOffset
    this.#writtenOffset = options.endOffset
    this.isChanged = options.isChanged
    this.#flushMessages = options.flushMessages
    this.#flushMs = options.flushMs
  }

  /** The next batch gets this offset. */
  get offset(): number {
    return this.#offset
  }
  /** Everything below is in the file. */
  get writtenOffset(): number {
    return this.#writtenOffset
  }

  configure({ flushMessages, flushMs }: { readonly flushMessages: number; readonly flushMs: number }): void {
    this.#flushMessages = flushMessages
    this.#flushMs = flushMs
  }

  /** Takes a batch; its bytes belong to the log from here on. `isLed`: readers will ask for it soon. Throws DiskError. */
  append(batch: BatchView, leaderEpoch: number, isLed: boolean): void {
    const { lastOffset, maxTimestamp, sizeInBytes, bytes } = batch
    const { clock, guard, segments, epochs, producers, tail, flush } = this.#parts
    const nowMs = clock.now()
    guard.run(() => {
      if (segments.active.isFullFor(sizeInBytes, lastOffset, maxTimestamp, nowMs)) this.roll()
      segments.active.append(bytes, lastOffset, maxTimestamp)
    })
    if (leaderEpoch !== epochs.last) epochs.saw(leaderEpoch, batch.baseOffset)
    if (isLed) tail.add(batch.baseOffset, lastOffset + 1, bytes)
    else tail.clear()
    producers.state.update(batch, nowMs)
    this.#offset = lastOffset + 1
    this.isChanged = true
    flush.appended(batch.recordCount)
    if (this.onWritten !== null) this.#writeSoon()
    if (this.#flushMs < Number.MAX_SAFE_INTEGER && this.#flushTimer === null) this.#flushLater()
  }

  /** Brings to the file what is only in memory. Throws DiskError. */
  write(): void {
    if (this.#writtenOffset === this.#offset) return
    const { guard, segments } = this.#parts
    guard.run(() => segments.active.writePending())
    this.#written()
  }

  /** Closes the active segment and starts a new one. Throws DiskError. */
  roll(): void {
    const { clock, guard, segments, producers, flush } = this.#parts
    this.isChanged = true
    segments.roll(this.#offset)
    this.#written()
    producers.snapshot(this.#offset)
    // A closed segment is forced to disk soon, as Kafka does, so that a recovery has to read the last one only.
    clock.defer(() => {
      if (!this.#isClosed && guard.failure === null) flush.run().catch(() => {})
    })
  }

  /** The files were cut: they end at `endOffset`. */
  cutTo(endOffset: number): void {
    this.#offset = endOffset
    this.#writtenOffset = endOffset
    this.#parts.tail.truncateTo(endOffset)
    this.#parts.epochs.truncateFromEnd(endOffset)
  }

  /** The disk failed. What did not reach the file is gone; what did can still be read. */
  dropUnwritten(): void {
    this.#parts.segments.active.dropPending()
    this.#offset = this.#writtenOffset
    this.#parts.tail.truncateTo(this.#writtenOffset)
  }

  close(): void {
    this.#isClosed = true
    this.#flushTimer?.cancel()
  }

  /** Everything is in the file. What `flush.messages` wants on disk is there before anybody is told of it. */
  #written(): void {
    const { flush } = this.#parts
    this.#writtenOffset = this.#offset
    if (flush.unflushedRecords >= this.#flushMessages) flush.runNow()
  }

  #writeSoon(): void {
    const { clock, guard, segments } = this.#parts
    if (segments.active.pendingBytes >= writeBytes) this.write()
    if (this.#writeIsDue) return
    this.#writeIsDue = true
    clock.defer(() => {
      this.#writeIsDue = false
      if (this.#isClosed || guard.failure !== null) return
      try {
        this.write()
      } catch {
        return
      }
      this.onWritten?.()
    })
  }

  #flushLater(): void {
    this.#flushTimer = this.#parts.clock.timer(this.#flushMs, () => {
      this.#flushTimer = null
      this.#parts.flush.run().catch(() => {})
    })
  }
}
