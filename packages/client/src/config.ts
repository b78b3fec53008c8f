import { compressionCodecs } from '@millrace/protocol'
import { ConfigError, type ConfigKey, type ConfigValue, type Logger, parseConfigValue } from '@millrace/runtime'

/** Options of the clients, declared once: names (Kafka's), types, ranges and defaults. The option `lingerMs` is Kafka's `linger.ms`. */

const maxInt = 2 ** 31 - 1

const int = (name: string, byDefault: number, min: number, doc: string, max = maxInt): ConfigKey<number> => ({
  name,
  type: 'int',
  default: byDefault,
  min,
  max,
  scope: 'client',
  doc,
})

const bool = (name: string, byDefault: boolean, doc: string): ConfigKey<boolean> => ({
  name,
  type: 'boolean',
  default: byDefault,
  scope: 'client',
  doc,
})

const word = <const W extends string>(name: string, byDefault: W, valid: readonly W[], doc: string): ConfigKey<W> => ({
  name,
  type: 'string',
  default: byDefault,
  valid,
  scope: 'client',
  doc,
})

const text = (name: string, byDefault: string, doc: string): ConfigKey<string> => ({
  name,
  type: 'string',
  default: byDefault,
  scope: 'client',
  doc,
})

export const clientKeys = {
  clientId: text('client.id', 'millrace', 'Name of the client in the broker’s logs and quotas.'),
  requestTimeoutMs: int('request.timeout.ms', 30_000, 1, 'How long an answer may take before the connection is given up.'),
  connectTimeoutMs: int('socket.connection.setup.timeout.ms', 10_000, 1, 'How long a connection may take to be made.'),
  reconnectBackoffMs: int('reconnect.backoff.ms', 50, 0, 'Wait after the first failed connection to a broker.'),
  reconnectBackoffMaxMs: int(
    'reconnect.backoff.max.ms',
    1_000,
    0,
    'Longest wait between connections to a broker that can’t be reached.',
  ),
  retryBackoffMs: int('retry.backoff.ms', 100, 0, 'Wait before the first retry of a request.'),
  retryBackoffMaxMs: int('retry.backoff.max.ms', 1_000, 0, 'Longest wait between retries.'),
  defaultApiTimeoutMs: int(
    'default.api.timeout.ms',
    60_000,
    1,
    'How long a call retries before it fails, where it has no time of its own.',
  ),
  metadataMaxAgeMs: int('metadata.max.age.ms', 300_000, 1, 'Metadata is asked for again when older, errors or not.'),
  metadataRecoveryStrategy: word(
    'metadata.recovery.strategy',
    'rebootstrap',
    ['rebootstrap', 'none'],
    'When no known broker can be reached: ask the bootstrap servers again (KIP-899), or keep trying the known ones.',
  ),
  metadataRebootstrapTriggerMs: int(
    'metadata.recovery.rebootstrap.trigger.ms',
    300_000,
    0,
    'Without an answer for so long the known brokers are forgotten, so that only the bootstrap servers are asked (KIP-1102).',
  ),
  allowAutoTopicCreation: bool(
    'allow.auto.create.topics',
    true,
    'Lets the broker create a topic that is asked for, if it does so at all.',
  ),
  maxResponseBytes: int(
    'receive.message.max.bytes',
    128 * 1024 * 1024,
    1024,
    'A longer answer closes the connection before memory is taken for it.',
  ),
}

export const producerKeys = {
  ...clientKeys,
  acks: word(
    'acks',
    'all',
    ['all', '-1', '0', '1'],
    'Who must have a batch before it counts as sent: all in-sync replicas, the leader (1), nobody (0).',
  ),
  enableIdempotence: bool('enable.idempotence', true, 'Retries neither double nor reorder records.'),
  lingerMs: int('linger.ms', 5, 0, 'How long a batch waits for more records. 0: until the end of the current tick.'),
  batchBytes: int('batch.size', 16_384, 0, 'A batch is sent when it is as large, before compression.'),
  maxRequestBytes: int('max.request.size', 1_048_576, 1, 'Limit of a record and of a request.'),
  bufferBytes: int(
    'buffer.memory',
    33_554_432,
    1,
    'Records that wait for brokers, in bytes; then `append` says false and `send` waits.',
  ),
  maxBlockMs: int('max.block.ms', 60_000, 0, 'How long `send` waits for room, and a record for its topic’s metadata.'),
  deliveryTimeoutMs: int('delivery.timeout.ms', 120_000, 1, 'From `append` or `send` to success or failure, retries included.'),
  maxInFlight: int(
    'max.in.flight.requests.per.connection',
    5,
    1,
    'Requests without an answer, a broker. At most 5 with idempotence.',
  ),
  compression: word('compression.type', 'none', compressionCodecs, 'Codec of the batches.'),
  compressionLevel: int('compression.level', -maxInt, -maxInt, 'Level in the codec’s own scale; left out: the codec’s default.'),
  partitionerAdaptive: bool(
    'partitioner.adaptive.partitioning.enable',
    true,
    'Records without a key go more often to partitions with a shorter queue.',
  ),
  partitionerIgnoreKeys: bool('partitioner.ignore.keys', false, 'Spreads records with a key like those without.'),
}

