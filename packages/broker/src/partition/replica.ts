import { ErrorCode, KafkaError } from '@millrace/protocol'
import { DiskError, type Logger, messageOf } from '@millrace/runtime'
import { CorruptLogError } from '../log/corrupt-log.ts'
import type { PartitionMetadata } from '../services.ts'
import { checkLeaderEpoch } from './fetch-query.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ReplicaEnvironment } from './replica-environment.ts'

export interface ReplicaOptions {
  readonly environment: ReplicaEnvironment
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly log: PartitionLog
  readonly metadata: PartitionMetadata
  readonly logger: Logger
}

/** One partition with a log on this broker: what leading and following have in common. */
export abstract class Replica {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  log: PartitionLog
  readonly #logger: Logger
  readonly #failedEvent: string

  /** `failedEvent`: how the log names a failure that no code says. */
  constructor({ topic, topicId, partition, log, logger }: ReplicaOptions, failedEvent: string) {
    this.topic = topic
    this.topicId = topicId
    this.partition = partition
    this.log = log
    this.#logger = logger
    this.#failedEvent = failedEvent
  }

  abstract get leaderEpoch(): number
  abstract get highWatermark(): number
  /** 0, or what is answered since the disk failed or the partition is something else here. */
  abstract get lostCode(): number
  get logStartOffset(): number {
    return this.log.logStartOffset
  }
  get logEndOffset(): number {
    return this.log.logEndOffset
  }
  /** Without transactions everything committed is stable. */
  get lastStableOffset(): number {
    return this.highWatermark
  }

  /** Ends the work of this replica: who waits here is answered with the code or looks again, and every later request is answered with it. */
  abstract lose(errorCode: number): void

  /** NONE, or how the epoch that a client believes in is refused; -1 is believed to be any. */
  checkEpoch(believed: number): number {
    return checkLeaderEpoch(believed, this.leaderEpoch)
  }

  /** The code of a thrown error. A failed disk takes the partition off line: its state is unknown until a restart reads it again. */
  errorCodeOf(error: unknown): number {
    if (error instanceof KafkaError || error instanceof CorruptLogError) return error.errorCode
    if (error instanceof DiskError) {
      this.lose(ErrorCode.KAFKA_STORAGE_ERROR)
      return ErrorCode.KAFKA_STORAGE_ERROR
    }
    const { topic, partition } = this
    this.#logger.error(this.#failedEvent, { topic, partition, reason: messageOf(error) })
    return ErrorCode.UNKNOWN_SERVER_ERROR
  }
}

/** Where the high watermark of a log begins: as it was known last, within what the log has. */
export function knownHighWatermark({ logStartOffset, highWatermark, logEndOffset }: PartitionLog): number {
  return Math.max(logStartOffset, Math.min(highWatermark, logEndOffset))
}
