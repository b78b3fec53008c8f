import { ErrorCode } from '@millrace/protocol'
import { orRefusal } from '../controller/decision.ts'
import { checkTopicName } from '../controller/topic-name.ts'

/** INVALID_TOPIC_EXCEPTION for a name that no topic can have, else UNKNOWN_TOPIC_OR_PARTITION. */
export function unknownTopicError(name: string): number {
  return orRefusal<number>(
    () => {
      checkTopicName(name)
      return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    },
    refusal => refusal.errorCode,
  )
}
