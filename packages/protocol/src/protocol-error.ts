import { MillraceError } from '@millrace/runtime'

/** Bytes that are not what they should be, or a value that a version cannot carry. Never retriable: the same bytes stay wrong. */
export class ProtocolError extends MillraceError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super('PROTOCOL', message, options)
  }
}
