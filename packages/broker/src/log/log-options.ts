import type { DiskError, Logger, World } from '@millrace/runtime'
import type { LogConfig } from './log-config.ts'
import type { TailCache } from './tail-cache.ts'

export interface LogOptions {
  readonly world: World
  readonly logger: Logger
  /** The partition's own directory, `<log directory>/<topic>-<partition>`; created if it is not there. */
  readonly directory: string
  readonly topic: string
  readonly partition: number
  /** Written to `partition.metadata` when that is not there. */
  readonly topicId?: string
  readonly config: LogConfig
  /** Everything below was forced to disk: damage there is an error, damage behind it is cut off. Default 0. */
  readonly recoveryPoint?: number
  /** Default: the first segment's. */
  readonly logStartOffset?: number
  /** The last owner closed it: no recovery. Default false. */
  readonly clean?: boolean
  /** `producer.id.expiration.ms`. Default one day. */
  readonly producerIdExpirationMs?: number
  /** Where recent batches are kept, shared by all logs of a broker. Default: nothing is kept. */
  readonly tailCache?: TailCache
  /** The disk failed; called once. */
  readonly onFailed?: (error: DiskError) => void
  /** A snapshot holds everything below the recovery point: a log that ends before it is behind, not damaged. Default false. */
  readonly isBackedBySnapshot?: boolean
  /** Several segments will be deleted: the checkpoint of log starts must say so, durably, before this returns. */
  readonly onLogStartMoved?: () => void
  /** The recovery point went back: the checkpoint must say so, durably, before this returns. */
  readonly onRecoveryPointLowered?: () => void
}

export interface LogRead {
  /** Whole batches, one or several a chunk: never change them. */
  readonly chunks: Uint8Array[]
  readonly sizeBytes: number
  /** Behind the last batch that was read; the offset asked for when there was none. */
  readonly nextOffset: number
}
