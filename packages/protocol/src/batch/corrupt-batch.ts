import { MillraceError } from '@millrace/runtime'

/** Bytes that are no record batch, or one that contradicts itself. Kafka's error 2, CORRUPT_MESSAGE. */
export class CorruptBatchError extends MillraceError {
  readonly errorCode = 2

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super('CORRUPT_MESSAGE', message, { retriable: true, ...options })
  }
}
