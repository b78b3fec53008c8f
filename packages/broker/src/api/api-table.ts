import { brokerKeys } from '../config/broker-config.ts'
import { interBrokerListenerName } from '../config/listeners.ts'
import { replicationKeys } from '../config/replication-keys.ts'
import { brokerConfig } from '../config/resolve.ts'
import { supportedFeatures } from '../controller/features.ts'
import { AnswerMemory } from '../fetch/answer-memory.ts'
import { ReadBuffers } from '../fetch/read-buffers.ts'
import { ReplicaSessions } from '../fetch/replica-sessions.ts'
import { FetchSessionCache } from '../fetch/session-cache.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { Leader } from '../partition/leader.ts'
import type { Partitions } from '../partition/partitions.ts'
import { replicaSelector } from '../partition/replica-selector.ts'
import { ProducerIds } from '../producer-ids.ts'
import { LogMoves } from '../replication/log-moves.ts'
import { ReplicationThrottle } from '../replication/replication-throttle.ts'
import type { BrokerServices } from '../services.ts'
import { alterReplicaLogDirsHandler } from './alter-replica-log-dirs.ts'
import { apiVersionsHandler } from './api-versions.ts'
import { controllerRequestHandlers } from './controller-requests.ts'
import { deleteRecordsHandler } from './delete-records.ts'
import { describeClusterHandler } from './describe-cluster.ts'
import { describeConfigsHandler } from './describe-configs.ts'
import { describeLogDirsHandler } from './describe-log-dirs.ts'
import { describeTopicPartitionsHandler } from './describe-topic-partitions.ts'
import { fetchHandler } from './fetch.ts'
import type { ApiHandler } from './handler.ts'
import { initProducerIdHandler } from './init-producer-id.ts'
import { listConfigResourcesHandler } from './list-config-resources.ts'
import { listOffsetsHandler } from './list-offsets.ts'
import { metadataHandler } from './metadata.ts'
import { offsetForLeaderEpochHandler } from './offset-for-leader-epoch.ts'
import { produceHandler } from './produce.ts'
import { ApiTable } from './table.ts'

/** Fetch answers that clients have not taken, all together. */
const maxUntakenFetchBytes = 256 * 1024 * 1024

/** Every API that this node serves. */
export function apiTable(
  broker: BrokerServices,
  partitions: Partitions,
  logs: LogManager,
  groupHandlers: readonly ApiHandler<any, any>[],
): ApiTable {
  const { config, world } = broker
  const sessions = new FetchSessionCache(config.get(brokerKeys.maxIncrementalFetchSessionCacheSlots)!, world.random)
  const replicaSessions = new ReplicaSessions<Leader>(world)
  partitions.whenLeadershipBegins(() => replicaSessions.leadershipBegan())
  const table = new ApiTable([
    produceHandler(partitions),
    fetchHandler({
      partitions,
      sessions,
      buffers: new ReadBuffers(),
      memory: new AnswerMemory(maxUntakenFetchBytes),
      maxBytes: config.get(brokerKeys.fetchMaxBytes)!,
      selector: replicaSelector(config, broker.metadata, broker.nodeId),
      throttle: new ReplicationThrottle('leader', broker),
      replicaSessions,
      interBrokerListenerName: interBrokerListenerName(config),
    }),
    listOffsetsHandler(partitions),
    deleteRecordsHandler(partitions),
    initProducerIdHandler(new ProducerIds(broker)),
    offsetForLeaderEpochHandler(partitions),
    metadataHandler(),
    describeConfigsHandler(),
    describeClusterHandler(),
    describeTopicPartitionsHandler(),
    describeLogDirsHandler(logs),
    alterReplicaLogDirsHandler(
      new LogMoves({
        ...broker,
        logs,
        partitions,
        maxBytesPerSecond: () => brokerConfig(broker, replicationKeys.replicaAlterLogDirsIoMaxBytesPerSecond)!,
      }),
    ),
    listConfigResourcesHandler(),
    ...controllerRequestHandlers(),
    ...groupHandlers,
  ])
  table.add(apiVersionsHandler(table, supportedFeatures))
  return table
}
