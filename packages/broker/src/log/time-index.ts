import type { Disk } from '@millrace/runtime'
import { IndexFile } from './index-file.ts'
import { readInt64, writeInt64 } from './int64.ts'

const entryBytes = 12

export interface TimestampOffset {
  readonly timestamp: number
  /** Last offset of the batch that holds the timestamp. */
  readonly offset: number
}

/** `.timeindex`: greatest timestamp so far and where: int64 timestamp, int32 relative offset, both growing. */
export class TimeIndex {
  readonly file: IndexFile
  readonly #baseOffset: number
  #lastTimestamp: number

  constructor(disk: Disk, path: string, baseOffset: number, options: { maxBytes: number; create: boolean }) {
    this.file = new IndexFile(disk, path, entryBytes, options.maxBytes, options.create)
    this.#baseOffset = baseOffset
    this.#lastTimestamp = this.last()?.timestamp ?? -1
  }

  /** One entry is kept for the end of the segment. */
  get isFull(): boolean {
    return this.file.count >= this.file.maxEntries - 1
  }

  /** Adds an entry if the timestamp is greater than the last one. `final`: may take the place that is kept for the end. */
  append(timestamp: number, offset: number, final = false): void {
    if (timestamp <= this.#lastTimestamp || offset < this.#baseOffset) return
    if (final ? this.file.count >= this.file.maxEntries : this.isFull) return
    const { buffer, at } = this.file.extend()
    writeInt64(buffer, at, timestamp)
    buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
    this.#lastTimestamp = timestamp
  }

  /** The last entry with a timestamp below `timestamp`: nothing up to its offset is as late. Null for the start of the segment. */
  lookupBelow(timestamp: number): TimestampOffset | null {
    const number = this.file.findLast((entry, at) => readInt64(entry, at) < timestamp)
    return number < 0 ? null : this.#read(number)
  }

  last(): TimestampOffset | null {
    return this.file.count === 0 ? null : this.#read(this.file.count - 1)
  }

  /** Drops the entries at and behind `offset`. */
  truncateTo(offset: number): void {
    const relative = offset - this.#baseOffset
    this.file.truncate(this.file.findLast((entry, at) => entry.readInt32BE(at + 8) < relative) + 1)
    this.#lastTimestamp = this.last()?.timestamp ?? -1
  }

  #read(number: number): TimestampOffset {
    const entry = this.file.entry(number)
    return { timestamp: readInt64(entry, 0), offset: this.#baseOffset + entry.readInt32BE(8) }
  }
}
