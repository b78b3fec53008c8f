import type { RecordHeader } from '../record.ts'

/**
 * The header by which a record in a repartition topic names the input record it was made from, synchronously, while that was processed: topic (a 32-bit
 * hash), partition, offset, and the how-manyeth it is of that input record. A task reads each of its partitions in order, and after a crash again
 * from its last commit: so, by origin, what is not above the last one taken has been here before.
 */
export const originHeaderKey = '_o'

/** A header is made for every record that is repartitioned: these are used again each time. */
const scratch = new Uint8Array(32)
const views = Array.from({ length: scratch.length + 1 }, (_, length) => scratch.subarray(0, length))
const header: { key: string; value: Uint8Array } = { key: originHeaderKey, value: scratch }
const headers: readonly RecordHeader[] = [header]

/** The headers of a record that has no others. They hold until the next call. */
export function originHeaders(topic: string, partition: number, offset: number, index: number): readonly RecordHeader[] {
  let at = putNumber(0, hashOf(topic))
  at = putNumber(at, partition)
  at = putNumber(at, offset)
  at = putNumber(at, index)
  header.value = views[at]!
  return headers
}

/** What `readOrigin` found: topic and partition as one number (the hash in the upper bits), offset, index. */
export const origin = { source: 0, offset: 0, index: 0 }

/** Reads such a header's value into `origin`. False: it is none. */
export function readOrigin(bytes: Uint8Array, start: number, end: number): boolean {
  position = start
  const hash = number(bytes, end)
  const partition = number(bytes, end)
  const offset = number(bytes, end)
  const index = number(bytes, end)
  if (position !== end || hash > 0xffffffff || partition >= maxPartitions) return false
  origin.source = hash * maxPartitions + partition
  origin.offset = offset
  origin.index = index
  return true
}

/** Room for a partition below the hash, in 53 bits. */
const maxPartitions = 2 ** 20
let position = 0

/** The number at `position`; behind the end, `position` is beyond it. */
function number(bytes: Uint8Array, end: number): number {
  let value = 0
  let factor = 1
  while (position < end) {
    const byte = bytes[position++]!
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
    factor *= 128
  }
  position = end + 1
  return 0
}

const hashes = new Map<string, number>()
let lastTopic = ''
let lastHash = 0

/** 32 bits of FNV-1a. Start refuses a topology where two topics have the same. */
export function hashOf(topic: string): number {
  if (topic === lastTopic) return lastHash
  let hash = hashes.get(topic)
  if (hash === undefined) {
    hash = 0x811c9dc5
    for (const byte of Buffer.from(topic)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
    hashes.set(topic, hash)
  }
  lastTopic = topic
  lastHash = hash
  return hash
}

function putNumber(at: number, value: number): number {
  while (value > 0x7fffffff) {
    scratch[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  while (value >= 128) {
    scratch[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  scratch[at++] = value
  return at
}
