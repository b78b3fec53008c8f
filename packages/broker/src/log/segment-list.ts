import type { BatchView } from '@millrace/protocol'
import { CorruptLogError } from './corrupt-log.ts'
import { lookupBlockBytes, type Segment } from './segment.ts'
import { type ReadLimits, readSegment, type SegmentRead, StaleIndexError } from './segment-read.ts'

/** Index of the segment in which an offset lies: the last one that does not begin behind it, else the first. */
export function segmentIndexOf(segments: readonly Segment[], offset: number): number {
  let low = 0
  let high = segments.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (segments[middle]!.baseOffset <= offset) low = middle
    else high = middle
  }
  return low
}

/** Reads from the files, from one segment only. Throws CorruptLogError. */
export function readSegments(
  segments: readonly Segment[],
  offset: number,
  limits: ReadLimits,
  logEndOffset: number,
  nowMs: number,
): SegmentRead {
  let index = segmentIndexOf(segments, offset)
  for (;;) {
    const segment = segments[index]!
    const bound = segments[index + 1]?.baseOffset ?? logEndOffset
    let found: SegmentRead
    try {
      found = readSegment(segment, offset, limits, bound, nowMs)
    } catch (error) {
      if (!(error instanceof StaleIndexError)) throw error
      rebuildIndexes(segment, bound)
      found = readSegment(segment, offset, limits, bound, nowMs)
    }
    // Compaction may have taken the rest of a segment: only then does a read go on in the next one.
    if (!found.exhausted || ++index === segments.length) return found
  }
}

/** Where to cut so that nothing at or behind `offset` stays, and where the log ends then. */
export function cutPoint(segment: Segment, offset: number): { readonly position: number; readonly endOffset: number } {
  const scanner = segment.scan(segment.nearest(offset)?.position ?? 0, lookupBlockBytes)
  for (let batch = scanner.next(); batch !== null; batch = scanner.next())
    if (batch.lastOffset >= offset) return { position: scanner.position, endOffset: Math.min(offset, batch.baseOffset) }
  return { position: segment.sizeBytes, endOffset: offset }
}

/** The batches of several segments from the one that holds `offset` on. A view is good until the next. */
export function* batchesFrom(segments: readonly Segment[], offset: number): Generator<BatchView, void, undefined> {
  for (const [index, segment] of segments.entries()) {
    if ((segments[index + 1]?.baseOffset ?? Infinity) <= offset) continue
    const scanner = segment.scan(segment.nearest(offset)?.position ?? 0)
    for (let batch = scanner.next(); batch !== null; batch = scanner.next()) if (batch.lastOffset >= offset) yield batch
    if (scanner.fault !== null) throw new CorruptLogError(segment.path, `${scanner.fault}, at byte ${scanner.nextPosition}`)
  }
}

/** The last batches that end at or before `endOffset`, about `bytes` of them, in their order: as far as they can be read. A view is good until the next. */
export function* batchesBefore(
  segments: readonly Segment[],
  endOffset: number,
  bytes: number,
): Generator<BatchView, void, undefined> {
  const last = segmentIndexOf(segments, endOffset - 1)
  let first = last
  const { sizeBytes } = segments[last]!
  let known = Math.min(sizeBytes, (segments[last]!.nearest(endOffset - 1)?.position ?? 0) + lookupBlockBytes)
  while (first > 0 && known < bytes) known += segments[--first]!.sizeBytes
  for (let index = first; index <= last; index++) {
    const segment = segments[index]!
    const skipped = index === first ? Math.max(0, known - bytes) : 0
    const scanner = segment.scan(skipped > 0 ? (segment.offsetIndex.atPosition(skipped)?.position ?? 0) : 0)
    for (let batch = scanner.next(); batch !== null && batch.nextOffset <= endOffset; batch = scanner.next()) yield batch
  }
}

/** The index led to the wrong place. The batches decide; when they are damaged too, that is an error. */
function rebuildIndexes(segment: Segment, boundOffset: number): void {
  let expected = segment.baseOffset
  const { fault, validBytes } = segment.rebuild(batch => {
    if (!batch.isCrcValid()) return 'a wrong CRC'
    if (batch.baseOffset < expected || batch.nextOffset > boundOffset) return `offset ${batch.baseOffset} out of order`
    expected = batch.nextOffset
    return null
  })
  if (fault !== null) throw new CorruptLogError(segment.path, `${fault}, at byte ${validBytes}`)
}
