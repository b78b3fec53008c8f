import { ErrorCode, KafkaError } from '@millrace/protocol'
import { DiskError, type Logger, messageOf } from '@millrace/runtime'
import { CorruptLogError } from '../log/corrupt-log.ts'

/** What fails: a partition led or followed here. */
interface FailingReplica {
  readonly topic: string
  readonly partition: number
  lose(errorCode: number): void
}

/**
 * The code of an error that was thrown at work on a replica. A failed disk takes the replica off line: its state is unknown until a restart reads it
 * again. What has no code is logged as `event`.
 */
export function failureCode(
  error: unknown,
  replica: FailingReplica,
  { logger, event }: { readonly logger: Logger; readonly event: string },
): number {
  if (error instanceof KafkaError || error instanceof CorruptLogError) return error.errorCode
  if (error instanceof DiskError) {
    replica.lose(ErrorCode.KAFKA_STORAGE_ERROR)
    return ErrorCode.KAFKA_STORAGE_ERROR
  }
  const { topic, partition } = replica
  logger.error(event, { topic, partition, reason: messageOf(error) })
  return ErrorCode.UNKNOWN_SERVER_ERROR
}
