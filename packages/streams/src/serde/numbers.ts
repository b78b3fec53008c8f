import { MillraceError } from '@millrace/runtime'
import type { SliceSerde } from './serde.ts'

/** Java's Integer: four bytes, big-endian. */
export function int32(): SliceSerde<number> {
  return new FixedSerde(
    'int32',
    4,
    (view, value) => view.setInt32(0, value),
    (bytes, at) => (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!,
    value => (value | 0) === value,
  )
}

/** Java's Long: eight bytes, big-endian; beyond ±2^53 refused, as JavaScript's numbers end there. */
export function int64(): SliceSerde<number> {
  return new FixedSerde(
    'int64',
    8,
    (view, value) => {
      view.setInt32(0, Math.floor(value / 4294967296))
      view.setUint32(4, value >>> 0)
    },
    (bytes, at) => {
      const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
      const low = ((bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!) >>> 0
      return high * 4294967296 + low
    },
    Number.isSafeInteger,
  )
}

/** Java's Double: eight bytes, big-endian. */
export function float64(): SliceSerde<number> {
  return new FixedSerde(
    'float64',
    8,
    (view, value) => view.setFloat64(0, value),
    (bytes, at) => new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0),
    value => typeof value === 'number',
  )
}

/** How many results of one serde stay as they are: more than a record needs while it is written. */
const scratches = 8

class FixedSerde implements SliceSerde<number> {
  readonly #name: string
  readonly #length: number
  readonly #write: (view: DataView, value: number) => void
  readonly #read: (bytes: Uint8Array, at: number) => number
  readonly #isValid: (value: number) => boolean
  readonly #views: readonly DataView[]
  readonly #results: readonly Uint8Array[]
  #next = 0

  constructor(
    name: string,
    length: number,
    write: (view: DataView, value: number) => void,
    read: (bytes: Uint8Array, at: number) => number,
    isValid: (value: number) => boolean,
  ) {
    this.#name = name
    this.#length = length
    this.#write = write
    this.#read = read
    this.#isValid = isValid
    this.#results = Array.from({ length: scratches }, () => new Uint8Array(length))
    this.#views = this.#results.map(({ buffer }) => new DataView(buffer))
  }

  serialize(_topic: string, value: number): Uint8Array {
    if (!this.#isValid(value)) throw new MillraceError('SERIALIZATION', `${String(value)} is no ${this.#name}`)
    const place = (this.#next = (this.#next + 1) % scratches)
    this.#write(this.#views[place]!, value)
    return this.#results[place]!
  }

  deserialize(topic: string, bytes: Uint8Array): number {
    return this.deserializeSlice(topic, bytes, 0, bytes.length)
  }

  deserializeSlice(_topic: string, bytes: Uint8Array, start: number, length: number): number {
    if (length !== this.#length)
      throw new MillraceError('DESERIALIZATION', `${length} bytes are no ${this.#name}, which has ${this.#length}`)
    const value = this.#read(bytes, start)
    if (!this.#isValid(value)) throw new MillraceError('DESERIALIZATION', `${value} is beyond the safe range of ${this.#name}`)
    return value
  }
}
