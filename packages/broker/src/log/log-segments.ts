import type { World } from '@millrace/runtime'
import type { LogConfig } from './log-config.ts'
import type { LogFlush } from './log-flush.ts'
import { rollJitterMs } from './open-segments.ts'
import { Segment } from './segment.ts'
import { cutPoint, segmentIndexOf } from './segment-list.ts'

/**
 * The segments of one log. They change on disk step by step: whatever a power loss keeps of a change and drops of it, what is left is a
 * beginning of the log as it was before or after. `crash-enumeration.test.ts` tries each of these states.
 */
export class LogSegments {
  readonly #world: World
  readonly #directory: string
  readonly #flush: LogFlush
  #config: LogConfig
  #all: Segment[]

  constructor(world: World, directory: string, config: LogConfig, flush: LogFlush, segments: Segment[]) {
    this.#world = world
    this.#directory = directory
    this.#config = config
    this.#flush = flush
    this.#all = segments
  }

  /** In order; at least one. */
  get all(): readonly Segment[] {
    return this.#all
  }
  get first(): Segment {
    return this.#all[0]!
  }
  /** The one that is appended to. */
  get active(): Segment {
    return this.#all[this.#all.length - 1]!
  }
  get sizeBytes(): number {
    let size = 0
    for (const segment of this.#all) size += segment.sizeBytes
    return size
  }

  configure(config: LogConfig): void {
    this.#config = config
    for (const segment of this.#all) segment.configure(config)
  }

  /** Closes the active segment and starts a new one at the end of the log. */
  roll(endOffset: number): void {
    // A crash that lost the name of a segment but kept that of the next one would leave a log without its beginning.
    if (this.#flush.hasNewNames) this.#syncNames()
    this.active.seal()
    // With the recovery point at its end a recovery would not look into this segment: then its indexes must be on disk as its batches are.
    if (this.#flush.recoveryPoint === endOffset) this.active.syncIndexesNow()
    this.#all.push(this.#create(endOffset))
  }

  /** Drops what is at or behind `offset`, which the first segment does not begin behind. Durable when it returns the new end. `willEndAt` is called before. */
  cut(offset: number, willEndAt: (endOffset: number) => void): number {
    const last = segmentIndexOf(this.#all, offset)
    const segment = this.#all[last]!
    const { position, endOffset } = cutPoint(segment, offset)
    willEndAt(endOffset)
    for (const later of this.#all.splice(last + 1)) this.#remove(later)
    segment.truncateTo(position, endOffset)
    this.#flush.reopened(segment)
    segment.syncNow()
    this.#syncNames()
    return endOffset
  }

  /** Drops everything; an empty segment at `offset` is left. Durable when it returns. */
  startAt(offset: number): void {
    const [first, ...later] = this.#all as [Segment, ...Segment[]]
    for (const segment of this.#all) segment.dropPending()
    for (const segment of later) this.#remove(segment)
    this.#syncNames()
    first.truncateTo(0, first.baseOffset)
    first.syncNow()
    this.#all = [first]
    this.#flush.reopened(first)
    if (first.baseOffset === offset) return
    this.#all = [this.#create(offset)]
    this.#syncNames()
    this.#remove(first)
    this.#syncNames()
  }

  /**
   * Renames the oldest segments, of which one at least stays; returns how to remove their files. `saveLogStart` is called before when a crash
   * might keep some of the segments and lose others: it makes durable where the log starts.
   */
  dropOldest(count: number, saveLogStart: () => void): () => void {
    // The name of the last segment says where the log ends, and names that changed before must not come back with a hole behind them.
    this.#syncNames()
    if (count > 1) saveLogStart()
    const removals = this.#all.splice(0, count).map(segment => {
      this.#flush.dropped(segment)
      return segment.markDeleted()
    })
    if (count > 1) this.#syncNames()
    return () => {
      for (const remove of removals) remove()
    }
  }

  /** Closes files of closed segments that were not read within `idleMs`. */
  closeIdle(nowMs: number, idleMs: number): void {
    for (const segment of this.#all) if (segment !== this.active) segment.closeIdle(nowMs, idleMs)
  }

  closeFiles(): void {
    for (const segment of this.#all) segment.closeFile()
  }

  #create(baseOffset: number): Segment {
    const { disk, clock, random } = this.#world
    const segment = new Segment({
      disk,
      directory: this.#directory,
      baseOffset,
      config: this.#config,
      jitterMs: rollJitterMs(this.#config, random),
      nowMs: clock.now(),
      create: true,
    })
    this.#flush.added(segment)
    return segment
  }

  #remove(segment: Segment): void {
    this.#flush.dropped(segment)
    segment.markDeleted()()
  }

  #syncNames(): void {
    this.#world.disk.syncDirectory(this.#directory)
  }
}
