import type { RecordHeader } from '../record.ts'

/**
 * The header by which a record in a repartition topic names the input record it was made from, synchronously, while that was processed: topic
 * (a 32-bit hash), partition, offset, and the how-manyeth it is of that input record. A task reads each of its partitions in order, and after a crash
 * again from its last commit: so, by origin, what is not above the last one taken has been here before.
 */
export const originHeaderKey = '_o'
const scratch = new Uint8Array(32)

export function originHeader(topic: string, partition: number, offset: number, index: number): RecordHeader {
  let at = putNumber(0, hashOf(topic))
  at = putNumber(at, partition)
  at = putNumber(at, offset)
  at = putNumber(at, index)
  return { key: originHeaderKey, value: scratch.slice(0, at) }
}

export interface Origin {
  /** Topic and partition. */
  readonly source: string
  readonly offset: number
  readonly index: number
}

/** null: not such a header's value. */
export function originOf(bytes: Uint8Array, start: number, end: number): Origin | null {
  let at = start
  let bad = false
  const number = () => {
    let value = 0
    let factor = 1
    for (;;) {
      if (at >= end) {
        bad = true
        return 0
      }
      const byte = bytes[at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
  }
  const source = `${number().toString(36)}.${number()}`
  const offset = number()
  const index = number()
  return bad || at !== end ? null : { source, offset, index }
}

const hashes = new Map<string, number>()

/** 32 bits of FNV-1a. Start refuses a topology where two topics have the same. */
export function hashOf(topic: string): number {
  let hash = hashes.get(topic)
  if (hash === undefined) {
    hash = 0x811c9dc5
    for (const byte of Buffer.from(topic)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
    hashes.set(topic, hash)
  }
  return hash
}

function putNumber(at: number, value: number): number {
  while (value >= 128) {
    scratch[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  scratch[at++] = value
  return at
}
