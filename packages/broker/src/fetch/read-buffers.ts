/** Smaller reads get memory of their own: it costs less than the collection that a pool saves. */
const minPooledBytes = 32 * 1024
const maxPooledBytes = 4 * 1024 * 1024
/** Memory kept for the next reads. */
const maxKeptBytes = 16 * 1024 * 1024

/**
 * Memory for reads from disk that is used again once an answer has left: fresh memory for each read would have the garbage collector run for every
 * few dozen megabytes that consumers catch up.
 *
 * Whoever takes a buffer owns it until it gives it back; one that is never given back is collected like any other.
 */
export class ReadBuffers {
  /** Free buffers by size, a power of two. */
  readonly #free = new Map<number, Buffer[]>()
  #keptBytes = 0

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** At least `bytes` long; what is in it is left over from others. */
  take(bytes: number): Buffer {
    if (bytes < minPooledBytes || bytes > maxPooledBytes) return Buffer.allocUnsafeSlow(bytes)
    const size = 2 ** Math.ceil(Math.log2(bytes))
    const free = this.#free.get(size)?.pop()
    if (free === undefined) return Buffer.allocUnsafeSlow(size).subarray(0, bytes)
    this.#keptBytes -= size
    return free.subarray(0, bytes)
  }

  /** Nothing may refer to the buffer's memory any more. */
  give(buffer: Buffer): void {
    const size = buffer.buffer.byteLength
    const isPooled = size >= minPooledBytes && size <= maxPooledBytes && Number.isInteger(Math.log2(size))
    if (!isPooled || this.#keptBytes + size > maxKeptBytes) return
    const whole = Buffer.from(buffer.buffer)
    const free = this.#free.get(size)
    if (free) free.push(whole)
    else this.#free.set(size, [whole])
    this.#keptBytes += size
  }
}
