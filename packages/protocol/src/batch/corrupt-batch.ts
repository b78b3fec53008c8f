import { ErrorCode } from '../errors/error-code.ts'
import { KafkaError } from '../errors/kafka-error.ts'

/** Bytes that are no record batch, or one that contradicts itself: CORRUPT_MESSAGE. */
export class CorruptBatchError extends KafkaError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(ErrorCode.CORRUPT_MESSAGE, message, options)
  }
}
