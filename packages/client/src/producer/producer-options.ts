import { ConfigError } from '@millrace/runtime'
import { type ClientOptions, otherClientOptions } from '../cluster.ts'
import { producerKeys, type Resolved, resolveOptions } from '../config.ts'
import type { ProducerRecord } from './record.ts'

export interface ProducerOptions extends ClientOptions {
  /** Default `all`. */
  readonly acks?: 'all' | '-1' | '0' | '1' | -1 | 0 | 1
  /** Default true, if `acks` is `all`. */
  readonly enableIdempotence?: boolean
  /** Default 5. With 0 a record goes out at the end of the tick in which it was sent, with all others of that tick. */
  readonly lingerMs?: number
  /** Default 16,384. */
  readonly batchBytes?: number
  /** Default 1,048,576. */
  readonly maxRequestBytes?: number
  /** Default 33,554,432. */
  readonly bufferBytes?: number
  /** Default 60,000. */
  readonly maxBlockMs?: number
  /** Default 120,000; at least `lingerMs + requestTimeoutMs`. */
  readonly deliveryTimeoutMs?: number
  /** Default 5. Above 1 without idempotence, a retry may change the order of records. */
  readonly maxInFlight?: number
  /** Default `none`. */
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly compressionLevel?: number
  /** Default true. */
  readonly partitionerAdaptive?: boolean
  /** Default false. */
  readonly partitionerIgnoreKeys?: boolean
  /** Chooses the partition of records that name none; default: the hash of the key, or by load without a key. */
  readonly partitioner?: (record: ProducerRecord, partitionCount: number) => number
  /** Told of every batch that failed and that nobody waits for with a promise. */
  readonly onError?: (
    error: Error,
    batch: { readonly topic: string; readonly partition: number; readonly recordCount: number },
  ) => void
}

export type ProducerSettings = Resolved<typeof producerKeys>

/** The options in force. Throws a ConfigError for a bad one, or for two that exclude each other. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const given = {
    ...options,
    enableIdempotence: options.enableIdempotence ?? (options.acks === undefined || isAll(options.acks)),
  }
  const settings = resolveOptions(producerKeys, given, [...otherClientOptions, 'partitioner', 'onError'], options.logger)
  check(settings, options.compressionLevel)
  return settings
}

export function isAll(acks: ProducerOptions['acks']): boolean {
  return acks === 'all' || acks === '-1' || acks === -1
}

/** Scales of the codecs that have levels. */
const levels: Readonly<Record<string, readonly [number, number]>> = { gzip: [-1, 9], lz4: [1, 17], zstd: [-131_072, 22] }

function check(settings: ProducerSettings, compressionLevel: number | undefined): void {
  const { acks, enableIdempotence, maxInFlight, lingerMs, requestTimeoutMs, deliveryTimeoutMs } = settings
  const [least, most] = levels[settings.compression] ?? [-Infinity, Infinity]
  if (
    compressionLevel !== undefined &&
    (compressionLevel < least || compressionLevel > most || (settings.compression === 'gzip' && compressionLevel === 0))
  )
    throw new ConfigError(
      `Invalid value ${compressionLevel} for configuration compression.level: ${settings.compression} has ${least} to ${most}`,
    )
  if (enableIdempotence && !isAll(acks)) throw new ConfigError(`enableIdempotence needs acks all, not ${acks}`)
  if (enableIdempotence && maxInFlight > 5)
    throw new ConfigError(`enableIdempotence allows at most 5 requests in flight, not ${maxInFlight}`)
  if (deliveryTimeoutMs < lingerMs + requestTimeoutMs)
    throw new ConfigError(
      `deliveryTimeoutMs (${deliveryTimeoutMs}) is below lingerMs + requestTimeoutMs (${lingerMs + requestTimeoutMs})`,
    )
}
