import { MillraceError } from '@millrace/runtime'
import type { SliceSerde } from './serde.ts'

const slotBits = 14
const slots = 2 ** slotBits
const maxCachedBytes = 12

/**
 * Short keys come again and again: the last text of each hash is kept, which also spares hashing the text in every Map behind it. Bytes are compared as three
 * integers in tables of their own, so that a hit touches no object but the text.
 */
class StringSerde implements SliceSerde<string> {
  readonly isText = true
  readonly #lengths = new Uint8Array(slots)
  readonly #first = new Int32Array(slots)
  readonly #second = new Int32Array(slots)
  readonly #third = new Int32Array(slots)
  readonly #texts: string[] = new Array(slots).fill('')

  serialize(_topic: string, value: string): Uint8Array {
    if (typeof value !== 'string')
      throw new MillraceError('SERIALIZATION', `A ${value === null ? 'null' : typeof value} is no text`, {
        hint: 'give the serde of this key or value, such as json()',
      })
    return Buffer.from(value, 'utf8')
  }

  deserialize(_topic: string, bytes: Uint8Array): string {
    return this.#textOf(bytes, 0, bytes.length)
  }

  deserializeSlice(_topic: string, bytes: Uint8Array, start: number, length: number): string {
    return this.#textOf(bytes, start, length)
  }

  #textOf(bytes: Uint8Array, start: number, length: number): string {
    if (length > maxCachedBytes) return decoded(bytes, start, length)
    const end = start + length
    let at = start
    let [a, b, c] = [0, 0, 0]
    for (const stop = Math.min(end, start + 4); at < stop; at++) a = (a << 8) | bytes[at]!
    for (const stop = Math.min(end, start + 8); at < stop; at++) b = (b << 8) | bytes[at]!
    for (; at < end; at++) c = (c << 8) | bytes[at]!
    const mixed = a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b)
    const slot = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) >>> (32 - slotBits)
    if (this.#first[slot] === a && this.#second[slot] === b && this.#third[slot] === c && this.#lengths[slot] === length)
      return this.#texts[slot]!
    const text = decoded(bytes, start, length)
    this.#lengths[slot] = length
    this.#first[slot] = a
    this.#second[slot] = b
    this.#third[slot] = c
    this.#texts[slot] = text
    return text
  }
}

function decoded(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('utf8')
}

/** UTF-8 text. */
export function string(): SliceSerde<string> {
  return shared
}

const shared = new StringSerde()
