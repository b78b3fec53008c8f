import { ProtocolError } from './protocol-error.ts'

/** Room that a frame in pieces gets at least, if it is that large. */
const minRoom = 64 * 1024
/** A frame in pieces has at most so many times the room of what has arrived of it. */
const growth = 4
const nothing: Buffer = Buffer.alloc(0)

/**
 * Cuts a byte stream into frames: an int32 size, then so many bytes. A frame that lies within one chunk is a view into it. One
 * that spans chunks is put together in a buffer that grows with what arrives: neither a promised size nor a stream of tiny
 * chunks takes memory of itself.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number
  /** The bytes of the size that are there, and how many. */
  #prefix = 0
  #prefixBytes = 0
  /** Size of the frame under way; −1 as long as it is not known. */
  #size = -1
  #body = nothing
  #received = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes that wait for the rest of their frame, its size included. */
  get pendingBytes(): number {
    return this.#prefixBytes + this.#received
  }

  /**
   * Takes the next chunk of the stream and returns the frames that it completes, without their sizes. The chunk must not change
   * afterwards. Throws ProtocolError for a negative size or one above the limit; the stream cannot be read on then.
   */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = []
    let position = 0
    for (;;) {
      if (this.#size < 0) {
        position = this.#readSize(chunk, position)
        if (this.#size < 0) return frames
      }
      const missing = this.#size - this.#received
      if (chunk.length - position < missing) {
        this.#append(chunk, position)
        return frames
      }
      if (this.#received === 0) frames.push(chunk.subarray(position, position + missing))
      else {
        this.#append(chunk.subarray(position, position + missing), 0)
        frames.push(this.#body)
      }
      position += missing
      this.#prefix = this.#prefixBytes = this.#received = 0
      this.#size = -1
      this.#body = nothing
    }
  }

  #readSize(chunk: Buffer, position: number): number {
    while (this.#prefixBytes < 4) {
      if (position === chunk.length) return position
      this.#prefix = (this.#prefix << 8) | chunk[position++]!
      this.#prefixBytes++
    }
    const size = this.#prefix
    if (size < 0 || size > this.#maxFrameBytes)
      throw new ProtocolError(`a frame of ${size} bytes`, {
        hint: `at most ${this.#maxFrameBytes}; is the other side speaking Kafka's protocol, in plaintext?`,
      })
    this.#size = size
    return position
  }

  #append(chunk: Buffer, from: number): void {
    const received = this.#received + chunk.length - from
    if (received > this.#body.length) {
      const body = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(minRoom, received * growth)))
      this.#body.copy(body, 0, 0, this.#received)
      this.#body = body
    }
    chunk.copy(this.#body, this.#received, from)
    this.#received = received
  }
}
