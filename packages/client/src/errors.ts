import { ErrorCode, KafkaError } from '@millrace/protocol'
import { MillraceError, messageOf } from '@millrace/runtime'

/** No answer came in time, or a call did not succeed within the time that it was given. `cause` is the last failure, if there was one. */
export class TimeoutError extends KafkaError {
  constructor(message: string, cause?: unknown) {
    const last = cause === undefined ? '' : `; last failure: ${messageOf(cause)}`
    super(ErrorCode.REQUEST_TIMED_OUT, message + last, { cause })
  }
}

/** The connection is gone, or could not be made: whether the request was carried out is not known. */
export class DisconnectedError extends KafkaError {
  constructor(message: string, cause?: unknown) {
    super(ErrorCode.NETWORK_EXCEPTION, message, { cause })
  }
}

/** No connection could be made: the request was surely not carried out. */
export class ConnectError extends DisconnectedError {}

/** A call on a client that has been closed, or one that was waiting when it was. */
export class ClosedError extends MillraceError {
  constructor(what: string) {
    super('CLOSED', `The ${what} is closed`)
  }
}

/** `bufferBytes` of records wait for brokers and no room came within `maxBlockMs`. */
export class BufferExhaustedError extends MillraceError {
  constructor(bufferBytes: number, maxBlockMs: number) {
    super('BUFFER_EXHAUSTED', `No room in the producer's buffer of ${bufferBytes} bytes within ${maxBlockMs} ms`, {
      retriable: true,
      hint: 'slow down, raise bufferBytes, or look at why brokers are slow',
    })
  }
}

/** A partition has no position: nothing is committed and `autoOffsetReset` is `none`. */
export class NoOffsetError extends MillraceError {
  constructor(partitions: string) {
    super('NO_OFFSET_FOR_PARTITION', `No committed offset for ${partitions} and no reset policy`, {
      hint: "seek, commit an offset, or set autoOffsetReset to 'earliest' or 'latest'",
    })
  }
}

/** The partition's log was cut below what this consumer has read, by a leader that did not have it, and there is no reset policy (KIP-320). */
export class LogTruncationError extends KafkaError {
  /** What was read from here on is not in the log any more; null: the leader cannot tell. */
  readonly divergentOffset: number | null

  constructor(partition: string, position: number, divergentOffset: number | null) {
    super(
      ErrorCode.OFFSET_OUT_OF_RANGE,
      `${partition} was truncated to ${divergentOffset ?? 'an unknown offset'}, before the position ${position}, and autoOffsetReset is none`,
      { hint: 'seek to divergentOffset to go on with what took its place' },
    )
    this.divergentOffset = divergentOffset
  }
}

/** A call that the consumer's present state does not allow. */
export class StateError extends MillraceError {
  constructor(message: string, hint?: string) {
    super('ILLEGAL_STATE', message, hint === undefined ? {} : { hint })
  }
}

/** True for failures that the same request may survive when it is sent again, perhaps to another broker. */
export function isRetriable(error: unknown): boolean {
  return error instanceof MillraceError && error.retriable
}

/** The Kafka error code of anything thrown; UNKNOWN_SERVER_ERROR (-1) for what has none. */
export function codeOf(error: unknown): number {
  return error instanceof KafkaError ? error.errorCode : ErrorCode.UNKNOWN_SERVER_ERROR
}
