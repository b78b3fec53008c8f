import type { Logger, World } from '@millrace/runtime'
import { brokerKeys } from '../config/broker-config.ts'
import type { ConfigContext } from '../config/resolve.ts'
import type { Log } from '../log/log.ts'
import { LogManager, type LogManagerOptions, type LogName } from '../log/log-manager.ts'
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

/** The logs of a broker, whose directories the metadata know by ids. */
class StoredLogs extends LogManager {
  readonly #storage: Storage

  constructor(options: LogManagerOptions, storage: Storage) {
    super(options)
    this.#storage = storage
  }

  override open(name: LogName, isNew = false, directoryId?: string): Log {
    return super.open(name, isNew, this.#storage.directories.find(({ id }) => id === directoryId)?.path)
  }

  directoryIdOf(name: Pick<LogName, 'topic' | 'partition'>): string | undefined {
    const path = this.directoryOf(name)
    return this.#storage.directories.find(directory => directory.path === path)?.id
  }
}

/** Opens the logs of all directories and sets aside those that the metadata does not know. */
export function openLogs({ world, logger, storage, context, onDirectoryFailed }: LogsOptions): StoredLogs {
  const { config, metadata, nodeId } = context
  const options: LogManagerOptions = {
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
  }
  const logs = new StoredLogs(options, storage)
  const idOf = new Map(storage.directories.map(({ path, id }) => [path, id]))
  logs.setAsideStrays(({ topic, topicId, partition }, path) => {
    const known = metadata.topic(topic)
    const isSame = known !== undefined && (topicId === undefined || topicId === known.topicId)
    const { replicas = [], directories = [] } = known?.partitions[partition] ?? {}
    if (!isSame || !replicas.includes(nodeId)) return false
    // Both are whole; the one that the controller knows of stays.
    const assigned = directories[replicas.indexOf(nodeId)]
    const isKnown = storage.directories.some(({ id }) => id === assigned)
    return !logs.isTwice({ topic, partition }) || !isKnown || idOf.get(path) === assigned
  })
  return logs
}
