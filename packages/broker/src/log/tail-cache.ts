/** A batch is copied when it is less than this part of the memory that it would keep alive: a small batch in a large request frame. */
const retainedShare = 0.5
const slabBytes = 256 * 1024
/** What the bookkeeping of one batch costs; counted so that many tiny batches stay within the budget too. */
const overheadBytes = 160

interface CachedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly bytes: Uint8Array
  /** Null: dropped by its log. */
  tail: LogTail | null
}

/**
 * Recent batches of all logs in memory, so that a consumer at the end of a log reads no disk. Source: appends. Batches leave in the order
 * in which they came, over all logs, when the budget is used up, and when their log is cut.
 */
export class TailCache {
  readonly maxBytes: number
  /** Oldest first; what stands before `#head` has left. */
  #batches: CachedBatch[] = []
  #head = 0
  #sizeBytes = 0
  #slab: Buffer = Buffer.alloc(0)
  #slabUsed = 0

  /** `maxBytes` 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  tail(): LogTail {
    return new LogTail(this)
  }

  /** Called by `LogTail.add`. */
  add(tail: LogTail, baseOffset: number, nextOffset: number, bytes: Uint8Array): CachedBatch {
    const batch: CachedBatch = { baseOffset, nextOffset, bytes: this.#retainable(bytes), tail }
    this.#batches.push(batch)
    this.#sizeBytes += bytes.length + overheadBytes
    return batch
  }

  /** Lets the oldest go until the budget holds. */
  evict(): void {
    while (this.#sizeBytes > this.maxBytes) {
      const batch = this.#batches[this.#head]!
      this.#batches[this.#head++] = undefined!
      this.#sizeBytes -= batch.bytes.length + overheadBytes
      batch.tail?.dropOldest()
    }
    if (this.#head > 1024 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
  }

  #retainable(bytes: Uint8Array): Uint8Array {
    if (bytes.length >= bytes.buffer.byteLength * retainedShare) return bytes
    if (bytes.length > slabBytes / 4) {
      const copy = Buffer.allocUnsafeSlow(bytes.length)
      copy.set(bytes)
      return copy
    }
    if (this.#slabUsed + bytes.length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#slabUsed = 0
    }
    const copy = this.#slab.subarray(this.#slabUsed, this.#slabUsed + bytes.length)
    copy.set(bytes)
    this.#slabUsed += bytes.length
    return copy
  }
}

/** Joins chunks that stand one behind the other in the same memory, as many small batches of one log do. */
class ChunkRun {
  readonly #chunks: Uint8Array[]
  #first: Uint8Array | null = null
  #length = 0

  constructor(chunks: Uint8Array[]) {
    this.#chunks = chunks
  }

  add(bytes: Uint8Array): void {
    if (this.#first?.buffer === bytes.buffer && this.#first.byteOffset + this.#length === bytes.byteOffset) {
      this.#length += bytes.length
      return
    }
    this.end()
    this.#first = bytes
    this.#length = bytes.length
  }

  end(): void {
    const first = this.#first
    if (first === null) return
    this.#chunks.push(first.length === this.#length ? first : new Uint8Array(first.buffer, first.byteOffset, this.#length))
  }
}

/** The last batches of one log without a gap between them. */
export class LogTail {
  readonly #cache: TailCache
  #batches: CachedBatch[] = []
  #head = 0

  constructor(cache: TailCache) {
    this.#cache = cache
  }

  /** First offset in memory; Infinity when there is none. */
  get startOffset(): number {
    return this.#head < this.#batches.length ? this.#batches[this.#head]!.baseOffset : Infinity
  }

  /** Takes a batch that follows the last one. */
  add(baseOffset: number, nextOffset: number, bytes: Uint8Array): void {
    this.#batches.push(this.#cache.add(this, baseOffset, nextOffset, bytes))
    this.#cache.evict()
  }

  /** Appends to `chunks`, which is empty, the batches from the one with `offset` on; `startOffset` must not be behind it. Returns bytes and next offset. */
  read(
    offset: number,
    limits: { readonly maxBytes: number; readonly endOffset: number; readonly atLeastOne: boolean },
    chunks: Uint8Array[],
  ): { readonly sizeBytes: number; readonly nextOffset: number } {
    let sizeBytes = 0
    let nextOffset = offset
    const run = new ChunkRun(chunks)
    for (let i = this.#find(offset); i < this.#batches.length; i++) {
      const batch = this.#batches[i]!
      if (batch.nextOffset > limits.endOffset) break
      if (sizeBytes + batch.bytes.length > limits.maxBytes && !(limits.atLeastOne && sizeBytes === 0)) break
      run.add(batch.bytes)
      sizeBytes += batch.bytes.length
      nextOffset = batch.nextOffset
    }
    run.end()
    return { sizeBytes, nextOffset }
  }

  /** Drops what reaches behind `offset`. */
  truncateTo(offset: number): void {
    while (this.#batches.length > this.#head && this.#batches.at(-1)!.nextOffset > offset) this.#batches.pop()!.tail = null
  }

  clear(): void {
    for (let i = this.#head; i < this.#batches.length; i++) this.#batches[i]!.tail = null
    this.#batches = []
    this.#head = 0
  }

  /** Called by the cache, which lets go the oldest batch of all logs. */
  dropOldest(): void {
    this.#batches[this.#head++] = undefined!
    if (this.#head > 256 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
  }

  /** Index of the first batch that ends behind `offset`. */
  #find(offset: number): number {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.nextOffset > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
