import { damaged } from './compression-error.ts'
import { copyLiterals, copyMatch } from './copy.ts'
import { viewOf } from './little-endian.ts'

/** Rules of the format: how near its end a block must be literals, and how near a match may still begin. */
const LAST_LITERALS = 5
const MATCH_LIMIT = 12
const MIN_MATCH = 4

const HASH_BITS = 14

/** Positions of the current block by hash, and under the thorough search the previous position with the same hash. */
const heads = new Int32Array(1 << HASH_BITS)
const chain = new Uint16Array(0x1_0000)

/** Most bytes that `length` bytes can compress to. */
export function lz4BlockBound(length: number): number {
  return length + Math.floor(length / 255) + 16
}

/**
 * Compresses `from[start..end)`, at most 64 KiB, into `to[at..)`, which has `lz4BlockBound` bytes; returns where it ends.
 *
 * @param attempts candidates looked at for each match; 1 is the fast search, which takes larger steps where nothing repeats
 */
export function lz4CompressBlock(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
  attempts: number,
): number {
  const view = viewOf(from)
  const toView = viewOf(to)
  const lastStart = end - MATCH_LIMIT
  const matchEnd = end - LAST_LITERALS
  let anchor = start
  let position = start
  let misses = 0
  heads.fill(-1)
  while (position <= lastStart) {
    const word = view.getInt32(position, true)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    let candidate = heads[slot]!
    let best = 0
    let bestAt = 0
    if (attempts === 1) {
      if (candidate >= 0 && view.getInt32(candidate, true) === word) {
        bestAt = candidate
        best = matchLength(from, candidate, position, matchEnd)
      }
    } else {
      for (let left = attempts; candidate >= 0 && left > 0; left--) {
        if (view.getInt32(candidate, true) === word) {
          const length = matchLength(from, candidate, position, matchEnd)
          if (length > best) {
            best = length
            bestAt = candidate
          }
        }
        candidate = chain[candidate - start]! === 0 ? -1 : candidate - chain[candidate - start]!
      }
      link(slot, position, start)
    }
    heads[slot] = position
    if (best < MIN_MATCH) {
      position += attempts === 1 ? 1 + (misses++ >> 6) : 1
      continue
    }
    misses = 0
    if (attempts === 1) {
      while (position > anchor && bestAt > start && from[position - 1] === from[bestAt - 1]) {
        position--
        bestAt--
        best++
      }
    }
    at = writeSequence(from, view, anchor, position, to, toView, at, position - bestAt, best)
    const next = position + best
    if (attempts > 1) {
      for (let inside = position + 1; inside < next && inside <= lastStart; inside++) {
        const insideSlot = Math.imul(view.getInt32(inside, true), 0x9e3779b1) >>> (32 - HASH_BITS)
        link(insideSlot, inside, start)
        heads[insideSlot] = inside
      }
    } else if (next <= lastStart) {
      heads[Math.imul(view.getInt32(next - 2, true), 0x9e3779b1) >>> (32 - HASH_BITS)] = next - 2
    }
    position = next
    anchor = next
  }
  return writeLastLiterals(from, view, anchor, end, to, toView, at)
}

function link(slot: number, position: number, start: number): void {
  const previous = heads[slot]!
  chain[position - start] = previous < 0 ? 0 : position - previous
}

function matchLength(bytes: Uint8Array, candidate: number, position: number, end: number): number {
  let length = MIN_MATCH
  while (position + length < end && bytes[candidate + length] === bytes[position + length]) length++
  return length
}

function writeSequence(
  from: Uint8Array,
  fromView: DataView,
  anchor: number,
  position: number,
  to: Uint8Array,
  toView: DataView,
  at: number,
  distance: number,
  length: number,
): number {
  const literals = position - anchor
  const token = at++
  if (literals >= 15) at = writeLength(to, at, literals - 15)
  copyLiterals(from, fromView, anchor, to, toView, at, literals)
  at += literals
  to[at++] = distance
  to[at++] = distance >>> 8
  const extra = length - MIN_MATCH
  if (extra >= 15) at = writeLength(to, at, extra - 15)
  to[token] = (Math.min(literals, 15) << 4) | Math.min(extra, 15)
  return at
}

function writeLastLiterals(
  from: Uint8Array,
  fromView: DataView,
  anchor: number,
  end: number,
  to: Uint8Array,
  toView: DataView,
  at: number,
): number {
  const literals = end - anchor
  to[at++] = Math.min(literals, 15) << 4
  if (literals >= 15) at = writeLength(to, at, literals - 15)
  copyLiterals(from, fromView, anchor, to, toView, at, literals)
  return at + literals
}

function writeLength(to: Uint8Array, at: number, rest: number): number {
  for (; rest >= 255; rest -= 255) to[at++] = 255
  to[at++] = rest
  return at
}

/**
 * Decompresses `from[start..end)` to `to[at..limit)` and returns where the output ends. Matches may reach back to `to[floor]`.
 *
 * @returns -1 when the output would go beyond `limit`
 * @throws CompressionError CORRUPT_MESSAGE
 */
export function lz4DecompressBlock(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
  limit: number,
  floor: number,
): number {
  const fromView = viewOf(from)
  const toView = viewOf(to)
  let position = start
  while (position < end) {
    const token = from[position++]!
    let literals = token >>> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (position >= end) throw damaged('lz4', 'a length runs past its block')
        more = from[position++]!
        literals += more
      }
    }
    if (literals > end - position) throw damaged('lz4', 'literals run past their block')
    if (literals > limit - at) return -1
    copyLiterals(from, fromView, position, to, toView, at, literals)
    position += literals
    at += literals
    if (position === end) return at
    if (position + 2 > end) throw damaged('lz4', 'a match runs past its block')
    const distance = from[position]! | (from[position + 1]! << 8)
    position += 2
    if (distance === 0 || distance > at - floor) throw damaged('lz4', `a match reaches back ${distance} bytes of ${at - floor}`)
    let length = (token & 15) + MIN_MATCH
    if (length === 15 + MIN_MATCH) {
      let more = 255
      while (more === 255) {
        if (position >= end) throw damaged('lz4', 'a length runs past its block')
        more = from[position++]!
        length += more
      }
    }
    if (length > limit - at) return -1
    copyMatch(to, toView, at, distance, length)
    at += length
  }
  // A block ends with literals, were it none; an end behind a match is a block cut short.
  throw damaged('lz4', 'a block ends in a match')
}
