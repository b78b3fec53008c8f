import type { Logger, World } from '@millrace/runtime'
import { brokerKeys } from '../config/broker-config.ts'
import type { ConfigContext } from '../config/resolve.ts'
import { LogManager } from '../log/log-manager.ts'
import type { MetadataView } from '../services.ts'
import type { Storage } from '../storage/open-storage.ts'
import { logSettings } from './log-settings.ts'

export interface LogsOptions {
  readonly world: World
  readonly logger: Logger
  readonly storage: Storage
  readonly context: ConfigContext & { readonly metadata: MetadataView }
  /** The disk of a directory failed: its logs say so. */
  readonly onDirectoryFailed: () => void
}

/** Opens the logs of all directories and sets aside those that the metadata does not know. */
export function openLogs({ world, logger, storage, context, onDirectoryFailed }: LogsOptions): LogManager {
  const { config, metadata, nodeId } = context
  const logs = new LogManager({
    world,
    logger,
    directories: storage.directories.map(({ path }) => path),
    configOf: topic => logSettings(context, topic),
    producerIdExpirationMs: config.get(brokerKeys.producerIdExpirationMs)!,
    retentionCheckIntervalMs: config.get(brokerKeys.logRetentionCheckIntervalMs)!,
    initialTaskDelayMs: config.get(brokerKeys.logInitialTaskDelayMs)!,
    recoveryPointCheckpointIntervalMs: config.get(brokerKeys.logFlushOffsetCheckpointIntervalMs)!,
    logStartCheckpointIntervalMs: config.get(brokerKeys.logFlushStartOffsetCheckpointIntervalMs)!,
    highWatermarkCheckpointIntervalMs: config.get(brokerKeys.replicaHighWatermarkCheckpointIntervalMs)!,
    onDirectoryFailed,
  })
  logs.setAsideStrays(({ topic, topicId, partition }) => {
    const known = metadata.topic(topic)
    const isSame = known !== undefined && (topicId === undefined || topicId === known.topicId)
    return isSame && known.partitions[partition]?.replicas.includes(nodeId) === true
  })
  return logs
}
