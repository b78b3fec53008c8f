import { ErrorCode } from '../errors/error-code.ts'
import { KafkaError } from '../errors/kafka-error.ts'

/**
 * Compressed bytes that cannot be used: CORRUPT_MESSAGE when they are damaged, MESSAGE_TOO_LARGE when they would unfold to more than the
 * limit; then nothing beyond the limit was allocated.
 */
export class CompressionError extends KafkaError {}

export function tooLarge(codec: string, maxBytes: number): CompressionError {
  return new CompressionError(ErrorCode.MESSAGE_TOO_LARGE, `${codec} data unfolds to more than ${maxBytes} bytes`)
}

export function damaged(codec: string, what: string, cause?: unknown): CompressionError {
  return new CompressionError(ErrorCode.CORRUPT_MESSAGE, `${codec} data is damaged: ${what}`, { cause })
}
