import { MillraceError } from '@millrace/runtime'
import { errorFacts } from './error-table.ts'

/**
 * An error that has a number in Kafka's protocol. `code` is its name (`NOT_LEADER_OR_FOLLOWER`), `errorCode` its number,
 * `retriable` and `refreshMetadata` are what Kafka says of it.
 */
export class KafkaError extends MillraceError {
  readonly errorCode: number
  readonly refreshMetadata: boolean

  /** `message`: what happened here, if that is more than the error's own text. */
  constructor(errorCode: number, message?: string | null, options: { hint?: string; cause?: unknown } = {}) {
    const facts = errorFacts(errorCode)
    const text = message === undefined || message === null || message === '' ? facts.message : message
    super(facts.name, `${facts.name}: ${text}`, { retriable: facts.retriable, ...options })
    this.errorCode = errorCode
    this.refreshMetadata = facts.refreshMetadata
  }
}

/** The error of a code as a response carries it, with its message if it has one. */
export function errorOf(errorCode: number, message?: string | null): KafkaError {
  return new KafkaError(errorCode, message)
}
