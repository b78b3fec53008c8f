import type { CompressionCodec, ProduceLimits } from '@millrace/protocol'
import { type ConfigContext, topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'

/** The settings of a topic that decide what may be appended, read once per change of the metadata. */
export interface ProduceRules extends ProduceLimits {
  /** `min.insync.replicas`. */
  readonly minIsr: number
  /** `cleanup.policy` has `delete`, or nothing. */
  readonly mayDeleteRecords: boolean
}

const levelKeys = {
  gzip: topicKeys.compressionGzipLevel,
  lz4: topicKeys.compressionLz4Level,
  zstd: topicKeys.compressionZstdLevel,
} as const

/** The rules of a topic as its settings are now. */
export function produceRules(context: ConfigContext, topic: string): ProduceRules {
  const policy = topicConfig(context, topic, topicKeys.cleanupPolicy)
  const compressionType = topicConfig(context, topic, topicKeys.compressionType)
  const levelKey = levelKeys[compressionType as keyof typeof levelKeys]
  const level = levelKey === undefined ? undefined : topicConfig(context, topic, levelKey)
  return {
    maxMessageBytes: topicConfig(context, topic, topicKeys.maxMessageBytes),
    minIsr: topicConfig(context, topic, topicKeys.minInsyncReplicas),
    compacted: policy.includes('compact'),
    mayDeleteRecords: policy.includes('delete') || policy.length === 0,
    timestampType: topicConfig(context, topic, topicKeys.messageTimestampType) as 'CreateTime' | 'LogAppendTime',
    timestampBeforeMaxMs: topicConfig(context, topic, topicKeys.messageTimestampBeforeMaxMs),
    timestampAfterMaxMs: topicConfig(context, topic, topicKeys.messageTimestampAfterMaxMs),
    compressionType: compressionType as 'producer' | 'uncompressed' | CompressionCodec,
    compressionLevel: level,
  }
}
