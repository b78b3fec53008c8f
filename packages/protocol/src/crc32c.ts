import { createRequire } from 'node:module'

/** Below this many bytes a call into native code costs more than it saves. */
const NATIVE_FROM_BYTES = 256

type NativeCrc32c = (bytes: Uint8Array, seed?: number) => number

const native: NativeCrc32c | null = loadNative()

/** `@node-rs/crc32` comes prebuilt for most platforms, not for all; what is missing there is speed alone. */
function loadNative(): NativeCrc32c | null {
  try {
    const { crc32c: candidate } = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c?: NativeCrc32c }
    return typeof candidate === 'function' && candidate(Buffer.from('123456789')) === 0xe3069283 ? candidate : null
  } catch {
    return null
  }
}

/** Eight tables of 256 words: `tables[256 * k + byte]` is the remainder of `byte` followed by `k` zero bytes. */
const tables = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
    made[byte] = remainder
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256]!
    made[at] = (before >>> 8) ^ made[before & 0xff]!
  }
  return made
}

/**
 * CRC-32C (Castagnoli) of `bytes[start..end)` as an unsigned 32-bit number.
 *
 * @param seed the CRC of what stands before, to go on from it: `crc32c(b, 0, n, crc32c(a, 0, m))` is the CRC of a and b joined
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  if (native === null || end - start < NATIVE_FROM_BYTES) return crc32cPortable(bytes, start, end, seed)
  return native(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), seed)
}

/** The same without native code, eight bytes a step (slicing-by-8). */
export function crc32cPortable(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let crc = ~seed
  let at = start
  for (const stop = end - 7; at < stop; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      tables[0x700 | (crc & 0xff)]! ^
      tables[0x600 | ((crc >>> 8) & 0xff)]! ^
      tables[0x500 | ((crc >>> 16) & 0xff)]! ^
      tables[0x400 | (crc >>> 24)]! ^
      tables[0x300 | bytes[at + 4]!]! ^
      tables[0x200 | bytes[at + 5]!]! ^
      tables[0x100 | bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}
