import { damaged } from './compression-error.ts'
import { copyLiterals, copyMatch } from './copy.ts'
import { viewOf } from './little-endian.ts'

const MAX_HASH_BITS = 14
const MIN_MATCH = 4
/** No match begins so near the end of a block: word loads stay inside it. */
const MARGIN_BYTES = 15

const heads = new Int32Array(1 << MAX_HASH_BITS)

/** Most bytes that `length` bytes can compress to, their length in front included. */
export function snappyBlockBound(length: number): number {
  return 32 + length + Math.floor(length / 6)
}

/** Compresses `from[start..end)`, at most 64 KiB, into `to[at..)`, which has `snappyBlockBound` bytes; returns where it ends. */
export function snappyCompressBlock(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  let length = end - start
  for (; length >= 0x80; length >>>= 7) to[at++] = length | 0x80
  to[at++] = length
  const view = viewOf(from)
  const toView = viewOf(to)
  const lastStart = end - MARGIN_BYTES
  let hashBits = 8
  while (hashBits < MAX_HASH_BITS && 1 << hashBits < end - start) hashBits++
  const shift = 32 - hashBits
  heads.fill(-1, 0, 1 << hashBits)
  let anchor = start
  let position = start
  let misses = 0
  while (position < lastStart) {
    const word = view.getInt32(position, true)
    const slot = Math.imul(word, 0x1e35a7bd) >>> shift
    const candidate = heads[slot]!
    heads[slot] = position
    if (candidate < 0 || view.getInt32(candidate, true) !== word) {
      position += 1 + (misses++ >> 5)
      continue
    }
    misses = 0
    let matched = MIN_MATCH
    while (position + matched < end && from[candidate + matched] === from[position + matched]) matched++
    if (position > anchor) at = writeLiterals(from, view, anchor, position, to, toView, at)
    at = writeCopies(to, at, position - candidate, matched)
    position += matched
    anchor = position
    if (position < lastStart) heads[Math.imul(view.getInt32(position - 1, true), 0x1e35a7bd) >>> shift] = position - 1
  }
  return anchor < end ? writeLiterals(from, view, anchor, end, to, toView, at) : at
}

function writeLiterals(
  from: Uint8Array,
  fromView: DataView,
  start: number,
  end: number,
  to: Uint8Array,
  toView: DataView,
  at: number,
): number {
  const rest = end - start - 1
  if (rest < 60) to[at++] = rest << 2
  else if (rest < 0x100) {
    to[at++] = 60 << 2
    to[at++] = rest
  } else {
    to[at++] = 61 << 2
    to[at++] = rest
    to[at++] = rest >>> 8
  }
  copyLiterals(from, fromView, start, to, toView, at, end - start)
  return at + end - start
}

/** A copy has at most 64 bytes; the short form takes 4 to 11 bytes from at most 2047 back. */
function writeCopies(to: Uint8Array, at: number, distance: number, length: number): number {
  while (length > 0) {
    // The last piece must not be shorter than 4, which only the long form could say at a loss.
    const piece = length >= 68 ? 64 : length > 64 ? 60 : length
    if (piece < 12 && distance < 2048) {
      to[at++] = 1 | ((piece - 4) << 2) | ((distance >>> 8) << 5)
      to[at++] = distance
    } else {
      to[at++] = 2 | ((piece - 1) << 2)
      to[at++] = distance
      to[at++] = distance >>> 8
    }
    length -= piece
  }
  return at
}

/** Position behind the length that a block starts with; a second result of `snappyLength`. */
export let snappyBodyStart = 0

/** The number of bytes that the block at `from[start..end)` says it unfolds to. @throws CompressionError CORRUPT_MESSAGE */
export function snappyLength(from: Uint8Array, start: number, end: number): number {
  let length = 0
  for (let index = 0, at = start; index < 5 && at < end; index++) {
    const byte = from[at++]!
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte >= 0x80) continue
    if (length > 0xffff_ffff) break
    snappyBodyStart = at
    return length
  }
  throw damaged('snappy', 'a block has no length')
}

/** Decompresses the body `from[start..end)` to exactly `to[at..limit)`. @throws CompressionError CORRUPT_MESSAGE */
export function snappyDecompressBody(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
  limit: number,
): void {
  const fromView = viewOf(from)
  const toView = viewOf(to)
  const floor = at
  let position = start
  while (position < end) {
    const tag = from[position++]!
    const kind = tag & 3
    let length = (tag >>> 2) + 1
    if (kind === 0) {
      if (length > 60) {
        const lengthBytes = length - 60
        if (position + lengthBytes > end) throw damaged('snappy', 'a length runs past its block')
        length = 1
        for (let index = 0; index < lengthBytes; index++) length += from[position++]! << (8 * index)
      }
      if (length < 1 || length > end - position) throw damaged('snappy', 'literals run past their block')
      if (length > limit - at) throw damaged('snappy', 'a block is longer than it says')
      copyLiterals(from, fromView, position, to, toView, at, length)
      position += length
    } else {
      let distance: number
      if (position + (kind === 3 ? 4 : kind) > end) throw damaged('snappy', 'a copy runs past its block')
      if (kind === 1) {
        length = ((tag >>> 2) & 7) + 4
        distance = ((tag >>> 5) << 8) | from[position++]!
      } else {
        distance = from[position]! | (from[position + 1]! << 8)
        position += 2
        if (kind === 3) {
          distance |= (from[position]! << 16) | (from[position + 1]! << 24)
          position += 2
        }
      }
      if (distance <= 0 || distance > at - floor)
        throw damaged('snappy', `a copy reaches back ${distance} bytes of ${at - floor}`)
      if (length > limit - at) throw damaged('snappy', 'a block is longer than it says')
      copyMatch(to, toView, at, distance, length)
    }
    at += length
  }
  if (at !== limit) throw damaged('snappy', 'a block is shorter than it says')
}
