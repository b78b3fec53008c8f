import type { Disk, File } from '@millrace/runtime'

/** Entries kept in memory before they are written out: 4 KiB of offset index stand for at least 2 MiB of log. */
const unsavedLimitBytes = 4096
/** Entries are looked for by halves until so many bytes are left, which are read at once. */
const lookupBlockBytes = 2048

/**
 * A sorted file of entries of one size, the base of both indexes. Entries are gathered in memory and written in pieces: what is missing in
 * the file after a crash is rebuilt from the log. The file is opened only while it is used.
 */
export class IndexFile {
  readonly entryBytes: number
  readonly maxEntries: number
  readonly #disk: Disk
  #path: string
  /** Entries that are in the file. */
  #saved: number
  #unsaved: Buffer
  #unsavedCount = 0

  /** Opens what is there; bytes behind the last whole entry are ignored. `create`: starts with an empty file. */
  constructor(disk: Disk, path: string, entryBytes: number, maxBytes: number, create: boolean) {
    this.#disk = disk
    this.#path = path
    this.entryBytes = entryBytes
    this.maxEntries = Math.floor(maxBytes / entryBytes)
    this.#unsaved = Buffer.alloc(entryBytes * 8)
    if (create || !disk.exists(path)) {
      const file = disk.open(path, 'write')
      file.truncate(0)
      file.close()
      this.#saved = 0
    } else {
      this.#saved = Math.floor(disk.stat(path).sizeBytes / entryBytes)
    }
  }

  get path(): string {
    return this.#path
  }

  get count(): number {
    return this.#saved + this.#unsavedCount
  }

  /** Room for one more entry: the caller fills `entryBytes` of the buffer from `at`, at once. */
  extend(): { readonly buffer: Buffer; readonly at: number } {
    if (this.#unsavedCount * this.entryBytes >= unsavedLimitBytes) this.save()
    const at = this.#unsavedCount * this.entryBytes
    if (at === this.#unsaved.length) this.#unsaved = Buffer.concat([this.#unsaved, Buffer.alloc(this.#unsaved.length)])
    this.#unsavedCount++
    return { buffer: this.#unsaved, at }
  }

  /** One entry, by its number. */
  entry(number: number): Buffer {
    if (number >= this.#saved) {
      const at = (number - this.#saved) * this.entryBytes
      return this.#unsaved.subarray(at, at + this.entryBytes)
    }
    return this.#reading(file => this.#readFrom(file, number, 1))
  }

  /** Number of the last entry for which `holds`, -1 when for none; it must hold for a first part of the entries and for no other. */
  findLast(holds: (entry: Buffer, at: number) => boolean): number {
    const { entryBytes } = this
    if (this.#unsavedCount > 0 && (this.#saved === 0 || holds(this.#unsaved, 0)))
      return this.#saved + lastHolding(this.#unsaved, this.#unsavedCount, entryBytes, holds)
    if (this.#saved === 0) return -1
    return this.#reading(file => {
      const block = Math.max(1, Math.floor(lookupBlockBytes / entryBytes))
      let low = 0
      let high = this.#saved
      while (high - low > block) {
        const middle = (low + high) >>> 1
        if (holds(this.#readFrom(file, middle, 1), 0)) low = middle
        else high = middle
      }
      return low + lastHolding(this.#readFrom(file, low, high - low), high - low, entryBytes, holds)
    })
  }

  /** Keeps the first `count` entries. */
  truncate(count: number): void {
    if (count >= this.count) return
    if (count >= this.#saved) {
      this.#unsavedCount = count - this.#saved
      return
    }
    this.#unsavedCount = 0
    this.#saved = count
    this.#writing(file => file.truncate(count * this.entryBytes))
  }

  /** Writes out what is only in memory. */
  save(): void {
    if (this.#unsavedCount === 0) return
    this.#writing(file =>
      file.write([this.#unsaved.subarray(0, this.#unsavedCount * this.entryBytes)], this.#saved * this.entryBytes),
    )
    this.#saved += this.#unsavedCount
    this.#unsavedCount = 0
    // What stays of a buffer between two pieces of a busy log is small; an idle log should hold next to nothing.
    if (this.#unsaved.length > unsavedLimitBytes) this.#unsaved = Buffer.alloc(this.entryBytes * 8)
  }

  /** Cuts the file to its entries (a pre-sized one of Apache Kafka, or one with half an entry), writes out, and forces it to disk. */
  async sync(): Promise<void> {
    const file = this.#trimmed()
    try {
      await file.sync()
    } finally {
      file.close()
    }
  }

  syncNow(): void {
    const file = this.#trimmed()
    try {
      file.syncNow()
    } finally {
      file.close()
    }
  }

  /** The file was renamed. */
  moved(path: string): void {
    this.#path = path
  }

  #trimmed(): File {
    this.save()
    const file = this.#disk.open(this.#path, 'write')
    if (file.sizeBytes > this.#saved * this.entryBytes) file.truncate(this.#saved * this.entryBytes)
    return file
  }

  #readFrom(file: File, number: number, count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count * this.entryBytes)
    file.read(bytes, number * this.entryBytes)
    return bytes
  }

  #reading<T>(use: (file: File) => T): T {
    const file = this.#disk.open(this.#path, 'read')
    try {
      return use(file)
    } finally {
      file.close()
    }
  }

  #writing(use: (file: File) => void): void {
    const file = this.#disk.open(this.#path, 'write')
    try {
      use(file)
    } finally {
      file.close()
    }
  }
}

function lastHolding(entries: Buffer, count: number, entryBytes: number, holds: (entry: Buffer, at: number) => boolean): number {
  let low = -1
  let high = count
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (holds(entries, middle * entryBytes)) low = middle
    else high = middle
  }
  return low
}
