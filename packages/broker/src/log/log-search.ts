import type { BatchView } from '@millrace/protocol'
import { lookupBlockBytes, type Segment } from './segment.ts'

export interface FoundOffset {
  readonly offset: number
  readonly timestamp: number
}

/** The first record at or behind `startOffset` with a timestamp of at least `timestamp`. */
export function findTimestamp(segments: readonly Segment[], timestamp: number, startOffset: number): FoundOffset | null {
  for (const segment of segments) {
    if (segment.maxTimestamp < timestamp) continue
    const before = segment.timeIndex.lookupBelow(timestamp)
    for (const batch of batchesAt(segment, before?.offset ?? segment.baseOffset)) {
      if (batch.maxTimestamp < timestamp || batch.lastOffset < startOffset) continue
      const found = findInBatch(batch, timestamp, startOffset)
      if (found !== null) return found
    }
  }
  return null
}

/** The first record with the greatest timestamp of all; null for a log without timestamps. */
export function findMaxTimestamp(segments: readonly Segment[], startOffset: number): FoundOffset | null {
  let latest: Segment | null = null
  for (const segment of segments) if (segment.maxTimestamp > (latest?.maxTimestamp ?? -1)) latest = segment
  if (latest === null) return null
  for (const batch of batchesAt(latest, latest.offsetOfMaxTimestamp)) {
    if (batch.maxTimestamp < latest.maxTimestamp || batch.lastOffset < startOffset) continue
    const found = findInBatch(batch, latest.maxTimestamp, startOffset)
    if (found !== null) return found
  }
  return null
}

/** The batches of a segment from the index entry before `offset` on. */
function* batchesAt(segment: Segment, offset: number): Generator<BatchView, void, undefined> {
  const scanner = segment.scan(segment.nearest(offset)?.position ?? 0, lookupBlockBytes)
  for (let batch = scanner.next(); batch !== null; batch = scanner.next()) yield batch
}

function findInBatch(batch: BatchView, timestamp: number, startOffset: number): FoundOffset | null {
  const cursor = batch.records()
  while (cursor.next())
    if (cursor.timestamp >= timestamp && cursor.offset >= startOffset)
      return { offset: cursor.offset, timestamp: cursor.timestamp }
  return null
}
