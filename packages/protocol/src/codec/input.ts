import { readUvarint, type VarintCursor } from '../varint.ts'
import { maxMessageObjects } from './limits.ts'

/** Bytes to read, where the reader stands, and how many objects the arrays of the message may still have. */
export class Input implements VarintCursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  position: number
  objects = maxMessageObjects
  /** Last varint. */
  value = 0

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.position = position
  }

  /** Reads an unsigned varint that begins at `position` and moves behind it. */
  uvarintFrom(position: number): number {
    this.position = position
    readUvarint(this.bytes, this)
    return this.value
  }
}
