import { declaring, unlimited } from './declare.ts'
import { logKeys } from './log-keys.ts'

const { boolean, double, int, list, long, string } = declaring('topic')

/** Settings of one topic. The default is the broker key's, which is in force as long as the topic sets nothing. */
export const topicKeys = {
  cleanupPolicy: list(
    'cleanup.policy',
    logKeys.logCleanupPolicy.default,
    'What happens to old records: delete, compact, both, or nothing.',
    {
      valid: ['compact', 'delete'],
      fallbacks: ['log.cleanup.policy'],
    },
  ),
  retentionMs: long('retention.ms', 604_800_000, 'Age above which a segment is deleted; -1 keeps it.', {
    min: -1,
    fallbacks: ['log.retention.ms'],
  }),
  retentionBytes: long(
    'retention.bytes',
    logKeys.logRetentionBytes.default,
    'Size of a partition above which its oldest segments are deleted; -1 keeps them.',
    { fallbacks: ['log.retention.bytes'] },
  ),
  segmentBytes: int('segment.bytes', logKeys.logSegmentBytes.default, 'Size at which a new segment starts.', {
    min: 2 ** 20,
    fallbacks: ['log.segment.bytes'],
  }),
  segmentMs: long('segment.ms', 604_800_000, 'Age at which a new segment starts.', { min: 1, fallbacks: ['log.roll.ms'] }),
  segmentJitterMs: long('segment.jitter.ms', 0, 'Most that is taken off segment.ms at random.', {
    min: 0,
    fallbacks: ['log.roll.jitter.ms'],
  }),
  segmentIndexBytes: int('segment.index.bytes', logKeys.logIndexSizeMaxBytes.default, 'Largest offset index of a segment.', {
    min: 4,
    fallbacks: ['log.index.size.max.bytes'],
  }),
  indexIntervalBytes: int(
    'index.interval.bytes',
    logKeys.logIndexIntervalBytes.default,
    'Bytes appended between two entries of the offset index.',
    { min: 0, fallbacks: ['log.index.interval.bytes'] },
  ),
  maxMessageBytes: int('max.message.bytes', logKeys.messageMaxBytes.default, 'Largest record batch.', {
    min: 0,
    fallbacks: ['message.max.bytes'],
  }),
  minInsyncReplicas: int(
    'min.insync.replicas',
    logKeys.minInsyncReplicas.default,
    'Replicas that must be in sync for a write with acks=all.',
    { min: 1, fallbacks: ['min.insync.replicas'] },
  ),
  uncleanLeaderElectionEnable: boolean(
    'unclean.leader.election.enable',
    logKeys.uncleanLeaderElectionEnable.default,
    'A replica out of sync may lead when no other is left.',
    { fallbacks: ['unclean.leader.election.enable'] },
  ),
  compressionType: string(
    'compression.type',
    logKeys.compressionType.default,
    'Compression on disk; producer keeps what was sent.',
    {
      valid: logKeys.compressionType.valid!,
      fallbacks: ['compression.type'],
    },
  ),
  compressionGzipLevel: int(
    'compression.gzip.level',
    logKeys.compressionGzipLevel.default,
    'Level of gzip when the broker compresses.',
    {
      min: -1,
      max: 9,
      fallbacks: ['compression.gzip.level'],
    },
  ),
  compressionLz4Level: int(
    'compression.lz4.level',
    logKeys.compressionLz4Level.default,
    'Level of lz4 when the broker compresses.',
    {
      min: 1,
      max: 17,
      fallbacks: ['compression.lz4.level'],
    },
  ),
  compressionZstdLevel: int(
    'compression.zstd.level',
    logKeys.compressionZstdLevel.default,
    'Level of zstd when the broker compresses.',
    {
      min: -131_072,
      max: 22,
      fallbacks: ['compression.zstd.level'],
    },
  ),
  messageTimestampType: string(
    'message.timestamp.type',
    logKeys.logMessageTimestampType.default,
    'Whose clock a record carries.',
    {
      valid: ['CreateTime', 'LogAppendTime'],
      fallbacks: ['log.message.timestamp.type'],
    },
  ),
  messageTimestampBeforeMaxMs: long(
    'message.timestamp.before.max.ms',
    logKeys.logMessageTimestampBeforeMaxMs.default,
    "How far a record's time may lie behind the broker's clock.",
    { min: 0, fallbacks: ['log.message.timestamp.before.max.ms'] },
  ),
  messageTimestampAfterMaxMs: long(
    'message.timestamp.after.max.ms',
    logKeys.logMessageTimestampAfterMaxMs.default,
    "How far a record's time may lie before the broker's clock.",
    { min: 0, fallbacks: ['log.message.timestamp.after.max.ms'] },
  ),
  flushMessages: long(
    'flush.messages',
    logKeys.logFlushIntervalMessages.default,
    'Records after which a partition is forced to disk.',
    {
      min: 1,
      fallbacks: ['log.flush.interval.messages'],
    },
  ),
  flushMs: long('flush.ms', unlimited, 'Time after which a partition is forced to disk.', {
    min: 0,
    fallbacks: ['log.flush.interval.ms'],
  }),
  fileDeleteDelayMs: long(
    'file.delete.delay.ms',
    logKeys.logSegmentDeleteDelayMs.default,
    'Time between the renaming and the removal of a deleted file.',
    { min: 0, fallbacks: ['log.segment.delete.delay.ms'] },
  ),
  preallocate: boolean('preallocate', logKeys.logPreallocate.default, 'A segment file gets its full size at once.', {
    fallbacks: ['log.preallocate'],
  }),
  deleteRetentionMs: long(
    'delete.retention.ms',
    logKeys.logCleanerDeleteRetentionMs.default,
    'How long the cleaner leaves tombstones.',
    {
      min: 0,
      fallbacks: ['log.cleaner.delete.retention.ms'],
    },
  ),
  minCompactionLagMs: long(
    'min.compaction.lag.ms',
    logKeys.logCleanerMinCompactionLagMs.default,
    'Age below which the cleaner leaves records.',
    { min: 0, fallbacks: ['log.cleaner.min.compaction.lag.ms'] },
  ),
  maxCompactionLagMs: long(
    'max.compaction.lag.ms',
    logKeys.logCleanerMaxCompactionLagMs.default,
    'Age above which records force cleaning.',
    { min: 1, fallbacks: ['log.cleaner.max.compaction.lag.ms'] },
  ),
  minCleanableDirtyRatio: double(
    'min.cleanable.dirty.ratio',
    logKeys.logCleanerMinCleanableRatio.default,
    'Share of uncleaned bytes that starts the cleaner.',
    { min: 0, max: 1, fallbacks: ['log.cleaner.min.cleanable.ratio'] },
  ),
  leaderReplicationThrottledReplicas: list(
    'leader.replication.throttled.replicas',
    [],
    'Replicas, as partition:broker or *, whose leader sends at the throttled rate.',
  ),
  followerReplicationThrottledReplicas: list(
    'follower.replication.throttled.replicas',
    [],
    'Replicas, as partition:broker or *, that follow at the throttled rate.',
  ),
  remoteStorageEnable: boolean('remote.storage.enable', false, 'Tiered storage of this topic: there is none, so it stays off.'),
  localRetentionMs: long('local.retention.ms', -2, 'What retention.ms is for the local part in tiered storage; -2 is the same.', {
    min: -2,
    fallbacks: ['log.local.retention.ms'],
  }),
  localRetentionBytes: long(
    'local.retention.bytes',
    -2,
    'What retention.bytes is for the local part in tiered storage; -2 is the same.',
    { min: -2, fallbacks: ['log.local.retention.bytes'] },
  ),
  remoteLogCopyDisable: boolean('remote.log.copy.disable', false, 'In tiered storage: nothing more is copied there.'),
  remoteLogDeleteOnDisable: boolean(
    'remote.log.delete.on.disable',
    false,
    'In tiered storage: what is there goes when it is turned off.',
  ),
}
