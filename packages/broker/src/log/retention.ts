import type { LogConfig } from './log-config.ts'

export interface RetainedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly largestTimestamp: number
}

export interface RetentionInput {
  /** In order; the last one is the active one. */
  readonly segments: readonly RetainedSegment[]
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly config: LogConfig
  readonly nowMs: number
}

export interface Retention {
  /** How many segments from the oldest on may go. */
  readonly count: number
  readonly reason: 'log-start' | 'size' | 'time'
}

/**
 * Which of the oldest segments may be deleted: what lies before the log start first, then by size, then by time; by size and time only with
 * `cleanup.policy` delete. Nothing at or above the high watermark, and never an empty active segment.
 */
export function retention(input: RetentionInput): Retention | null {
  const { segments, logStartOffset, config, nowMs } = input
  const deletable = deletableCount(input)
  const first = (reason: Retention['reason'], goes: (segment: RetainedSegment, end: number) => boolean): Retention | null => {
    let count = 0
    while (count < deletable && goes(segments[count]!, endOf(input, count))) count++
    return count > 0 ? { count, reason } : null
  }
  const beforeStart = first('log-start', (_, end) => end <= logStartOffset)
  if (beforeStart !== null || !config.deletes) return beforeStart
  let excess =
    config.retentionBytes < 0 ? -1 : segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - config.retentionBytes
  const bySize = first('size', ({ sizeBytes }) => {
    if (excess < sizeBytes) return false
    excess -= sizeBytes
    return true
  })
  if (bySize !== null || config.retentionMs < 0) return bySize
  return first('time', ({ largestTimestamp }) => nowMs - largestTimestamp > config.retentionMs)
}

function deletableCount(input: RetentionInput): number {
  const { segments, highWatermark } = input
  let count = 0
  while (count < segments.length && endOf(input, count) <= highWatermark) {
    const isActive = count === segments.length - 1
    if (isActive && segments[count]!.sizeBytes === 0) break
    count++
  }
  return count
}

function endOf({ segments, logEndOffset }: RetentionInput, index: number): number {
  return segments[index + 1]?.baseOffset ?? logEndOffset
}
