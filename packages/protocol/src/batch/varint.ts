import { CorruptBatchError } from './corrupt-batch.ts'

/**
 * Zigzag varints (protobuf's sint32 and sint64) as records use them.
 *
 * A read returns its value and leaves the position behind it in `varintEnd`: a pair without an allocation.
 */
export let varintEnd = 0

const VARINT_MAX_BYTES = 5
const VARLONG_MAX_BYTES = 10

/** An int32 of at most 5 bytes that end before `end`. */
export function readVarint(bytes: Uint8Array, start: number, end: number): number {
  let raw = 0
  for (let index = 0, at = start; index < VARINT_MAX_BYTES; index++) {
    if (at >= end) throw new CorruptBatchError(`a varint at byte ${start} runs past the end of its record`)
    const byte = bytes[at++]!
    raw |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) {
      if (index === 4 && byte > 0x0f) break
      varintEnd = at
      return (raw >>> 1) ^ -(raw & 1)
    }
  }
  throw new CorruptBatchError(`a varint at byte ${start} is longer than 32 bits`)
}

/** An int64 of at most 10 bytes that end before `end`; beyond ±2^53 it is corrupt. */
export function readVarlong(bytes: Uint8Array, start: number, end: number): number {
  let low = 0
  let middle = 0
  let high = 0
  for (let index = 0, at = start; index < VARLONG_MAX_BYTES; index++) {
    if (at >= end) throw new CorruptBatchError(`a varlong at byte ${start} runs past the end of its record`)
    const byte = bytes[at++]!
    const bits = byte & 0x7f
    if (index < 4) low |= bits << (7 * index)
    else if (index < 8) middle |= bits << (7 * (index - 4))
    else high |= bits << (7 * (index - 8))
    if (byte >= 0x80) continue
    const magnitude = high * 2 ** 55 + middle * 2 ** 27 + (low >>> 1)
    const value = low & 1 ? -magnitude - 1 : magnitude
    if ((index === 9 && byte > 1) || !Number.isSafeInteger(value)) break
    varintEnd = at
    return value
  }
  throw new CorruptBatchError(`a varlong at byte ${start} is beyond 2^53`)
}

/** Bytes that `writeVarint` takes. */
export function sizeOfVarint(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x20_0000 ? 3 : raw < 0x1000_0000 ? 4 : 5
}

/** Bytes that `writeVarlong` takes. */
export function sizeOfVarlong(value: number): number {
  if (value === (value | 0)) return sizeOfVarint(value)
  let size = 1
  for (let raw = value < 0 ? (-value - 1) * 2 + 1 : value * 2; raw >= 0x80; raw /= 0x80) size++
  return size
}

/** Writes an int32, returns the position behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  while (raw >= 0x80) {
    bytes[at++] = raw | 0x80
    raw >>>= 7
  }
  bytes[at++] = raw
  return at
}

/** Writes a safe integer, returns the position behind it. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, at, value)
  // Doubling a safe integer is exact; the odd form of a negative one is split off so that the sum never needs 54 bits.
  let half = value < 0 ? -value - 1 : value
  bytes[at++] = ((half % 64) * 2 + (value < 0 ? 1 : 0)) | 0x80
  half = Math.floor(half / 64)
  while (half >= 0x80) {
    bytes[at++] = (half % 0x80) | 0x80
    half = Math.floor(half / 0x80)
  }
  bytes[at++] = half
  return at
}
