import { type CreateTopicsRequest, type CreateTopicsResponse, type ElementOf, ErrorCode } from '@millrace/protocol'
import type { ConfigKey } from '@millrace/runtime'
import { nodeKeys } from '../config/node-keys.ts'
import { ConfigResourceType, ConfigSource, shownValue, topicConfig, topicSynonyms } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import { type ControllerState, type Decision, maxRecordsPerChange, orRefusal, Refusal, tooLarge } from './decision.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { newPartition } from './new-partition.ts'
import { checkAssignment, placeReplicas } from './replica-placement.ts'
import { checkTogether, checkValue, settableKey } from './settings.ts'
import { checkTopicName, collisionKey } from './topic-name.ts'

type Creatable = ElementOf<CreateTopicsRequest['topics']>
type Result = ElementOf<CreateTopicsResponse['topics']>

const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** CreateTopics: each topic succeeds or fails on its own; the records of those that succeed are one batch. */
export function decideCreateTopics(state: ControllerState, request: CreateTopicsRequest): Decision<CreateTopicsResponse> {
  const records: MetadataRecord[] = []
  const count = new Map<string, number>()
  for (const { name } of request.topics) count.set(name, (count.get(name) ?? 0) + 1)
  /** Names of this request by what they must not collide with. */
  const taken = new Map<string, string>()

  const topics = [...new Map(request.topics.map(topic => [topic.name, topic])).values()].map(topic =>
    orRefusal(
      () => {
        if (count.get(topic.name)! > 1) throw new Refusal(ErrorCode.INVALID_REQUEST, 'The topic appears twice in the request.')
        checkName(state, topic.name, taken)
        const created = create(state, topic)
        taken.set(collisionKey(topic.name), topic.name)
        records.push(...created.records)
        return created.result
      },
      refusal => failed(topic.name, refusal.errorCode, refusal.message),
    ),
  )
  const why = tooLarge(records)
  if (why !== null) {
    const refused = topics.map(({ name }) => failed(name, ErrorCode.POLICY_VIOLATION, why))
    return { records: [], response: { throttleTimeMs: 0, topics: refused } }
  }
  return { records: request.validateOnly ? [] : records, response: { throttleTimeMs: 0, topics } }
}

function checkName(state: ControllerState, name: string, taken: ReadonlyMap<string, string>): void {
  if (name === '__cluster_metadata') throw new Refusal(ErrorCode.INVALID_REQUEST, `The topic ${name} is the controller's own.`)
  checkTopicName(name)
  if (state.image.topic(name)) throw new Refusal(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  const other = state.image.topicLike(name)?.name ?? taken.get(collisionKey(name))
  if (other !== undefined)
    throw new Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other}`)
}

function create(state: ControllerState, topic: Creatable): { records: MetadataRecord[]; result: Result } {
  const settings = checkSettings(topic)
  const assignments = assign(state, topic)
  const topicId = state.newUuid()
  const records: MetadataRecord[] = [{ type: 'TopicRecord', value: { name: topic.name, topicId } }]
  for (const [name, value] of settings) {
    records.push({
      type: 'ConfigRecord',
      value: { resourceType: ConfigResourceType.TOPIC, resourceName: topic.name, name, value },
    })
  }
  for (const [partitionId, replicas] of assignments.entries())
    records.push(newPartition(state.image, topicId, partitionId, replicas))
  return {
    records,
    result: {
      name: topic.name,
      topicId,
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      topicConfigErrorCode: ErrorCode.NONE,
      numPartitions: assignments.length,
      replicationFactor: assignments[0]!.length,
      configs: effectiveSettings(state, topic.name, settings),
    },
  }
}

function checkSettings(topic: Creatable): Map<string, string> {
  const settings = new Map<string, string>()
  for (const { name, value } of topic.configs) {
    const key = settableKey(ConfigResourceType.TOPIC, name)
    if (value === null) throw new Refusal(ErrorCode.INVALID_CONFIG, `Null value not supported for topic configs: ${name}`)
    checkValue(ConfigResourceType.TOPIC, key, value)
    settings.set(name, value)
  }
  checkTogether(settings)
  return settings
}

function assign(state: ControllerState, topic: Creatable): number[][] {
  if (topic.assignments.length > 0) return assignedByHand(state, topic)
  if (topic.numPartitions === 0 || topic.numPartitions < -1)
    throw new Refusal(
      ErrorCode.INVALID_PARTITIONS,
      'The number of partitions must be larger than 0, or -1 to use the default value.',
    )
  if (topic.replicationFactor === 0 || topic.replicationFactor < -1)
    throw new Refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  const { config, image } = state
  const partitions = topic.numPartitions === -1 ? config.get(nodeKeys.numPartitions)! : topic.numPartitions
  const factor = topic.replicationFactor === -1 ? config.get(nodeKeys.defaultReplicationFactor)! : topic.replicationFactor
  if (partitions > maxRecordsPerChange)
    throw new Refusal(ErrorCode.POLICY_VIOLATION, `A topic is created with at most ${maxRecordsPerChange} partitions at once.`)
  return placeReplicas(image, partitions, factor, state.below)
}

function assignedByHand({ image }: ControllerState, topic: Creatable): number[][] {
  if (topic.numPartitions !== -1)
    throw new Refusal(
      ErrorCode.INVALID_REQUEST,
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    )
  if (topic.replicationFactor !== -1)
    throw new Refusal(
      ErrorCode.INVALID_REQUEST,
      'A manual partition assignment was specified, but replicationFactor was not set to -1.',
    )
  const byIndex = new Map(topic.assignments.map(({ partitionIndex, brokerIds }) => [partitionIndex, brokerIds]))
  if (byIndex.size !== topic.assignments.length)
    throw new Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'A partition appears twice in the manual partition assignment.')
  let factor: number | null = null
  return Array.from({ length: byIndex.size }, (_, index) => {
    const replicas = byIndex.get(index)
    if (!replicas)
      throw new Refusal(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        'The partitions of a manual assignment must be numbered from 0 without a gap.',
      )
    checkAssignment(image, index, replicas, factor)
    factor = replicas.length
    return [...replicas]
  })
}

/** All settings that the topic will have, as CreateTopics answers them from version 5 on. */
function effectiveSettings(
  state: ControllerState,
  topic: string,
  settings: ReadonlyMap<string, string>,
): NonNullable<Result['configs']> {
  return Object.values(topicKeys).map((key: ConfigKey) => {
    const own = settings.get(key.name)
    return {
      name: key.name,
      value: own ?? shownValue(key, topicConfig(state, topic, key)),
      readOnly: false,
      configSource:
        own === undefined ? (topicSynonyms(state, topic, key)[0]?.source ?? ConfigSource.DEFAULT) : ConfigSource.TOPIC,
      isSensitive: key.type === 'password',
    }
  })
}

function failed(name: string, errorCode: number, errorMessage: string): Result {
  return {
    name,
    topicId: noTopicId,
    errorCode,
    errorMessage,
    topicConfigErrorCode: ErrorCode.NONE,
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  }
}
