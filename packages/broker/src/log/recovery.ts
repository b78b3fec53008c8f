import type { BatchView } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import { CorruptLogError } from './corrupt-log.ts'
import { maxRelativeOffset, type Segment } from './segment.ts'

export interface RecoveryOptions {
  /** From the one that holds the recovery point on. */
  readonly segments: readonly Segment[]
  readonly recoveryPoint: number
  /** Compacted: offsets may have gaps anywhere. */
  readonly compacts: boolean
  /** Called for each batch that stays, in order. */
  readonly visit: (batch: BatchView) => void
}

export interface Recovered {
  readonly endOffset: number
  /** Null: nothing was wrong. */
  readonly cut: { readonly keptSegments: number; readonly fault: string } | null
}

/**
 * Reads segments again after an unclean stop: checks every batch, rebuilds the indexes, and cuts the log before the first batch that is not
 * whole and right. What a crash may have left stands behind the recovery point; damage before it throws CorruptLogError and changes no batch.
 */
export function recoverSegments(options: RecoveryOptions): Recovered {
  const { segments } = options
  const check = new BatchCheck(options)
  for (const [index, segment] of segments.entries()) {
    const gap = index === 0 ? null : check.startOfSegment(segment.baseOffset)
    if (gap !== null) return cut(options, check.expected, index, segment, gap)
    if (index === 0) check.expected = segment.baseOffset
    const { validBytes, fault } = segment.rebuild(batch => check.batch(batch, segment.baseOffset))
    if (fault === null) continue
    const recovered = cut(options, check.expected, index + 1, segment, `${fault}, at byte ${validBytes}`)
    segment.truncateTo(validBytes, check.expected)
    return recovered
  }
  return { endOffset: check.expected, cut: null }
}

function cut(options: RecoveryOptions, endOffset: number, keptSegments: number, segment: Segment, fault: string): Recovered {
  if (endOffset < options.recoveryPoint)
    throw new CorruptLogError(
      segment.path,
      `${fault}: offset ${endOffset} is missing, and all below ${options.recoveryPoint} was on disk`,
    )
  return { endOffset, cut: { keptSegments, fault } }
}

class BatchCheck {
  readonly #options: RecoveryOptions
  /** Offset of the next batch. */
  expected = 0
  #epoch = -1

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  startOfSegment(baseOffset: number): string | null {
    return this.#fit(baseOffset)
  }

  /** Null and the visit, or what is wrong with the batch. */
  batch(batch: BatchView, segmentOffset: number): string | null {
    try {
      const { baseOffset, lastOffsetDelta, partitionLeaderEpoch } = batch
      const fault = this.#fit(baseOffset)
      if (fault !== null) return fault
      if (lastOffsetDelta < 0) return `a last offset delta of ${lastOffsetDelta}`
      if (batch.lastOffset - segmentOffset > maxRelativeOffset) return `offset ${batch.lastOffset} too far from the segment's`
      // Recovery points lie between batches: a batch across one has a wrong offset.
      if (baseOffset < this.#options.recoveryPoint && baseOffset + lastOffsetDelta >= this.#options.recoveryPoint)
        return `offsets ${baseOffset} to ${baseOffset + lastOffsetDelta} across the recovery point`
      if (!batch.isCrcValid()) return 'a wrong CRC'
      // A batch of an older epoch behind a newer one is what an earlier cut had removed and a crash brought back.
      if (partitionLeaderEpoch < this.#epoch && baseOffset >= this.#options.recoveryPoint)
        return `leader epoch ${partitionLeaderEpoch} behind ${this.#epoch}`
      this.#options.visit(batch)
      this.expected = baseOffset + lastOffsetDelta + 1
      this.#epoch = Math.max(this.#epoch, partitionLeaderEpoch)
      return null
    } catch (error) {
      if ((error as { code?: string }).code !== 'CORRUPT_MESSAGE') throw error
      return messageOf(error)
    }
  }

  /** Only compaction leaves gaps, and it never touches what is not on disk yet. */
  #fit(baseOffset: number): string | null {
    if (baseOffset === this.expected) return null
    const { compacts, recoveryPoint } = this.#options
    if (baseOffset > this.expected && (compacts || baseOffset <= recoveryPoint)) return null
    return `offset ${baseOffset} where ${this.expected} belongs`
  }
}
