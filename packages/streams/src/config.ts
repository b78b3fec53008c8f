import type { ConsumerOptions, ProducerOptions } from '@millrace/client'
import { ConfigError, type ConfigKey, type Logger, parseConfigValue, type World } from '@millrace/runtime'
import type { Serde } from './serde/serde.ts'
import type { ErrorHandler } from './task/error-handlers.ts'

export interface StreamsOptions {
  /** Group, prefix of internal topics, folder of the state. The same on all instances. */
  readonly applicationId: string
  /** Needed to start; a test driver does without. */
  readonly bootstrapServers?: string | readonly string[]
  /** `at-least-once` is what there is. */
  readonly guarantee?: 'at-least-once'
  /** Default `millrace-state`. Each instance on a machine needs its own. */
  readonly stateDirectory?: string
  /** `lmdb` (default), or `memory`: nothing on disk, rebuilt from changelogs. */
  readonly stores?: 'lmdb' | 'memory'
  /** Default 30,000. Results of aggregates come out at commits. */
  readonly commitIntervalMs?: number
  /** Default 5,000 records a partition; above, the partition is paused. */
  readonly bufferedRecordsPerPartition?: number
  /** Default 0. See `max.task.idle.ms`. */
  readonly maxTaskIdleMs?: number
  /** Default 100,000 decoded entries over all stores of this instance. */
  readonly cacheMaxEntries?: number
  /** Default 1,000 records a task and chain of asynchronous plain operators. */
  readonly maxInFlightRecords?: number
  /** Default 30,000. */
  readonly repartitionPurgeIntervalMs?: number
  /** Default -1: the broker's. */
  readonly replicationFactor?: number
  /** Default `earliest`. */
  readonly autoOffsetReset?: 'earliest' | 'latest'
  /** Default: text keys, JSON values. */
  readonly defaults?: { readonly key?: Serde<any>; readonly value?: Serde<any> }
  /** Bytes that the serde can't read, or a negative timestamp. Default `fail`. */
  readonly deserializationHandler?: ErrorHandler
  /** A function of yours threw. Default `fail`. */
  readonly processingHandler?: ErrorHandler
  /** A result can't be serialized or is too large. Default `fail`. */
  readonly productionHandler?: ErrorHandler
  /** Of the consumer, above what the engine sets. */
  readonly consumer?: Partial<Omit<ConsumerOptions, 'groupId' | 'assignors' | 'enableAutoCommit' | 'bootstrapServers' | 'world'>>
  /** Of the producer. */
  readonly producer?: Partial<Omit<ProducerOptions, 'bootstrapServers' | 'world'>>
  readonly world?: World
  /** Default: silent. */
  readonly logger?: Logger
}

const int = (name: string, byDefault: number, min: number, doc: string): ConfigKey<number> => ({
  name,
  type: 'int',
  default: byDefault,
  min,
  scope: 'streams',
  doc,
})

/** The numeric options of the engine, declared once; names are Kafka Streams' where it has them. */
export const streamsKeys = {
  commitIntervalMs: int(
    'commit.interval.ms',
    30_000,
    1,
    'Time between commits: of offsets, of state, and of the results that caches hold back.',
  ),
  bufferedRecordsPerPartition: int(
    'buffered.records.per.partition',
    5_000,
    1,
    'Fetched records a partition may have waiting; above, it is paused.',
  ),
  maxTaskIdleMs: int(
    'max.task.idle.ms',
    0,
    -1,
    'How long a task waits for records of an input that is read to its end, to keep the order of time between its inputs. 0: only for records that are known to be on the broker; -1: never.',
  ),
  cacheMaxEntries: int(
    'millrace.cache.max.entries',
    100_000,
    1,
    'Decoded entries in the caches of all stores of an instance. Above, clean ones go, and then it commits.',
  ),
  maxInFlightRecords: int(
    'millrace.max.in.flight.records',
    1_000,
    1,
    'Records that a chain of asynchronous plain rxjs operators may hold, a task.',
  ),
  repartitionPurgeIntervalMs: int(
    'repartition.purge.interval.ms',
    30_000,
    1,
    'Time between deletions, in the repartition topics, of records that are processed and committed.',
  ),
  replicationFactor: int('replication.factor', -1, -1, 'Of the changelog and repartition topics. -1: the default of the broker.'),
} as const

export type StreamsSettings = { readonly [Name in keyof typeof streamsKeys]: number }

const others = [
  'applicationId',
  'bootstrapServers',
  'guarantee',
  'stateDirectory',
  'stores',
  'autoOffsetReset',
  'defaults',
  'deserializationHandler',
  'processingHandler',
  'productionHandler',
  'consumer',
  'producer',
  'world',
  'logger',
]

/** The numbers in force. Throws a ConfigError for an unknown option and for a value that can't be. */
export function resolveSettings(options: StreamsOptions): StreamsSettings {
  const settings: Record<string, number> = {}
  for (const [option, key] of Object.entries(streamsKeys)) settings[option] = key.default!
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || others.includes(option)) continue
    const key = (streamsKeys as Record<string, ConfigKey<number>>)[option]
    if (!key)
      throw new ConfigError(`Unknown option ${option}`, `known are ${[...others, ...Object.keys(streamsKeys)].join(', ')}`)
    if (typeof value !== 'number') throw new ConfigError(`Option ${option} must be a number`)
    settings[option] = parseConfigValue(key, String(value)) as number
  }
  const { applicationId, guarantee = 'at-least-once', stores = 'lmdb', autoOffsetReset = 'earliest' } = options
  if (typeof applicationId !== 'string' || !/^[a-zA-Z0-9._-]{1,120}$/.test(applicationId))
    throw new ConfigError(
      `Invalid applicationId ${JSON.stringify(applicationId)}`,
      '1 to 120 letters, digits, dots, underscores and hyphens',
    )
  if (guarantee !== 'at-least-once')
    throw new ConfigError(
      `Guarantee ${JSON.stringify(guarantee)} is not there yet`,
      "take 'at-least-once': state and offsets are committed together, so what a crash repeats are output records, with the same values",
    )
  if (stores !== 'lmdb' && stores !== 'memory')
    throw new ConfigError(`Invalid option stores ${JSON.stringify(stores)}: must be lmdb or memory`)
  if (autoOffsetReset !== 'earliest' && autoOffsetReset !== 'latest')
    throw new ConfigError(`Invalid option autoOffsetReset ${JSON.stringify(autoOffsetReset)}: must be earliest or latest`)
  return settings as StreamsSettings
}
