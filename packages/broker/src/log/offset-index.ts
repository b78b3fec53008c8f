import type { Disk } from '@millrace/runtime'
import { IndexFile } from './index-file.ts'

const entryBytes = 8

export interface OffsetPosition {
  /** Last offset of the batch that starts at `position`. */
  readonly offset: number
  readonly position: number
}

/** `.index`: where batches stand in the segment, one entry each `index.interval.bytes`: int32 relative offset, int32 position. */
export class OffsetIndex {
  readonly file: IndexFile
  readonly #baseOffset: number
  #lastOffset: number

  constructor(disk: Disk, path: string, baseOffset: number, options: { maxBytes: number; create: boolean }) {
    this.file = new IndexFile(disk, path, entryBytes, options.maxBytes, options.create)
    this.#baseOffset = baseOffset
    this.#lastOffset = this.last()?.offset ?? baseOffset - 1
  }

  get isFull(): boolean {
    return this.file.count >= this.file.maxEntries
  }

  /** Offsets must grow. What does not fit any more is left out: the index is sparse anyway. */
  append(offset: number, position: number): void {
    if (this.isFull || offset <= this.#lastOffset) return
    const { buffer, at } = this.file.extend()
    buffer.writeInt32BE(offset - this.#baseOffset, at)
    buffer.writeInt32BE(position, at + 4)
    this.#lastOffset = offset
  }

  /** The last entry with an offset of at most `offset`, null for the start of the segment. */
  lookup(offset: number): OffsetPosition | null {
    const relative = offset - this.#baseOffset
    const number = this.file.findLast((entry, at) => entry.readInt32BE(at) <= relative)
    return number < 0 ? null : this.#read(number)
  }

  /** The last entry that stands at or before `position` of the segment, null for its start. */
  atPosition(position: number): OffsetPosition | null {
    const number = this.file.findLast((entry, at) => entry.readInt32BE(at + 4) <= position)
    return number < 0 ? null : this.#read(number)
  }

  last(): OffsetPosition | null {
    return this.file.count === 0 ? null : this.#read(this.file.count - 1)
  }

  /** Drops the entries at and behind `offset`. */
  truncateTo(offset: number): void {
    const relative = offset - this.#baseOffset
    this.file.truncate(this.file.findLast((entry, at) => entry.readInt32BE(at) < relative) + 1)
    this.#lastOffset = this.last()?.offset ?? this.#baseOffset - 1
  }

  #read(number: number): OffsetPosition {
    const entry = this.file.entry(number)
    return { offset: this.#baseOffset + entry.readInt32BE(0), position: entry.readInt32BE(4) }
  }
}
