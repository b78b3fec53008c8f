/** The settings of one partition's log: topic configuration over the broker's defaults. Durations in ms, sizes in bytes; `Number.MAX_SAFE_INTEGER` = no limit. */
export interface LogConfig {
  /** `segment.bytes`: a new segment starts before a batch that would not fit. */
  readonly segmentBytes: number
  /** `segment.ms`: age of the first batch (by its timestamps) at which a new segment starts. */
  readonly segmentMs: number
  /** `segment.jitter.ms`: most that is taken off `segmentMs` at random. */
  readonly segmentJitterMs: number
  /** `segment.index.bytes`: a new segment starts when an index is full. */
  readonly segmentIndexBytes: number
  /** `index.interval.bytes`. */
  readonly indexIntervalBytes: number
  /** `retention.ms`; -1 = no limit. */
  readonly retentionMs: number
  /** `retention.bytes`; -1 = no limit. */
  readonly retentionBytes: number
  /** `cleanup.policy` has `delete`: retention by time and size applies. */
  readonly deletes: boolean
  /** `cleanup.policy` has `compact`: offsets may have gaps. */
  readonly compacts: boolean
  /** `file.delete.delay.ms`. */
  readonly fileDeleteDelayMs: number
  /** `flush.messages`: records after which the log is forced to disk before the append is answered. */
  readonly flushMessages: number
  /** `flush.ms`: time that a record may stay only in the operating system's cache. */
  readonly flushMs: number
  /** `preallocate`. */
  readonly preallocate: boolean
}

/** Kafka's defaults. */
export const defaultLogConfig: LogConfig = {
  segmentBytes: 2 ** 30,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 2 ** 20,
  indexIntervalBytes: 4096,
  retentionMs: 604_800_000,
  retentionBytes: -1,
  deletes: true,
  compacts: false,
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  preallocate: false,
}
