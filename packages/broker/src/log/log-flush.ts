import type { DiskGuard } from './disk-guard.ts'
import type { Segment } from './segment.ts'

export interface LogFlushOptions {
  readonly guard: DiskGuard
  readonly recoveryPoint: number
  /** Segments that may hold what is not on disk; the last one is the active one. */
  readonly unflushed: readonly Segment[]
  /** Brings everything into the files and says how far they go. */
  readonly prepare: () => { readonly active: Segment; readonly endOffset: number }
  /** Makes names in the directory durable; called after a segment was added. */
  readonly syncNames: () => void
  /** Makes the leader epochs durable, if they changed: a batch below the recovery point is not asked for its epoch again. */
  readonly syncEpochs: () => void
}

/** Forces one log to disk and knows how far that has come: the recovery point. */
export class LogFlush {
  readonly #options: LogFlushOptions
  /** Segments that may hold what was not forced to disk, the active one among them. */
  readonly #unflushed: Set<Segment>
  #active: Segment | undefined
  #recoveryPoint: number
  /** Records ever appended, and how many of them were on disk at the end of a sync. */
  #appendedRecords = 0
  #flushedRecords = 0
  #namesChanged = true
  /** Counts cuts: a sync that was under way during one proves nothing about what came after. */
  #cuts = 0
  #isAbandoned = false
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(options: LogFlushOptions) {
    this.#options = options
    this.#recoveryPoint = options.recoveryPoint
    this.#unflushed = new Set(options.unflushed)
    this.#active = options.unflushed.at(-1)
  }

  get recoveryPoint(): number {
    return this.#recoveryPoint
  }
  get unflushedRecords(): number {
    return this.#appendedRecords - this.#flushedRecords
  }

  /** A segment was added since the names in the directory were made durable last. */
  get hasNewNames(): boolean {
    return this.#namesChanged
  }

  appended(records: number): void {
    this.#appendedRecords += records
  }

  added(segment: Segment): void {
    this.#unflushed.add(segment)
    this.#active = segment
    this.#namesChanged = true
  }

  /** A closed segment is the active one again: the log was cut. */
  reopened(segment: Segment): void {
    this.#unflushed.add(segment)
    this.#active = segment
  }

  dropped(segment: Segment): void {
    this.#unflushed.delete(segment)
  }

  /** The log will end at `endOffset`. Says whether the recovery point went back. */
  lower(endOffset: number): boolean {
    this.#cuts++
    if (this.#recoveryPoint <= endOffset) return false
    this.#recoveryPoint = endOffset
    return true
  }

  /** The log is closed or its directory renamed: a sync under way touches its files no more. */
  abandon(): void {
    this.#isAbandoned = true
  }

  /** One sync at a time; calls while one is under way share the next. */
  run(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#sync().finally(() => {
        this.#running = null
      })
      return this.#running
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null
        return this.run()
      })
    return this.#next
  }

  runNow(): void {
    const { guard, prepare } = this.#options
    guard.check()
    guard.run(() => {
      const { active, endOffset } = prepare()
      this.#syncNamesAndEpochs()
      for (const segment of this.#closed(active)) {
        segment.syncNow()
        segment.syncIndexesNow()
        this.#unflushed.delete(segment)
      }
      active.syncNow()
      this.#recoveryPoint = endOffset
      this.#flushedRecords = this.#appendedRecords
    })
  }

  async #sync(): Promise<void> {
    const { guard } = this.#options
    guard.check()
    await guard.runLater(async () => {
      try {
        await this.#syncAll()
      } catch (error) {
        // What is not there any more cannot be synced, and need not be.
        if (!this.#isAbandoned) throw error
      }
    })
  }

  async #syncAll(): Promise<void> {
    const { active, endOffset } = this.#options.prepare()
    const cuts = this.#cuts
    const records = this.#appendedRecords
    this.#syncNamesAndEpochs()
    const closed = this.#closed(active)
    for (const segment of closed) {
      await segment.sync()
      if (this.#isAbandoned) return
      await segment.syncIndexes()
      if (this.#isAbandoned) return
    }
    await active.sync()
    if (this.#isAbandoned || cuts !== this.#cuts) return
    for (const segment of closed) this.#unflushed.delete(segment)
    // A segment that was closed meanwhile has indexes that are not on disk: a recovery must look into it.
    const through = active === this.#active ? endOffset : active.baseOffset
    this.#recoveryPoint = Math.max(this.#recoveryPoint, through)
    this.#flushedRecords = Math.max(this.#flushedRecords, records)
  }

  #closed(active: Segment): Segment[] {
    return [...this.#unflushed].filter(segment => segment !== active)
  }

  #syncNamesAndEpochs(): void {
    if (this.#namesChanged) this.#options.syncNames()
    else this.#options.syncEpochs()
    this.#namesChanged = false
  }
}
