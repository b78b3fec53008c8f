import type { BatchView } from '@millrace/protocol'
import type { Disk, File } from '@millrace/runtime'
import { BatchScanner } from './batch-scanner.ts'
import type { LogConfig } from './log-config.ts'
import { deletedSuffix, offsetName, segmentSuffixes } from './log-files.ts'
import { OffsetIndex, type OffsetPosition } from './offset-index.ts'
import { ReadHints } from './read-hints.ts'
import { TimeIndex } from './time-index.ts'

/** Indexes hold offsets relative to the segment's as int32. */
export const maxRelativeOffset = 2 ** 31 - 1
/** Enough to find one batch from an index entry, mostly. */
export const lookupBlockBytes = 64 * 1024

export interface SegmentOptions {
  readonly disk: Disk
  /** The partition's directory. */
  readonly directory: string
  readonly baseOffset: number
  readonly config: LogConfig
  /** Taken off `segment.ms`. */
  readonly jitterMs: number
  readonly nowMs: number
  /** Makes new files, in place of any of the same name. */
  readonly create: boolean
}

/** A stretch of a log: batches in one file with its two indexes. Only the last segment of a log, the active one, is appended to. */
export class Segment {
  readonly baseOffset: number
  readonly hints = new ReadHints()
  readonly #options: SegmentOptions
  /** Directory and number, without the suffix. */
  readonly #stem: string
  #config: LogConfig
  #suffix = ''
  #file: File | null = null
  #isWritable = false
  #sizeBytes: number
  #writtenBytes: number
  #pending: Uint8Array[] = []
  #offsetIndex: OffsetIndex | null = null
  #timeIndex: TimeIndex | null = null
  #bytesSinceIndexEntry = 0
  /** Undefined: not looked up yet. */
  #maxTimestamp: number | undefined
  #offsetOfMaxTimestamp = -1
  #firstTimestamp: number | undefined
  #lastUsedMs = 0
  #isDeleted = false
  /** Syncs under way. */
  #syncs = 0

