import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { batchesBefore, segmentIndexOf } from './segment-list.ts'

/** As far back from a place in the log a start looks for batches that producers may send again. */
const recalledBytes = 1024 * 1024
/** Places besides the end of the snapshot: the last batches of producers that others have left behind. */
const maxPlaces = 8
/** A producer sends again within its delivery timeout, of two minutes by default. */
const recentMs = 15 * 60_000

/**
 * A snapshot keeps each producer's last batch alone, but a client may send its last five again. Looks for the others in the log before the snapshot at
 * `endOffset`: right before it, then before the last batches of producers that have been silent since, the latest first. What is damaged is not for
 * the start to find out: who reads it will.
 */
export function recallBatches(segments: readonly Segment[], state: ProducerState, endOffset: number, nowMs: number): void {
  try {
    let place = endOffset
    for (let places = 0; place > segments[0]!.baseOffset && places <= maxPlaces; places++) {
      state.recall(batchesBefore(segments, place, recalledBytes))
      place = state.latestLone(place, segments[0]!.baseOffset)
      if (place < 0 || !isRecent(segments, place, nowMs)) return
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'CORRUPT_MESSAGE') throw error
  }
}

/** By the clock of the disk: records may carry times of long ago. */
function isRecent(segments: readonly Segment[], offset: number, nowMs: number): boolean {
  return Math.abs(nowMs - segments[segmentIndexOf(segments, offset)]!.modifiedMs) < recentMs
}
