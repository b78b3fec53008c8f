import { InvalidRecordsError, type RecordError } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'

/** What came of a producer's batch. */
export interface AppendOutcome {
  readonly errorCode: number
  readonly errorMessage?: string
  readonly recordErrors?: readonly RecordError[]
  /** -1 after an error. */
  readonly baseOffset: number
  /** The high watermark that commits the batch. */
  readonly nextOffset: number
  /** -1 unless the topic's timestamps are of the append. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

/** An outcome without an append; `error` says why, where the code alone does not. */
export function refusedAppend(errorCode: number, logStartOffset: number, error?: unknown): AppendOutcome {
  const refused: AppendOutcome = { errorCode, baseOffset: -1, nextOffset: -1, logAppendTimeMs: -1, logStartOffset }
  if (error === undefined) return refused
  const recordErrors = error instanceof InvalidRecordsError ? error.recordErrors : []
  return { ...refused, errorMessage: messageOf(error), recordErrors }
}
