interface EpochLog {
  readonly logStartOffset: number
  readonly logEndOffset: number
  epochAt(offset: number): number
  endOfEpoch(epoch: number): { readonly epoch: number; readonly endOffset: number }
}

/**
 * How far a copy agrees with the log that it is a copy of, as far as one look at the epochs of both tells (KIP-279): the end of the copy, or a point
 * before it from which the two must be compared again once it is cut there.
 */
export function agreedEnd(copy: EpochLog, original: EpochLog): number {
  if (copy.logEndOffset <= copy.logStartOffset) return copy.logEndOffset
  const lastEpoch = copy.epochAt(copy.logEndOffset - 1)
  const found = original.endOfEpoch(lastEpoch)
  if (found.epoch === lastEpoch && found.endOffset >= copy.logEndOffset) return copy.logEndOffset
  return divergedEnd(copy, found)
}

/** The same, from what the original has answered: its largest epoch up to that of the copy's last record, and where that epoch ends there. */
export function divergedEnd(
  copy: EpochLog,
  { epoch, endOffset }: { readonly epoch: number; readonly endOffset: number },
): number {
  const own = copy.endOfEpoch(epoch)
  // Without that epoch here, the end of the one before it: the original is asked for that one next.
  const agreed = own.endOffset < 0 ? endOffset : own.epoch === epoch ? Math.min(own.endOffset, endOffset) : own.endOffset
  return Math.min(agreed, copy.logEndOffset)
}
