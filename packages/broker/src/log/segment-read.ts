import { CorruptLogError } from './corrupt-log.ts'
import { readInt64 } from './int64.ts'
import type { Segment } from './segment.ts'

/** Most bytes of one read from disk, whatever the client asks for; a single batch may be larger. */
const maxReadBytes = 16 * 1024 * 1024
/** Read beyond what is asked for: the batches between the index entry and the offset, and the header that confirms the last batch. */
const slackBytes = 8 * 1024
/** The part of a batch header that is looked at: up to the last offset delta. */
const headerBytes = 27

/** The offset index does not fit the segment: it must be built anew. */
export class StaleIndexError extends Error {}

export interface ReadLimits {
  readonly maxBytes: number
  readonly endOffset: number
  readonly atLeastOne: boolean
  /** Gives the memory to read into. */
  readonly allocate: (bytes: number) => Buffer
}

export interface SegmentRead {
  /** Whole batches; null when the segment has none for the limits. */
  readonly bytes: Buffer | null
  readonly nextOffset: number
  /** The segment has no batch at or behind the offset: look into the next one. */
  readonly exhausted: boolean
}

/**
 * Reads from a segment's file the batches from the one that holds `offset` on. `boundOffset` is where the segment ends.
 * Offsets are not covered by the CRC, so they are checked here against the index, their neighbours and the bound. Throws CorruptLogError, and
 * StaleIndexError when the index led astray.
 */
export function readSegment(
  segment: Segment,
  offset: number,
  limits: ReadLimits,
  boundOffset: number,
  nowMs: number,
): SegmentRead {
  let { position, indexed } = startOf(segment, offset)
  let expected = position === 0 || indexed !== null ? segment.baseOffset : offset
  const fileEnd = segment.sizeBytes - segment.pendingBytes
  const maxBytes = Math.min(limits.maxBytes, maxReadBytes)
  if (indexed !== null && !(position >= 0 && position < fileEnd)) throw new StaleIndexError()
  while (position < fileEnd) {
    const buffer = limits.allocate(Math.min(maxBytes + slackBytes, fileEnd - position))
    const length = segment.readInto(buffer, position, nowMs)
    let at = 0
    let first = -1
    let end = 0
    let nextOffset = offset
    for (;;) {
      if (at + headerBytes > length) break
      const size = buffer.readInt32BE(at + 8) + 12
      const baseOffset = readInt64(buffer, at)
      const last = baseOffset + buffer.readInt32BE(at + 23)
      const fault = faultOf(buffer, at, size, { baseOffset, last, expected, boundOffset })
      if (at === 0 && indexed !== null && (fault !== null || last !== indexed)) throw new StaleIndexError()
      if (fault !== null || size > fileEnd - position - at)
        throw corrupt(segment, position + at, fault ?? 'the file ends within a batch')
      expected = last + 1
      if (first < 0 && last >= offset) first = at
      if (first >= 0) {
        if (last >= limits.endOffset) break
        if (at + size - first > maxBytes && !(limits.atLeastOne && at === first)) break
        if (at + size > length) {
          if (at !== first || !limits.atLeastOne) break
          const bytes = wholeBatch(segment, position + at, size, nowMs)
          segment.hints.set(last + 1, position + at + size)
          return { bytes, nextOffset: last + 1, exhausted: false }
        }
        nextOffset = last + 1
        end = at + size
      }
      at += size
    }
    if (first >= 0) {
      if (nextOffset === offset) return { bytes: null, nextOffset, exhausted: false }
      segment.hints.set(nextOffset, position + end)
      return { bytes: buffer.subarray(first, end), nextOffset, exhausted: false }
    }
    if (at === 0) throw corrupt(segment, position, 'the file ends within a batch header')
    position += at
    indexed = null
  }
  return { bytes: null, nextOffset: offset, exhausted: true }
}

/** `indexed`: last offset of the batch at `position` as the index says, null when it says nothing. */
function startOf(segment: Segment, offset: number): { position: number; indexed: number | null } {
  const hinted = segment.hints.get(offset)
  if (hinted >= 0) return { position: hinted, indexed: null }
  const nearest = segment.nearest(offset)
  return nearest === null ? { position: 0, indexed: null } : { position: nearest.position, indexed: nearest.offset }
}

function faultOf(
  buffer: Buffer,
  at: number,
  size: number,
  offsets: { baseOffset: number; last: number; expected: number; boundOffset: number },
): string | null {
  if (size < 61) return `a batch of ${size} bytes`
  if (buffer[at + 16] !== 2) return `message format ${buffer[at + 16]}`
  const { baseOffset, last, expected, boundOffset } = offsets
  if (!(baseOffset >= expected && last >= baseOffset && last < boundOffset))
    return `offsets ${baseOffset} to ${last} where ${expected} to ${boundOffset - 1} belong`
  return null
}

function wholeBatch(segment: Segment, position: number, size: number, nowMs: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size)
  if (segment.readInto(bytes, position, nowMs) < size) throw corrupt(segment, position, 'the file ends within a batch')
  return bytes
}

function corrupt(segment: Segment, position: number, fault: string): CorruptLogError {
  return new CorruptLogError(segment.path, `${fault}, at byte ${position}`)
}