  constructor(options: SegmentOptions) {
    const { disk, directory, baseOffset, config, create } = options
    this.#options = options
    this.#config = config
    this.baseOffset = baseOffset
    this.#stem = `${directory}/${offsetName(baseOffset)}`
    if (create) {
      for (const suffix of segmentSuffixes) disk.remove(this.#stem + suffix)
      this.#file = disk.open(`${this.#stem}.log`, 'write')
      this.#isWritable = true
      if (config.preallocate) this.#file.truncate(config.segmentBytes)
      this.#sizeBytes = 0
      this.#maxTimestamp = -1
      this.#openIndexes(true)
    } else {
      this.#sizeBytes = disk.stat(`${this.#stem}.log`).sizeBytes
    }
    this.#writtenBytes = this.#sizeBytes
  }

  get path(): string {
    return `${this.#stem}.log${this.#suffix}`
  }
  /** Of the batches, also those that are not in the file yet. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }
  get pendingBytes(): number {
    return this.#sizeBytes - this.#writtenBytes
  }
  get offsetIndex(): OffsetIndex {
    if (this.#offsetIndex === null) this.#openIndexes(false)
    return this.#offsetIndex!
  }
  get timeIndex(): TimeIndex {
    if (this.#timeIndex === null) this.#openIndexes(false)
    return this.#timeIndex!
  }
  /** An index is missing: the segment must be rebuilt. */
  get lacksIndex(): boolean {
    const { disk } = this.#options
    return !disk.exists(`${this.#stem}.index`) || !disk.exists(`${this.#stem}.timeindex`)
  }
  /** Greatest timestamp of a record, -1 without any. */
  get maxTimestamp(): number {
    return (this.#maxTimestamp ??= this.#readMaxTimestamp())
  }
  /** Last offset of the batch with the greatest timestamp. */
  get offsetOfMaxTimestamp(): number {
    void this.maxTimestamp
    return this.#offsetOfMaxTimestamp
  }
  /** What counts for retention: the greatest timestamp, else the time of the last writing. */
  get largestTimestamp(): number {
    return this.maxTimestamp >= 0 ? this.maxTimestamp : this.modifiedMs
  }

  /** When the file was written last, by the disk's clock. */
  get modifiedMs(): number {
    return this.#options.disk.stat(this.path).modifiedMs
  }

  configure(config: LogConfig): void {
    this.#config = config
  }

  /** A batch of these properties belongs into a new segment. */
  isFullFor(sizeInBytes: number, lastOffset: number, maxTimestamp: number, nowMs: number): boolean {
    if (lastOffset - this.baseOffset > maxRelativeOffset) return true
    if (this.#sizeBytes === 0) return false
    const { segmentBytes, segmentMs } = this.#config
    if (this.#sizeBytes > segmentBytes - sizeInBytes) return true
    if (this.offsetIndex.isFull || this.timeIndex.isFull) return true
    return this.#ageMs(maxTimestamp, nowMs) > segmentMs - this.#options.jitterMs
  }

  /** Takes a batch in memory; `writePending` brings it to the file. */
  append(bytes: Uint8Array, lastOffset: number, maxTimestamp: number): void {
    this.#pending.push(bytes)
    this.#track(bytes.length, lastOffset, maxTimestamp)
  }

  writePending(): void {
    if (this.#pending.length === 0) return
    this.#writable().write(this.#pending, this.#writtenBytes)
    this.#pending = []
    this.#writtenBytes = this.#sizeBytes
  }

  /** The writing failed: forgets what is not in the file. The indexes may know more; the disk is lost anyway. */
  dropPending(): void {
    this.#pending = []
    this.#sizeBytes = this.#writtenBytes
  }

  /** Reads from the file what `writePending` has brought there. */
  readInto(into: Uint8Array, position: number, nowMs: number): number {
    this.#lastUsedMs = nowMs
    return this.#readable().read(into, position)
  }

  /** The batches of the file from `position`, which must be the start of one; read in blocks of `blockBytes`. */
  scan(position: number, blockBytes?: number): BatchScanner {
    return new BatchScanner(this.#readable(), position, this.#writtenBytes, blockBytes)
  }

  /** Where to look for the batch that holds `offset`: a batch that starts at or before it. Null: the start of the segment. */
  nearest(offset: number): OffsetPosition | null {
    return this.offsetIndex.lookup(offset)
  }

  /** Builds the indexes anew from the batches for as long as `accept` gives null; returns where that ends and what was wrong, if anything. */
  rebuild(accept: (batch: BatchView) => string | null): { readonly validBytes: number; readonly fault: string | null } {
    this.#offsetIndex = null
    this.#timeIndex = null
    this.#openIndexes(true)
    this.hints.clear()
    this.#maxTimestamp = -1
    this.#offsetOfMaxTimestamp = -1
    this.#firstTimestamp = undefined
    this.#bytesSinceIndexEntry = 0
    const scanner = this.scan(0)
    this.#sizeBytes = 0
    for (let batch = scanner.next(); batch !== null; batch = scanner.next()) {
      const fault = accept(batch)
      if (fault !== null) {
        this.#sizeBytes = this.#writtenBytes
        return { validBytes: scanner.position, fault }
      }
      this.#track(batch.sizeInBytes, batch.lastOffset, batch.maxTimestamp)
    }
    const { fault, nextPosition } = scanner
    this.#sizeBytes = this.#writtenBytes
    return { validBytes: nextPosition, fault }
  }

  /** Cuts the file at `position` and drops index entries from `offset` on. */
  truncateTo(position: number, offset: number): void {
    this.writePending()
    this.#writable().truncate(position)
    this.#sizeBytes = position
    this.#writtenBytes = position
    this.offsetIndex.truncateTo(offset)
    this.timeIndex.truncateTo(offset)
    this.hints.clear()
    this.#findMaxTimestamp()
    this.#bytesSinceIndexEntry = 0
    if (position === 0) this.#firstTimestamp = undefined
  }

  /** No more appends will come: completes the indexes and cuts files to what they hold. */
  seal(): void {
    this.writePending()
    this.saveIndexes()
    const file = this.#writable()
    if (file.sizeBytes > this.#sizeBytes) file.truncate(this.#sizeBytes)
  }

  /** Ends the time index with the greatest timestamp and writes both indexes out. */
  saveIndexes(): void {
    if (this.maxTimestamp >= 0) this.timeIndex.append(this.maxTimestamp, this.offsetOfMaxTimestamp, true)
    this.offsetIndex.file.save()
    this.timeIndex.file.save()
  }

  /** Forces the batches to disk. */
  async sync(): Promise<void> {
    if (this.#isDeleted) return
    const file = this.#writable()
    this.#syncs++
    try {
      await file.sync()
    } finally {
      this.#syncs--
      // Whoever closed meanwhile left it to the last sync: the system must not give the handle to another file before.
      if (file !== this.#file && this.#syncs === 0) file.close()
    }
  }

  syncNow(): void {
    this.#writable().syncNow()
  }

  /** Forces the indexes to disk. */
  async syncIndexes(): Promise<void> {
    if (this.#isDeleted) return
    await this.offsetIndex.file.sync()
    if (this.#isDeleted) return
    await this.timeIndex.file.sync()
  }

  syncIndexesNow(): void {
    this.offsetIndex.file.syncNow()
    this.timeIndex.file.syncNow()
  }

  /** Renames all files so that the next start drops them if this run does not. Returns how to remove them. */
  markDeleted(): () => void {
    const { disk } = this.#options
    this.closeFile()
    const renamed: string[] = []
    for (const suffix of segmentSuffixes) {
      const path = this.#stem + suffix
      if (!disk.exists(path)) continue
      disk.rename(path, path + deletedSuffix)
      renamed.push(path + deletedSuffix)
    }
    this.#suffix = deletedSuffix
    this.#isDeleted = true
    return () => {
      for (const path of renamed) disk.remove(path)
    }
  }

  /** Closes the file unless it was read within `idleMs`. It is opened again when it is needed. */
  closeIdle(nowMs: number, idleMs: number): void {
    if (nowMs - this.#lastUsedMs >= idleMs) this.closeFile()
  }

  closeFile(): void {
    if (this.#syncs === 0) this.#file?.close()
    this.#file = null
    this.#isWritable = false
  }

  #track(sizeInBytes: number, lastOffset: number, maxTimestamp: number): void {
    if (maxTimestamp > this.maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
      this.#offsetOfMaxTimestamp = lastOffset
    }
    if (this.#bytesSinceIndexEntry > this.#config.indexIntervalBytes) {
      this.offsetIndex.append(lastOffset, this.#sizeBytes)
      this.timeIndex.append(this.maxTimestamp, this.#offsetOfMaxTimestamp)
      this.#bytesSinceIndexEntry = 0
    }
    if (this.#sizeBytes === 0) this.#firstTimestamp = maxTimestamp
    this.#sizeBytes += sizeInBytes
    this.#bytesSinceIndexEntry += sizeInBytes
  }

  /** Kafka measures the age of a segment in the records' own time, and by the clock only when they have none. */
  #ageMs(maxTimestamp: number, nowMs: number): number {
    if (this.#firstTimestamp === undefined) this.#firstTimestamp = this.scan(0, lookupBlockBytes).next()?.maxTimestamp ?? -1
    return this.#firstTimestamp >= 0 ? maxTimestamp - this.#firstTimestamp : nowMs - this.#options.nowMs
  }

  /** The last entry of the time index: a segment that was sealed or rebuilt ends with its greatest timestamp. */
  #readMaxTimestamp(): number {
    const last = this.timeIndex.last()
    this.#offsetOfMaxTimestamp = last?.offset ?? -1
    return last?.timestamp ?? -1
  }

  /** The same for a segment that was cut, whose last entry is older than its last batches. */
  #findMaxTimestamp(): void {
    const last = this.timeIndex.last()
    this.#maxTimestamp = last?.timestamp ?? -1
    this.#offsetOfMaxTimestamp = last?.offset ?? -1
    const scanner = this.scan(last === null ? 0 : (this.nearest(last.offset)?.position ?? 0))
    for (let batch = scanner.next(); batch !== null; batch = scanner.next())
      if (batch.maxTimestamp > this.#maxTimestamp) {
        this.#maxTimestamp = batch.maxTimestamp
        this.#offsetOfMaxTimestamp = batch.lastOffset
      }
  }

  #openIndexes(create: boolean): void {
    const { disk, baseOffset } = this.#options
    const options = { maxBytes: this.#config.segmentIndexBytes, create }
    this.#offsetIndex ??= new OffsetIndex(disk, `${this.#stem}.index${this.#suffix}`, baseOffset, options)
    this.#timeIndex ??= new TimeIndex(disk, `${this.#stem}.timeindex${this.#suffix}`, baseOffset, options)
  }

  #readable(): File {
    return (this.#file ??= this.#options.disk.open(this.path, 'read'))
  }

  #writable(): File {
    if (!this.#isWritable) {
      this.closeFile()
      this.#file = this.#options.disk.open(this.path, 'write')
      this.#isWritable = true
    }
    return this.#file!
  }
}
