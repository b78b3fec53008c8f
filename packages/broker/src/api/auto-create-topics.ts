import { CreateTopics, type CreateTopicsRequest, type ElementOf, ErrorCode, errorFacts } from '@millrace/protocol'
import { messageOf, type Timer } from '@millrace/runtime'
import { brokerKeys } from '../config/broker-config.ts'
import { isInternalTopic } from '../controller/topic-name.ts'
import { offsetsTopic } from '../group/coordinator-partition.ts'
import { offsetsTopicToCreate } from '../group/offsets-topic.ts'
import type { BrokerServices, ControllerClient } from '../services.ts'
import { topicArrives } from './topic-arrival.ts'

const createTimeoutMs = 60_000
/** How long a client's answer waits: a controller that is being elected must not hold up the other topics of its request. */
const answerTimeoutMs = 2_000

/** By name: the error code that the creation under way will have. */
const inProgress = new WeakMap<ControllerClient, Map<string, Promise<number>>>()

/**
 * Creates topics that a client asked for with the broker's defaults (`auto.create.topics.enable`). Resolves when they are in the metadata, with
 * the error codes of those that could not be created, or are not there yet (LEADER_NOT_AVAILABLE: ask again).
 */
export async function autoCreateTopics(names: readonly string[], services: BrokerServices): Promise<ReadonlyMap<string, number>> {
  const topics = [...new Set(names)].flatMap(name => creatable(name, services) ?? [])
  const creations = create(topics, services)
  const { clock } = services.world
  let timer: Timer | undefined
  const timeUp = new Promise<number>(resolve => {
    timer = clock.timer(answerTimeoutMs, () => resolve(ErrorCode.LEADER_NOT_AVAILABLE))
  })
  const errors = new Map<string, number>()
  await Promise.all(
    [...creations].map(async ([name, creation]) => {
      const errorCode = await Promise.race([creation, timeUp])
      if (errorCode !== ErrorCode.NONE) errors.set(name, errorCode)
    }),
  )
  timer?.cancel()
  return errors
}

/** One request for all that are not being created already. */
function create(topics: readonly Creatable[], services: BrokerServices): ReadonlyMap<string, Promise<number>> {
  const { controller } = services
  let creating = inProgress.get(controller)
  if (!creating) inProgress.set(controller, (creating = new Map()))
  const missing = topics.filter(({ name }) => !creating.has(name))
  if (missing.length > 0) {
    const answers = request(missing, services)
    for (const { name } of missing) {
      const creation = answers.then(async codes => {
        const errorCode = codes.get(name) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if (errorCode !== ErrorCode.NONE) return errorCode
        return (await topicArrives(services, name, answerTimeoutMs)) ? ErrorCode.NONE : ErrorCode.LEADER_NOT_AVAILABLE
      })
      creating.set(
        name,
        creation.finally(() => creating.delete(name)),
      )
    }
  }
  return new Map(topics.map(({ name }) => [name, creating.get(name)!]))
}

/** The error codes by name; never rejects. */
async function request(topics: Creatable[], { controller, logger }: BrokerServices): Promise<ReadonlyMap<string, number>> {
  try {
    const version = CreateTopics.request.versions.max
    const response = await controller.request(CreateTopics, version, { topics, timeoutMs: createTimeoutMs, validateOnly: false })
    return new Map(
      response.topics.map(({ name, errorCode, errorMessage }) => {
        // Another client was faster.
        if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) return [name, ErrorCode.NONE]
        if (errorCode !== ErrorCode.INVALID_TOPIC_EXCEPTION)
          logger.warn('topic.not-auto-created', { topic: name, error: errorFacts(errorCode).name, message: errorMessage ?? '' })
        // Too few brokers are up, or no controller: that may change, so that clients shall ask again.
        const isForNow = errorCode === ErrorCode.INVALID_REPLICATION_FACTOR || errorFacts(errorCode).retriable
        return [name, isForNow ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : errorCode]
      }),
    )
  } catch (error) {
    logger.warn('topic.not-auto-created', { topics: topics.length, error: messageOf(error) })
    return new Map()
  }
}

type Creatable = ElementOf<CreateTopicsRequest['topics']>

/** Undefined: only the part of the broker that owns the topic may create it. */
function creatable(name: string, { config }: BrokerServices): Creatable | undefined {
  if (name === offsetsTopic) return offsetsTopicToCreate(config)
  if (isInternalTopic(name) || name === '__cluster_metadata') return undefined
  return {
    name,
    numPartitions: config.get(brokerKeys.numPartitions)!,
    replicationFactor: config.get(brokerKeys.defaultReplicationFactor)!,
    assignments: [],
    configs: [],
  }
}
