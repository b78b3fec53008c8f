import type { ConfigSet } from '@millrace/runtime'
import { logKeys } from '../config/log-keys.ts'
import { type ConfigContext, topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import type { LogConfig } from './log-config.ts'
import type { LogManagerOptions } from './log-manager.ts'

/** The settings of a topic's logs that are in force now. */
export function logConfigOf(context: ConfigContext, topic: string): LogConfig {
  const policy = topicConfig(context, topic, topicKeys.cleanupPolicy)
  const compacts = policy.includes('compact')
  const segmentMs = topicConfig(context, topic, topicKeys.segmentMs)
  return {
    segmentBytes: topicConfig(context, topic, topicKeys.segmentBytes),
    // Only closed segments are cleaned: one that must be cleaned by a time has to be closed by then.
    segmentMs: compacts ? Math.min(segmentMs, topicConfig(context, topic, topicKeys.maxCompactionLagMs)) : segmentMs,
    segmentJitterMs: topicConfig(context, topic, topicKeys.segmentJitterMs),
    segmentIndexBytes: topicConfig(context, topic, topicKeys.segmentIndexBytes),
    indexIntervalBytes: topicConfig(context, topic, topicKeys.indexIntervalBytes),
    retentionMs: topicConfig(context, topic, topicKeys.retentionMs),
    retentionBytes: topicConfig(context, topic, topicKeys.retentionBytes),
    deletes: policy.includes('delete'),
    compacts,
    fileDeleteDelayMs: topicConfig(context, topic, topicKeys.fileDeleteDelayMs),
    flushMessages: topicConfig(context, topic, topicKeys.flushMessages),
    flushMs: topicConfig(context, topic, topicKeys.flushMs),
    preallocate: topicConfig(context, topic, topicKeys.preallocate),
  }
}

/** What the broker's configuration says about the care of the logs. */
export function logManagerSettings(
  config: ConfigSet,
): Pick<
  LogManagerOptions,
  | 'producerIdExpirationMs'
  | 'retentionCheckIntervalMs'
  | 'initialTaskDelayMs'
  | 'recoveryPointCheckpointIntervalMs'
  | 'logStartCheckpointIntervalMs'
  | 'highWatermarkCheckpointIntervalMs'
> {
  return {
    producerIdExpirationMs: config.get(logKeys.producerIdExpirationMs)!,
    retentionCheckIntervalMs: config.get(logKeys.logRetentionCheckIntervalMs)!,
    initialTaskDelayMs: config.get(logKeys.logInitialTaskDelayMs)!,
    recoveryPointCheckpointIntervalMs: config.get(logKeys.logFlushOffsetCheckpointIntervalMs)!,
    logStartCheckpointIntervalMs: config.get(logKeys.logFlushStartOffsetCheckpointIntervalMs)!,
    highWatermarkCheckpointIntervalMs: config.get(logKeys.replicaHighWatermarkCheckpointIntervalMs)!,
  }
}
