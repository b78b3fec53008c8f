import { MillraceError } from '@millrace/runtime'

/**
 * Compressed bytes that cannot be used. `code` is CORRUPT_MESSAGE when they are damaged and RECORD_TOO_LARGE when they
 * would unfold to more than the limit: then nothing beyond the limit was allocated.
 */
export class CompressionError extends MillraceError {
  readonly errorCode: number

  constructor(code: 'CORRUPT_MESSAGE' | 'RECORD_TOO_LARGE', message: string, cause?: unknown) {
    super(code, message, { cause })
    this.errorCode = code === 'CORRUPT_MESSAGE' ? 2 : 10
  }
}

export function tooLarge(codec: string, maxBytes: number): CompressionError {
  return new CompressionError('RECORD_TOO_LARGE', `${codec} data unfolds to more than ${maxBytes} bytes`)
}

export function damaged(codec: string, what: string, cause?: unknown): CompressionError {
  return new CompressionError('CORRUPT_MESSAGE', `${codec} data is damaged: ${what}`, cause)
}
