import { ProtocolError } from './protocol-error.ts'

/**
 * Cuts a byte stream into frames: an int32 size, then so many bytes. A frame that lies within one chunk is a view into it; one that spans
 * chunks is put together when its last byte is there, so that a size alone never reserves memory.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number
  /** Chunks of the frame that is not whole, its size prefix first. */
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Bytes of the pending frame with its prefix; 0 as long as the prefix is not whole. */
  #wanted = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /**
   * Takes the next chunk of the stream and returns the frames that it completes, without their size prefixes. The chunk must not change
   * afterwards. Throws ProtocolError for a negative size or one above the limit; the stream cannot be read on then.
   */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    let position = 0
    if (this.#pendingBytes > 0) {
      position = this.#continue(chunk, frames)
      if (position < 0) return frames
    }
    while (chunk.length - position >= 4) {
      const size = this.#checked(chunk.readInt32BE(position))
      if (chunk.length - position - 4 < size) {
        this.#wanted = size + 4
        break
      }
      frames.push(chunk.subarray(position + 4, position + 4 + size))
      position += 4 + size
    }
    if (position < chunk.length) {
      this.#pending.push(position === 0 ? chunk : chunk.subarray(position))
      this.#pendingBytes = chunk.length - position
    }
    return frames
  }

  /** Feeds the pending frame. Returns the position behind it in the chunk, or −1 if it is still not whole. */
  #continue(chunk: Buffer, frames: Buffer[]): number {
    if (this.#wanted === 0) {
      if (this.#pendingBytes + chunk.length < 4) {
        this.#pending.push(chunk)
        this.#pendingBytes += chunk.length
        return -1
      }
      const prefix = Buffer.concat([...this.#pending, chunk.subarray(0, 4)], 4)
      this.#wanted = this.#checked(prefix.readInt32BE(0)) + 4
    }
    const missing = this.#wanted - this.#pendingBytes
    if (chunk.length < missing) {
      this.#pending.push(chunk)
      this.#pendingBytes += chunk.length
      return -1
    }
    this.#pending.push(missing === chunk.length ? chunk : chunk.subarray(0, missing))
    frames.push(Buffer.concat(this.#pending, this.#wanted).subarray(4))
    this.#pending = []
    this.#pendingBytes = 0
    this.#wanted = 0
    return missing
  }

  #checked(size: number): number {
    if (size < 0 || size > this.#maxFrameBytes)
      throw new ProtocolError(`a frame of ${size} bytes`, {
        hint: `at most ${this.#maxFrameBytes}; is the other side speaking Kafka's protocol, in plaintext?`,
      })
    return size
  }
}
