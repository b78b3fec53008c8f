import { declaring, unlimited } from './declare.ts'

const { boolean, double, int, list, long, string } = declaring('broker')
const dynamic = true
const minutes = 60_000
const hours = 3_600_000

/** Defaults of the topics' settings, and the care of the logs. */
export const logKeys = {
  logRetentionMs: long('log.retention.ms', null, 'Age above which a segment is deleted; -1 keeps it.', {
    dynamic,
    min: -1,
    fallbacks: [
      { name: 'log.retention.minutes', factor: minutes },
      { name: 'log.retention.hours', factor: hours },
    ],
  }),
  logRetentionMinutes: int('log.retention.minutes', null, 'log.retention.ms in minutes.'),
  logRetentionHours: int('log.retention.hours', 168, 'log.retention.ms in hours.'),
  logRetentionBytes: long(
    'log.retention.bytes',
    -1,
    'Size of a partition above which its oldest segments are deleted; -1 keeps them.',
    {
      dynamic,
    },
  ),
  logSegmentBytes: int('log.segment.bytes', 2 ** 30, 'Size at which a new segment starts.', { dynamic, min: 2 ** 20 }),
  logRollMs: long('log.roll.ms', null, 'Age at which a new segment starts.', {
    dynamic,
    min: 1,
    fallbacks: [{ name: 'log.roll.hours', factor: hours }],
  }),
  logRollHours: int('log.roll.hours', 168, 'log.roll.ms in hours.', { min: 1 }),
  logRollJitterMs: long(
    'log.roll.jitter.ms',
    null,
    'Most that is taken off log.roll.ms at random, so that logs do not roll together.',
    {
      dynamic,
      min: 0,
      fallbacks: [{ name: 'log.roll.jitter.hours', factor: hours }],
    },
  ),
  logRollJitterHours: int('log.roll.jitter.hours', 0, 'log.roll.jitter.ms in hours.', { min: 0 }),
  logIndexSizeMaxBytes: int('log.index.size.max.bytes', 10 * 2 ** 20, 'Largest offset index of a segment.', { dynamic, min: 4 }),
  logIndexIntervalBytes: int('log.index.interval.bytes', 4096, 'Bytes appended between two entries of the offset index.', {
    dynamic,
    min: 0,
  }),
  logCleanupPolicy: list('log.cleanup.policy', ['delete'], 'What happens to old records: delete, compact, or both.', {
    dynamic,
    valid: ['compact', 'delete'],
  }),
  logSegmentDeleteDelayMs: long(
    'log.segment.delete.delay.ms',
    60_000,
    'Time between the renaming and the removal of a deleted file.',
    {
      dynamic,
      min: 0,
    },
  ),
  logMessageTimestampType: string('log.message.timestamp.type', 'CreateTime', 'Whose clock a record carries.', {
    dynamic,
    valid: ['CreateTime', 'LogAppendTime'],
  }),
  logMessageTimestampBeforeMaxMs: long(
    'log.message.timestamp.before.max.ms',
    unlimited,
    "How far a record's time may lie behind the broker's clock.",
    { dynamic, min: 0 },
  ),
  logMessageTimestampAfterMaxMs: long(
    'log.message.timestamp.after.max.ms',
    hours,
    "How far a record's time may lie before the broker's clock.",
    { dynamic, min: 0 },
  ),
  logFlushIntervalMessages: long('log.flush.interval.messages', unlimited, 'Records after which a partition is forced to disk.', {
    dynamic,
    min: 1,
  }),
  logFlushIntervalMs: long('log.flush.interval.ms', null, 'Time after which a partition is forced to disk.', {
    dynamic,
    min: 0,
    fallbacks: ['log.flush.scheduler.interval.ms'],
  }),
  logFlushSchedulerIntervalMs: long(
    'log.flush.scheduler.interval.ms',
    unlimited,
    'log.flush.interval.ms when that is not given.',
  ),
  messageMaxBytes: int('message.max.bytes', 2 ** 20 + 12, 'Largest record batch.', { dynamic, min: 0 }),
  minInsyncReplicas: int('min.insync.replicas', 1, 'Replicas that must be in sync for a write with acks=all.', {
    dynamic,
    min: 1,
  }),
  uncleanLeaderElectionEnable: boolean(
    'unclean.leader.election.enable',
    false,
    'A replica out of sync may lead when no other is left.',
    { dynamic },
  ),
  compressionType: string('compression.type', 'producer', 'Compression on disk; producer keeps what was sent.', {
    dynamic,
    valid: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
  }),
  compressionGzipLevel: int('compression.gzip.level', -1, 'Level of gzip when the broker compresses; -1 is its default.', {
    dynamic,
    min: -1,
    max: 9,
  }),
  compressionLz4Level: int('compression.lz4.level', 9, 'Level of lz4 when the broker compresses.', { dynamic, min: 1, max: 17 }),
  compressionZstdLevel: int('compression.zstd.level', 3, 'Level of zstd when the broker compresses.', {
    dynamic,
    min: -131_072,
    max: 22,
  }),
  logPreallocate: boolean('log.preallocate', false, 'A segment file gets its full size at once.', { dynamic }),
  logCleanerDeleteRetentionMs: long('log.cleaner.delete.retention.ms', 24 * hours, 'How long the cleaner leaves tombstones.', {
    dynamic,
    min: 0,
  }),
  logCleanerMinCompactionLagMs: long('log.cleaner.min.compaction.lag.ms', 0, 'Age below which the cleaner leaves records.', {
    dynamic,
    min: 0,
  }),
  logCleanerMaxCompactionLagMs: long('log.cleaner.max.compaction.lag.ms', unlimited, 'Age above which records force cleaning.', {
    dynamic,
    min: 1,
  }),
  logCleanerMinCleanableRatio: double(
    'log.cleaner.min.cleanable.ratio',
    0.5,
    'Share of uncleaned bytes that starts the cleaner.',
    {
      dynamic,
      min: 0,
      max: 1,
    },
  ),
  logLocalRetentionMs: long(
    'log.local.retention.ms',
    -2,
    'What log.retention.ms is for the local part of a log in tiered storage; -2 is the same.',
    { dynamic, min: -2 },
  ),
  logLocalRetentionBytes: long(
    'log.local.retention.bytes',
    -2,
    'What log.retention.bytes is for the local part of a log in tiered storage; -2 is the same.',
    { dynamic, min: -2 },
  ),
  logRetentionCheckIntervalMs: long(
    'log.retention.check.interval.ms',
    300_000,
    'Time between two looks for segments to delete.',
    {
      min: 1,
    },
  ),
  logInitialTaskDelayMs: long('log.initial.task.delay.ms', 30_000, 'Time from the start to the first care of the logs.', {
    min: 0,
  }),
  logFlushOffsetCheckpointIntervalMs: int(
    'log.flush.offset.checkpoint.interval.ms',
    60_000,
    'Time between two writings of the recovery points.',
    { min: 0 },
  ),
  logFlushStartOffsetCheckpointIntervalMs: int(
    'log.flush.start.offset.checkpoint.interval.ms',
    60_000,
    'Time between two writings of the log start offsets.',
    { min: 0 },
  ),
  replicaHighWatermarkCheckpointIntervalMs: long(
    'replica.high.watermark.checkpoint.interval.ms',
    5000,
    'Time between two writings of the high watermarks.',
  ),
  producerIdExpirationMs: int('producer.id.expiration.ms', 86_400_000, 'An idle producer is forgotten after so long.', {
    min: 1,
  }),
}
