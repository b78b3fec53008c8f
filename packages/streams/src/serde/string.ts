import { MillraceError } from '@millrace/runtime'
import type { SliceSerde } from './serde.ts'

/** Short keys come again and again: the last text seen of each hash is kept, which also spares hashing the text in every Map behind it. */
const slots = 16_384
const maxCachedBytes = 24

class StringSerde implements SliceSerde<string> {
  readonly isText = true
  readonly #bytes: (Uint8Array | undefined)[] = new Array(slots).fill(undefined)
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
    let hash = length
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
    const slot = (hash ^ (hash >>> 14)) & (slots - 1)
    const known = this.#bytes[slot]
    if (known !== undefined && known.length === length) {
      let same = 0
      while (same < length && known[same] === bytes[start + same]) same++
      if (same === length) return this.#texts[slot]!
    }
    const text = decoded(bytes, start, length)
    this.#bytes[slot] = Uint8Array.prototype.slice.call(bytes, start, end)
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
