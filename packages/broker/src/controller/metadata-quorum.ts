import type { ConfigSet, Logger, World } from '@millrace/runtime'
import { readListeners } from '../config/listeners.ts'
import { nodeKeys } from '../config/node-keys.ts'
import { readQuorum } from '../config/quorum.ts'
import { keptWithoutEffectYet } from '../config/without-effect.ts'
import { Log } from '../log/log.ts'
import { defaultLogConfig } from '../log/log-config.ts'
import { defaultRaftTimeouts, type RaftNodeOptions } from '../raft/raft-node-options.ts'
import { noTransport } from '../raft/raft-transport.ts'
import type { LeaderAndEpoch } from '../raft/replicated-state.ts'
import { metadataPartitionDirectory } from '../storage/log-directories.ts'
import type { Storage } from '../storage/open-storage.ts'
import type { MetadataImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { CommittedMetadata } from './metadata-view.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'

/** Kafka's fixed id of the topic `__cluster_metadata`. */
const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ'

export interface MetadataQuorumOptions {
  readonly world: World
  readonly logger: Logger
  readonly config: ConfigSet
  readonly storage: Storage
  /** At the end of the log. */
  readonly image: MetadataImage
  /** At the high watermark. */
  readonly view: CommittedMetadata
  /** The image is ahead of the view: this node decides. */
  readonly isActive: () => boolean
  readonly leaderChanged: (leader: LeaderAndEpoch) => void
  readonly failed: (error: Error) => void
}

/** Raft over the metadata log with the two images as its state. */
export function raftOptions(options: MetadataQuorumOptions): RaftNodeOptions<MetadataRecord> {
  const { world, logger, config, storage, image, view, isActive, leaderChanged, failed } = options
  const directory = `${storage.metadataDirectory.path}/${metadataPartitionDirectory}`
  const warned = new Set<string>()
  return {
    world,
    logger,
    nodeId: storage.nodeId,
    directoryId: storage.metadataDirectory.id,
    directory,
    openLog: recoveryPoint => openMetadataLog(options, directory, recoveryPoint),
    staticVoters: readQuorum(config).voters,
    controllerListenerName: readListeners(config).find(listener => listener.isController)!.name,
    clusterId: storage.clusterId,
    canVote: true,
    bootstrapServers: [],
    controllerListeners: [],
    transport: noTransport,
    timeouts: defaultRaftTimeouts,
    autoJoin: false,
    snapshots: {
      maxRecordBytesBetween: config.get(nodeKeys.metadataLogMaxRecordBytesBetweenSnapshots)!,
      maxIntervalMs: config.get(nodeKeys.metadataLogMaxSnapshotIntervalMs)!,
      retentionBytes: config.get(nodeKeys.metadataMaxRetentionBytes)!,
      retentionMs: config.get(nodeKeys.metadataMaxRetentionMs)!,
    },
    state: {
      encode: encodeRecord,
      decode: decodeRecord,
      loadSnapshot: (records, { endOffset }) => {
        const all = [...records]
        for (const record of all) image.apply(record)
        image.seal()
        view.publish(all, endOffset)
      },
      leaderChanged,
      committed: ({ records, nextOffset }) => {
        if (!isActive()) {
          for (const record of records) image.apply(record)
          image.seal()
        }
        view.publish(records, nextOffset)
        for (const record of records) {
          if (record.type !== 'ConfigRecord' || !keptWithoutEffectYet.has(record.value.name) || warned.has(record.value.name))
            continue
          warned.add(record.value.name)
          logger.warn('config.without-effect-yet', { key: record.value.name, resource: record.value.resourceName })
        }
      },
      snapshot: () => (view.image.inTransaction ? null : view.image.records()),
    },
    failed,
  }
}

function openMetadataLog({ world, logger, config }: MetadataQuorumOptions, directory: string, recoveryPoint: number): Log {
  return Log.open({
    world,
    logger,
    directory,
    topic: '__cluster_metadata',
    partition: 0,
    topicId: metadataTopicId,
    recoveryPoint,
    isBackedBySnapshot: true,
    config: {
      ...defaultLogConfig,
      segmentBytes: config.get(nodeKeys.metadataLogSegmentBytes)!,
      segmentMs: config.get(nodeKeys.metadataLogSegmentMs)!,
      // Only a snapshot makes a part of this log superfluous.
      retentionMs: -1,
      retentionBytes: -1,
    },
  })
}
