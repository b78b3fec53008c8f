import { type Logger, MillraceError, messageOf } from '@millrace/runtime'

/** Where something went wrong. Never the record's content. */
export interface FailureContext {
  readonly taskId: string
  readonly node: string
  /** The input record; offset -1 when the record comes from a table's update. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What to do with a record that failed: `fail` stops the application with nothing committed beyond it, `continue` logs, counts and drops it. */
export type ErrorHandler = 'fail' | 'continue' | ((error: unknown, context: FailureContext) => 'fail' | 'continue')

/** Each returns when the record is to be skipped, and throws when the task is to fail. */
export interface ErrorHandlers {
  deserialization(error: unknown, context: FailureContext): void
  processing(error: unknown, context: FailureContext): void
  production(error: unknown, context: FailureContext): void
}

export function errorHandlers(
  handlers: { deserialization: ErrorHandler; processing: ErrorHandler; production: ErrorHandler },
  logger: Logger,
): ErrorHandlers {
  const handle = (stage: keyof ErrorHandlers) => (error: unknown, context: FailureContext) => {
    const handler = handlers[stage]
    const decision = typeof handler === 'function' ? handler(error, context) : handler
    if (decision === 'continue') {
      logger.warn('record skipped', { stage, ...context, error: messageOf(error) })
      return
    }
    if (error instanceof StreamsError) throw error
    throw new StreamsError(stage, error, context)
  }
  return { deserialization: handle('deserialization'), processing: handle('processing'), production: handle('production') }
}

/** A record failed, and its handler said `fail`. `cause` is what was thrown. */
export class StreamsError extends MillraceError {
  readonly context: FailureContext

  constructor(stage: keyof ErrorHandlers, cause: unknown, context: FailureContext) {
    const where =
      context.offset >= 0
        ? `${context.topic}-${context.partition} at offset ${context.offset}`
        : `an update in task ${context.taskId}`
    super(stage.toUpperCase(), `${stage} failed in ${context.node} for ${where}: ${messageOf(cause)}`, {
      cause,
      hint: `handle it in your function, or set ${stage}Handler: 'continue' to skip such records`,
    })
    this.context = context
  }
}