export const consumerKeys = {
  ...clientKeys,
  groupId: text('group.id', '', 'Group that shares the topics and keeps the offsets. Left out: `assign` only.'),
  groupInstanceId: text(
    'group.instance.id',
    '',
    'Name of a static member, which may restart within the session without a rebalance (KIP-345).',
  ),
  clientRack: text('client.rack', '', 'Where this consumer is, to fetch from a replica nearby (KIP-392).'),
  autoOffsetReset: word(
    'auto.offset.reset',
    'latest',
    ['earliest', 'latest', 'none'],
    'Where to start without a committed offset, or with one that is out of range.',
  ),
  enableAutoCommit: bool('enable.auto.commit', true, 'Commits, from time to time, the positions of what was finished.'),
  autoCommitIntervalMs: int('auto.commit.interval.ms', 5_000, 0, 'Time between automatic commits.'),
  sessionTimeoutMs: int(
    'session.timeout.ms',
    45_000,
    1,
    'Without a heartbeat for so long the coordinator takes the member’s partitions away.',
  ),
  heartbeatIntervalMs: int('heartbeat.interval.ms', 3_000, 1, 'Time between heartbeats; a third of the session timeout at most.'),
  maxPollIntervalMs: int(
    'max.poll.interval.ms',
    300_000,
    1,
    'A consumer that does not poll for so long leaves its group. Also the time that members have to rejoin.',
  ),
  maxPollRecords: int(
    'max.poll.records',
    500,
    1,
    'A poll gives no further batch when it has so many records; batches are never split.',
  ),
  fetchMinBytes: int('fetch.min.bytes', 1, 0, 'The broker waits until it has so many bytes, or `fetchMaxWaitMs`.'),
  fetchMaxBytes: int('fetch.max.bytes', 52_428_800, 0, 'Limit of a fetch answer; the first batch comes whatever its size.'),
  fetchMaxWaitMs: int('fetch.max.wait.ms', 500, 0, 'How long the broker waits for `fetchMinBytes`.'),
  maxPartitionFetchBytes: int(
    'max.partition.fetch.bytes',
    1_048_576,
    0,
    'Limit a partition and fetch; and of what is fetched ahead of the reader.',
  ),
  prefetchBytes: int(
    'prefetch.max.bytes',
    64 * 1024 * 1024,
    1,
    'Fetched but not yet read, over all partitions: no further fetch is sent above.',
  ),
  isolationLevel: word(
    'isolation.level',
    'read_uncommitted',
    ['read_uncommitted', 'read_committed'],
    'Whether records of open and aborted transactions are given.',
  ),
  checkCrcs: bool('check.crcs', true, 'Checks the CRC of every batch.'),
  maxDecompressedBytes: int('decompressed.max.bytes', 100 * 1024 * 1024, 1, 'A batch that unfolds to more is refused.'),
}

/** The values of a set of keys. */
export type Resolved<Keys> = { readonly [Name in keyof Keys]: Keys[Name] extends ConfigKey<infer Value> ? Widened<Value> : never }
type Widened<Value> = Value extends number ? number : Value extends boolean ? boolean : Value

/**
 * The given options with defaults for the others. Throws a ConfigError for a wrong type or a value out of range; an unknown name is a warning, as in Kafka.
 * `others` are names that the caller reads itself.
 */
export function resolveOptions<Keys extends Record<string, ConfigKey<any>>>(
  keys: Keys,
  given: object,
  others: readonly string[],
  logger?: Logger,
): Resolved<Keys> {
  const resolved: Record<string, ConfigValue | null> = {}
  for (const [option, key] of Object.entries(keys)) resolved[option] = key.default!
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined || others.includes(option)) continue
    const key = keys[option]
    if (!key) {
      logger?.warn('client.option.unknown', { option })
      continue
    }
    resolved[option] = checked(option, key, value)
  }
  return resolved as Resolved<Keys>
}

function checked(option: string, key: ConfigKey, value: unknown): ConfigValue {
  // `acks: 1` is what everybody writes.
  const given = key.name === 'acks' && typeof value === 'number' ? String(value) : value
  const wanted = key.type === 'boolean' ? 'boolean' : key.type === 'int' ? 'number' : 'string'
  if (typeof given !== wanted)
    throw new ConfigError(`Invalid value ${String(value)} for configuration ${key.name}: option ${option} must be a ${wanted}`)
  return parseConfigValue(key, String(given))
}
