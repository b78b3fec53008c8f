import { ProtocolError } from '../protocol-error.ts'
import { putUvarint } from '../varint.ts'
import { maxStringBytes } from './limits.ts'

/** Buffer's own slicing and writing without its argument checks; they work on any Uint8Array. */
interface RawBuffer {
  utf8Slice(this: Uint8Array, start: number, end: number): string
  utf8Write(this: Uint8Array, text: string, position: number, length: number): number
}
const { utf8Slice, utf8Write } = Buffer.prototype as unknown as RawBuffer

/** Below this length a loop in JavaScript is faster than a call out of it. */
const shortText = 24

/** Text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD, as in Java. */
export function readText(bytes: Uint8Array, position: number, length: number): string {
  if (length === 0) return ''
  return utf8Slice.call(bytes, position, position + length)
}

/** Writes an int16 length and the text; room for 2 + 3 × text.length must be there. Returns the position behind it. */
export function putText(bytes: Uint8Array, position: number, text: string): number {
  const length = text.length <= shortText ? putAscii(bytes, position + 2, text) : -1
  if (length >= 0) {
    bytes[position] = length >> 8
    bytes[position + 1] = length
    return position + 2 + length
  }
  const written = utf8Write.call(bytes, text, position + 2, 3 * text.length)
  checkLength(written)
  bytes[position] = written >> 8
  bytes[position + 1] = written
  return position + 2 + written
}

/** Writes a compact length (uvarint of length + 1) and the text; room for 3 + 3 × text.length must be there. */
export function putCompactText(bytes: Uint8Array, position: number, text: string): number {
  if (text.length <= shortText) {
    const length = putAscii(bytes, position + 1, text)
    if (length >= 0) {
      bytes[position] = length + 1
      return position + 1 + length
    }
  }
  const length = Buffer.byteLength(text)
  checkLength(length)
  position = putUvarint(bytes, position, length + 1)
  utf8Write.call(bytes, text, position, length)
  return position + length
}

/** Writes the text if it is ASCII; −1 if it is not. */
function putAscii(bytes: Uint8Array, position: number, text: string): number {
  const length = text.length
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return -1
    bytes[position + i] = code
  }
  return length
}

function checkLength(length: number): void {
  if (length > maxStringBytes) throw new ProtocolError(`a string of ${length} bytes`, { hint: `at most ${maxStringBytes}` })
}
