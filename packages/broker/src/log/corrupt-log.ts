import { ErrorCode } from '@millrace/protocol'
import { MillraceError } from '@millrace/runtime'

/**
 * Damage in a part of a log that had been forced to disk: bytes that a crash cannot explain. They are not cut off, since what follows was
 * acknowledged. Clients are answered KAFKA_STORAGE_ERROR.
 */
export class CorruptLogError extends MillraceError {
  readonly errorCode = ErrorCode.KAFKA_STORAGE_ERROR
  readonly path: string

  constructor(path: string, what: string, options: { cause?: unknown } = {}) {
    super('CORRUPT_LOG', `${path}: ${what}`, {
      hint: 'restore the partition from a replica or a backup; kafka-dump-log --deep-iteration shows what is damaged',
      ...options,
    })
    this.path = path
  }
}
