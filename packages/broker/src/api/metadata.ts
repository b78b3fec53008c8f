import {
  type Draft,
  type ElementOf,
  ErrorCode,
  Metadata,
  type MetadataRequest,
  type MetadataResponse,
  zeroUuid,
} from '@millrace/protocol'
import { brokerKeys } from '../config/broker-config.ts'
import { isInternalTopic } from '../controller/topic-name.ts'
import type { BrokerServices, PartitionMetadata, TopicMetadata } from '../services.ts'
import { clusterOperations, operationsNotAsked, topicOperations } from './authorized-operations.ts'
import { autoCreateTopics } from './auto-create-topics.ts'
import type { ApiHandler } from './handler.ts'
import { ReachableBrokers } from './partition-answer.ts'
import { unknownTopicError } from './unknown-topic.ts'

type TopicAnswer = Draft<ElementOf<MetadataResponse['topics']>>
type PartitionAnswer = NonNullable<ElementOf<NonNullable<TopicAnswer['partitions']>>>

const listenerNotFoundSince = 6
const idsSince = 10
const askByIdSince = 12

/** Metadata: brokers, topics and leaders as the client's listener shows them. Unknown topics are created where that is allowed. */
export function metadataHandler(): ApiHandler<MetadataRequest, Draft<MetadataResponse>> {
  return {
    api: Metadata,
    versions: { min: 0, max: 13 },
    async handle(request, { apiVersion, listenerName }, services) {
      const { metadata, config, clusterId } = services
      const wanted =
        request.topics === null || (apiVersion === 0 && request.topics.length === 0) ? null : distinct(request.topics)
      if (wanted?.some(topic => isMistaken(topic, apiVersion))) return { topics: wanted.map(refused) }
      let createErrors: ReadonlyMap<string, number> = new Map()
      if (wanted && request.allowAutoTopicCreation && config.get(brokerKeys.autoCreateTopicsEnable)) {
        const missing = wanted.flatMap(({ name, topicId }) =>
          name !== null && topicId === zeroUuid && !metadata.topic(name) ? [name] : [],
        )
        if (missing.length > 0) createErrors = await autoCreateTopics(missing, services)
      }
      const reachable = new ReachableBrokers(metadata, listenerName)
      const operations = request.includeTopicAuthorizedOperations ? topicOperations : operationsNotAsked
      const known = (topic: TopicMetadata) => knownTopic(topic, reachable, apiVersion, operations)
      const topics = wanted
        ? wanted.map(topic => {
            const found = find(services, topic)
            return found ? known(found) : unknownTopic(topic, createErrors, operations)
          })
        : [...metadata.topics()].map(known)
      return {
        brokers: reachable.endpoints.map(({ broker, host, port }) => ({ nodeId: broker.id, host, port, rack: broker.rack })),
        clusterId,
        controllerId: reachable.anyId(services.world.random),
        topics,
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
      }
    },
  }
}

type Asked = ElementOf<NonNullable<MetadataRequest['topics']>>

/** Versions 10 and 11 have the field of the id and must not use it. */
function isMistaken({ name, topicId }: Asked, apiVersion: number): boolean {
  return apiVersion >= idsSince && apiVersion < askByIdSince && (topicId !== zeroUuid || name === null)
}

/** A topic that is named twice is answered once. */
function distinct(topics: readonly Asked[]): Asked[] {
  return [...new Map(topics.map(topic => [`${topic.topicId}${topic.name}`, topic])).values()]
}

function refused({ name, topicId }: Asked): TopicAnswer {
  return { errorCode: ErrorCode.INVALID_REQUEST, name: name ?? '', topicId }
}

function find({ metadata }: BrokerServices, { name, topicId }: Asked): TopicMetadata | undefined {
  if (topicId !== zeroUuid) return metadata.topicById(topicId)
  return name === null ? undefined : metadata.topic(name)
}

function unknownTopic(
  { name, topicId }: Asked,
  createErrors: ReadonlyMap<string, number>,
  topicAuthorizedOperations: number,
): TopicAnswer {
  if (topicId !== zeroUuid) return { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId }
  if (name === null) return { errorCode: ErrorCode.INVALID_REQUEST, name: null }
  const errorCode = createErrors.get(name) ?? unknownTopicError(name)
  return { errorCode, name, isInternal: isInternalTopic(name), topicAuthorizedOperations }
}

function knownTopic(topic: TopicMetadata, reachable: ReachableBrokers, apiVersion: number, operations: number): TopicAnswer {
  const { name, topicId, partitions } = topic
  return {
    errorCode: ErrorCode.NONE,
    name,
    topicId,
    isInternal: isInternalTopic(name),
    partitions: partitions.map((partition, index) => partitionAnswer(partition, index, reachable, apiVersion)),
    topicAuthorizedOperations: operations,
  }
}

function partitionAnswer(
  partition: PartitionMetadata,
  partitionIndex: number,
  reachable: ReachableBrokers,
  apiVersion: number,
): PartitionAnswer {
  const { leader, leaderEpoch, replicas, isr, offlineReplicas } = partition
  const leaderError = reachable.leaderError(partition, apiVersion >= listenerNotFoundSince)
  const common = { partitionIndex, leaderEpoch, offlineReplicas }
  // The first clients expect only replicas that they can reach.
  const shown = (ids: readonly number[]) => (apiVersion === 0 ? ids.filter(id => reachable.has(id)) : ids)
  const [replicaNodes, isrNodes] = [shown(replicas), shown(isr)]
  if (leaderError !== ErrorCode.NONE) return { ...common, errorCode: leaderError, leaderId: -1, replicaNodes, isrNodes }
  const hidden = replicaNodes.length < replicas.length || isrNodes.length < isr.length
  const errorCode = hidden ? ErrorCode.REPLICA_NOT_AVAILABLE : ErrorCode.NONE
  return { ...common, errorCode, leaderId: leader, replicaNodes, isrNodes }
}
