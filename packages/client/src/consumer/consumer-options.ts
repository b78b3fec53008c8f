import { ConfigError } from '@millrace/runtime'
import { type ClientOptions, otherClientOptions } from '../cluster.ts'
import { consumerKeys, type Resolved, resolveOptions } from '../config.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Assignor } from './assignors/assignor.ts'
import { rangeAssignor } from './assignors/range.ts'
import { roundRobinAssignor } from './assignors/round-robin.ts'

export interface ConsumerOptions extends ClientOptions {
  /** Left out: `assign` only, and no commits. */
  readonly groupId?: string
  /** A static member's name (KIP-345). */
  readonly groupInstanceId?: string
  /** In the order of preference: `range`, `roundrobin` or your own. Default `['range']`. */
  readonly assignors?: readonly ('range' | 'roundrobin' | Assignor)[]
  /** Default `latest`. */
  readonly autoOffsetReset?: 'earliest' | 'latest' | 'none'
  /** Default true with a group: commits what the reader is done with, see `poll` and `batches`. */
  readonly enableAutoCommit?: boolean
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number
  /** Default 45,000. */
  readonly sessionTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
  /** Default 300,000. */
  readonly maxPollIntervalMs?: number
  /** Default 500. */
  readonly maxPollRecords?: number
  /** Default 1. */
  readonly fetchMinBytes?: number
  /** Default 50 MiB. */
  readonly fetchMaxBytes?: number
  /** Default 500. */
  readonly fetchMaxWaitMs?: number
  /** Default 1 MiB. */
  readonly maxPartitionFetchBytes?: number
  /** Fetched ahead of the reader, at most. Default 64 MiB. */
  readonly prefetchBytes?: number
  /** Default `read_uncommitted`. */
  readonly isolationLevel?: 'read_uncommitted' | 'read_committed'
  /** Default true. */
  readonly checkCrcs?: boolean
  readonly clientRack?: string
  /** Default 100 MiB. */
  readonly maxDecompressedBytes?: number
}

/** What came with an assignment. */
export interface AssignmentInfo {
  /** What the leader's assignor told this member. */
  readonly userData: Uint8Array | null
  readonly generationId: number
  readonly memberId: string
}

/** Told of partitions that come and go; called within `poll` (or what iterates), which waits for the callback. */
export interface RebalanceListener {
  /** The partitions from now on. Positions may be sought here. */
  assigned?(partitions: readonly TopicPartition[], info: AssignmentInfo): void | Promise<void>
  /** They go to somebody else after this: the last moment to finish and to commit. */
  revoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** They are somebody else's already: committing is too late. Default: `revoked`. */
  lost?(partitions: readonly TopicPartition[]): void | Promise<void>
}

export type ConsumerSettings = Resolved<typeof consumerKeys>

/** The options in force. Throws a ConfigError for a bad one. */
export function consumerSettings(options: ConsumerOptions): { settings: ConsumerSettings; assignors: Assignor[] } {
  const { groupId, assignors = ['range'] } = options
  const given = { ...options, assignors: undefined, enableAutoCommit: options.enableAutoCommit ?? groupId !== undefined }
  const settings = resolveOptions(consumerKeys, given, otherClientOptions, options.logger)
  check(settings, options)
  return { settings, assignors: assignors.map(assignorOf) }
}

function assignorOf(assignor: 'range' | 'roundrobin' | Assignor): Assignor {
  if (assignor === 'range') return rangeAssignor
  if (assignor === 'roundrobin') return roundRobinAssignor
  if (typeof assignor === 'object' && typeof assignor.name === 'string' && typeof assignor.assign === 'function') return assignor
  throw new ConfigError(`Invalid value ${String(assignor)} for option assignors: must be range, roundrobin or an Assignor`)
}

function check(settings: ConsumerSettings, options: ConsumerOptions): void {
  const { heartbeatIntervalMs, sessionTimeoutMs, enableAutoCommit } = settings
  if (options.groupId === '') throw new ConfigError('Invalid value for configuration group.id: must not be empty')
  if (options.assignors?.length === 0) throw new ConfigError('Option assignors must name at least one')
  if (heartbeatIntervalMs >= sessionTimeoutMs)
    throw new ConfigError(`heartbeatIntervalMs (${heartbeatIntervalMs}) must be below sessionTimeoutMs (${sessionTimeoutMs})`)
  if (enableAutoCommit && options.groupId === undefined) throw new ConfigError('enableAutoCommit needs a groupId')
}
