import type { ConfigSet, Logger, World } from '@millrace/runtime'
import { controllerListenerNames } from '../config/listeners.ts'
import { nodeKeys } from '../config/node-keys.ts'
import { readQuorum } from '../config/quorum.ts'
import { quorumKeys } from '../config/quorum-keys.ts'
import { readRoles } from '../config/roles.ts'
import { Log } from '../log/log.ts'
import { defaultLogConfig } from '../log/log-config.ts'
import type { RaftNodeOptions, RaftTimeouts } from '../raft/raft-node-options.ts'
import type { RaftTransport } from '../raft/raft-transport.ts'
import type { ReplicatedState } from '../raft/replicated-state.ts'
import { metadataPartitionDirectory } from '../storage/log-directories.ts'
import type { Storage } from '../storage/open-storage.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** Kafka's fixed id of the topic `__cluster_metadata`. */
const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ'

export interface MetadataQuorumOptions {
  readonly world: World
  readonly logger: Logger
  readonly config: ConfigSet
  /** What `openStorage` gave. */
  readonly storage: Storage
  readonly transport: RaftTransport
  /** This node's controller listeners as others reach them, with the ports really bound; empty without the role. */
  readonly controllerListeners: readonly { readonly name: string; readonly host: string; readonly port: number }[]
}

/** Raft over the metadata log. */
export function raftOptions(
  options: MetadataQuorumOptions,
  state: ReplicatedState<MetadataRecord>,
  failed: (error: Error) => void,
): RaftNodeOptions<MetadataRecord> {
  const { world, logger, config, storage, transport, controllerListeners } = options
  const directory = `${storage.metadataDirectory.path}/${metadataPartitionDirectory}`
  const { voters, bootstrapServers } = readQuorum(config)
  return {
    world,
    logger,
    clusterId: storage.clusterId,
    nodeId: storage.nodeId,
    directoryId: storage.metadataDirectory.id,
    directory,
    openLog: recoveryPoint => openMetadataLog(options, directory, recoveryPoint),
    canVote: readRoles(config).isController,
    staticVoters: voters,
    // Port 0 is nobody's address: a node alone may listen on a port that it does not know beforehand.
    bootstrapServers: bootstrapServers.filter(({ port }) => port > 0),
    controllerListenerName: controllerListenerNames(config)[0]!,
    controllerListeners,
    transport,
    timeouts: raftTimeouts(config),
    autoJoin: config.get(quorumKeys.controllerQuorumAutoJoinEnable)!,
    snapshots: {
      maxRecordBytesBetween: config.get(nodeKeys.metadataLogMaxRecordBytesBetweenSnapshots)!,
      maxIntervalMs: config.get(nodeKeys.metadataLogMaxSnapshotIntervalMs)!,
      retentionBytes: config.get(nodeKeys.metadataMaxRetentionBytes)!,
      retentionMs: config.get(nodeKeys.metadataMaxRetentionMs)!,
    },
    state,
    failed,
  }
}

function raftTimeouts(config: ConfigSet): RaftTimeouts {
  return {
    electionTimeoutMs: config.get(quorumKeys.controllerQuorumElectionTimeoutMs)!,
    fetchTimeoutMs: config.get(quorumKeys.controllerQuorumFetchTimeoutMs)!,
    electionBackoffMaxMs: config.get(quorumKeys.controllerQuorumElectionBackoffMaxMs)!,
    requestTimeoutMs: config.get(quorumKeys.controllerQuorumRequestTimeoutMs)!,
    retryBackoffMs: config.get(quorumKeys.controllerQuorumRetryBackoffMs)!,
    fetchMaxBytes: config.get(quorumKeys.controllerQuorumFetchMaxBytes)!,
    fetchSnapshotMaxBytes: config.get(quorumKeys.controllerQuorumFetchSnapshotMaxBytes)!,
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
