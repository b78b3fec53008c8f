import { type ConfigContext, topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import type { LogConfig } from '../log/log-config.ts'

/** The settings of a topic's logs that are in force now. */
export function logSettings(context: ConfigContext, topic: string): LogConfig {
  const policy = topicConfig(context, topic, topicKeys.cleanupPolicy)
  return {
    segmentBytes: topicConfig(context, topic, topicKeys.segmentBytes),
    // Only closed segments are cleaned: one whose cleaning has a date must be closed by then.
    segmentMs: policy.includes('compact')
      ? Math.min(topicConfig(context, topic, topicKeys.segmentMs), topicConfig(context, topic, topicKeys.maxCompactionLagMs))
      : topicConfig(context, topic, topicKeys.segmentMs),
    segmentJitterMs: topicConfig(context, topic, topicKeys.segmentJitterMs),
    segmentIndexBytes: topicConfig(context, topic, topicKeys.segmentIndexBytes),
    indexIntervalBytes: topicConfig(context, topic, topicKeys.indexIntervalBytes),
    retentionMs: topicConfig(context, topic, topicKeys.retentionMs),
    retentionBytes: topicConfig(context, topic, topicKeys.retentionBytes),
    deletes: policy.includes('delete'),
    compacts: policy.includes('compact'),
    fileDeleteDelayMs: topicConfig(context, topic, topicKeys.fileDeleteDelayMs),
    flushMessages: topicConfig(context, topic, topicKeys.flushMessages),
    flushMs: topicConfig(context, topic, topicKeys.flushMs),
    preallocate: topicConfig(context, topic, topicKeys.preallocate),
  }
}
