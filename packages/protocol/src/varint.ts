import { ProtocolError } from './protocol-error.ts'

/** Bytes that `value` (0 … 2^32−1) takes as an unsigned varint. */
export function uvarintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

/** Writes an unsigned varint (0 … 2^32−1, seven bits a byte, lowest first) and returns the position behind it. */
export function putUvarint(bytes: Uint8Array, position: number, value: number): number {
  while (value > 0x7f) {
    bytes[position++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[position++] = value
  return position
}

/** Writes a signed varint (32 bits, zigzag: small negative numbers stay short) and returns the position behind it. */
export function putVarint(bytes: Uint8Array, position: number, value: number): number {
  return putUvarint(bytes, position, ((value << 1) ^ (value >> 31)) >>> 0)
}

/** A value read from bytes, and where the reader stands. Reused between calls: take `value` and `position` at once. */
export interface VarintCursor {
  value: number
  position: number
}

/**
 * Reads an unsigned varint into `cursor`, which stands at its first byte. Throws ProtocolError beyond 32 bits or at the end of
 * the bytes.
 */
export function readUvarint(bytes: Uint8Array, cursor: VarintCursor): void {
  let position = cursor.position
  let value = 0
  let scale = 1
  for (let count = 0; ; count++) {
    if (position >= bytes.length) throw new ProtocolError('bytes end within a varint')
    const byte = bytes[position++]!
    if (count === 4 && byte > 0x0f) throw new ProtocolError('a varint has more than 32 bits')
    value += (byte & 0x7f) * scale
    if (byte < 0x80) break
    scale *= 128
  }
  cursor.value = value
  cursor.position = position
}

/** Reads a signed (zigzag) varint of 32 bits into `cursor`. */
export function readVarint(bytes: Uint8Array, cursor: VarintCursor): void {
  readUvarint(bytes, cursor)
  cursor.value = (cursor.value >>> 1) ^ -(cursor.value & 1)
}
