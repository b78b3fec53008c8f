import { putUvarint, uvarintSize } from '../varint.ts'
import { minAttachedBytes } from './limits.ts'

interface Block {
  readonly bytes: Uint8Array
  readonly view: DataView
  used: number
}

const blockBytes = 32 * 1024
const maxBlockBytes = 1024 * 1024
/** Room that must be left in a block to begin another message in it. */
const minRoom = 512

/** The block that the next message begins in. Its used part belongs to whoever holds the chunks and is never written again. */
let spare: Block | null = null

function newBlock(size: number): Block {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, size), used: 0 }
}

/**
 * Where a writer writes: a block with room, the chunks that are finished, and large byte fields between them that are not
 * copied. Compiled writers keep `position` in a local variable and hand it over where it matters.
 */
export class Output {
  bytes: Uint8Array
  view: DataView
  position: number
  /** End of the room in `bytes`. */
  limit: number
  readonly chunks: Uint8Array[] = []
  #start: number
  #block: Block

  constructor() {
    const block = spare ?? newBlock(blockBytes)
    spare = null
    this.#block = block
    this.bytes = block.bytes
    this.view = block.view
    this.limit = block.bytes.length
    this.position = this.#start = block.used
  }

  /**
   * Goes on in a new block with room for `need` bytes. What was written before `position` becomes a chunk. Returns the new
   * position.
   */
  grow(position: number, need: number): number {
    this.#finishChunk(position)
    const block = newBlock(Math.max(need, Math.min(maxBlockBytes, this.limit * 2)))
    this.#block = block
    this.bytes = block.bytes
    this.view = block.view
    this.limit = block.bytes.length
    this.#start = 0
    return 0
  }

  /** Puts bytes behind what was written before `position`, without a copy. */
  attach(position: number, bytes: Uint8Array | readonly Uint8Array[]): void {
    this.#finishChunk(position)
    if (bytes instanceof Uint8Array) this.chunks.push(bytes)
    else for (const piece of bytes) if (piece.length > 0) this.chunks.push(piece)
  }

  /**
   * Writes bytes of which `length` is the sum: small ones by copy (there must be room), large ones as chunks. Returns the
   * position behind.
   */
  put(position: number, bytes: Uint8Array | readonly Uint8Array[], length: number): number {
    if (length >= minAttachedBytes) {
      this.attach(position, bytes)
      return position
    }
    if (bytes instanceof Uint8Array) this.bytes.set(bytes, position)
    else {
      let at = position
      for (const piece of bytes) {
        this.bytes.set(piece, at)
        at += piece.length
      }
    }
    return position + length
  }

  /**
   * Closes a tagged field whose size was not known: its body began five bytes behind `start`, when there were `chunkCount`
   * chunks, and ends at `position`. Puts the size in front of it and returns the position behind it.
   */
  closeTagged(position: number, chunkCount: number, start: number): number {
    if (this.chunks.length === chunkCount) {
      const size = position - start - 5
      const body = putUvarint(this.bytes, start, size)
      this.bytes.copyWithin(body, start + 5, position)
      return body + size
    }
    // The body spans chunks: the first chunk finished since then holds the gap for the size. Cut it out.
    const first = this.chunks[chunkCount]!
    const gap = start - this.#offsetOf(first)
    let size = first.length - gap - 5
    for (let i = chunkCount + 1; i < this.chunks.length; i++) size += this.chunks[i]!.length
    size += position - this.#start
    const prefix = new Uint8Array(uvarintSize(size))
    putUvarint(prefix, 0, size)
    const pieces = [first.subarray(0, gap), prefix, first.subarray(gap + 5)].filter(piece => piece.length > 0)
    this.chunks.splice(chunkCount, 1, ...pieces)
    return position
  }

  /** All that was written. The rest of the block serves the next message. */
  finish(): Uint8Array[] {
    this.#finishChunk(this.position)
    this.#block.used = this.position
    if (this.limit - this.position >= minRoom) spare = this.#block
    return this.chunks
  }

  #finishChunk(position: number): void {
    if (position > this.#start)
      this.chunks.push(new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + this.#start, position - this.#start))
    this.#start = position
  }

  /** Offset of a chunk in the block that it was cut from. Blocks own their buffers, so it is the offset in the buffer. */
  #offsetOf(chunk: Uint8Array): number {
    return chunk.byteOffset
  }
}

/** Bytes of a value of a byte field. */
export function bytesLength(bytes: Uint8Array | readonly Uint8Array[]): number {
  if (bytes instanceof Uint8Array) return bytes.length
  let length = 0
  for (const piece of bytes) length += piece.length
  return length
}
