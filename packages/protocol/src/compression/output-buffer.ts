import { tooLarge } from './compression-error.ts'

const INITIAL_BYTES = 64 * 1024

/** Where a decoder of unknown output size writes: grows by doubling, never beyond its limit. */
export class OutputBuffer {
  readonly maxBytes: number
  /** The decoder writes into it from `length` on, as far as `room` has said. */
  bytes: Uint8Array
  length = 0
  readonly #codec: string

  constructor(codec: string, maxBytes: number, initialBytes: number = INITIAL_BYTES) {
    this.#codec = codec
    this.maxBytes = maxBytes
    this.bytes = Buffer.allocUnsafe(Math.min(initialBytes, maxBytes))
  }

  /** Makes room for `wanted` bytes behind `length`, as far as the limit allows; says how many there may be. */
  room(wanted: number): number {
    const allowed = Math.min(wanted, this.maxBytes - this.length)
    if (this.length + allowed > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.maxBytes, Math.max(this.bytes.length * 2, this.length + allowed)))
      larger.set(this.bytes.subarray(0, this.length))
      this.bytes = larger
    }
    return allowed
  }

  /** @throws CompressionError MESSAGE_TOO_LARGE */
  append(piece: Uint8Array): void {
    if (this.room(piece.length) < piece.length) throw tooLarge(this.#codec, this.maxBytes)
    this.bytes.set(piece, this.length)
    this.length += piece.length
  }

  /** What has been written: a view. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }
}
