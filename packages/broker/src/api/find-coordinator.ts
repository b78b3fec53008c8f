import {
  CreateTopics,
  type Draft,
  type ElementOf,
  ErrorCode,
  errorFacts,
  FindCoordinator,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
} from '@millrace/protocol'
import { messageOf, type Timer } from '@millrace/runtime'
import { coordinatorPartition, offsetsTopic } from '../group/coordinator-partition.ts'
import { offsetsTopicToCreate } from '../group/offsets-topic.ts'
import type { BrokerServices } from '../services.ts'
import type { ApiHandler } from './handler.ts'
import { topicArrives } from './topic-arrival.ts'

type Coordinator = Draft<ElementOf<FindCoordinatorResponse['coordinators']>>

const groupKeyType = 0
const batchedSince = 4
const createTimeoutMs = 5000
const createBackoffMs = 1000

/** FindCoordinator: the leader of the partition that a group's id falls on. The first call creates `__consumer_offsets`. */
export function findCoordinator(): ApiHandler<FindCoordinatorRequest, Draft<FindCoordinatorResponse>> {
  const topic = new OffsetsTopic()
  return {
    api: FindCoordinator,
    versions: { min: 0, max: 6 },
    async handle({ key, keyType, coordinatorKeys }, { apiVersion, listenerName }, services) {
      const keys = apiVersion >= batchedSince ? coordinatorKeys : [key]
      const problem = keyType === groupKeyType ? await topic.ensure(services) : null
      const found = keys.map(each => {
        if (keyType !== groupKeyType)
          return refused(
            each,
            ErrorCode.INVALID_REQUEST,
            `Coordinators of key type ${keyType} are not served: only those of groups (0) are.`,
          )
        return problem === null
          ? groupCoordinator(services, each, listenerName)
          : refused(each, ErrorCode.COORDINATOR_NOT_AVAILABLE, problem)
      })
      if (apiVersion >= batchedSince) return { coordinators: found }
      const { key: _, ...only } = found[0]!
      // Before the batched versions Apache Kafka names the error that there is none.
      return only.errorCode === ErrorCode.NONE ? { ...only, errorMessage: 'NONE' } : only
    },
  }
}

function groupCoordinator({ metadata }: BrokerServices, groupId: string, listenerName: string): Coordinator {
  const partitions = metadata.topic(offsetsTopic)?.partitions ?? []
  const leader = partitions[coordinatorPartition(groupId, partitions.length)]?.leader
  for (const { id, fenced, listeners } of metadata.brokers()) {
    if (id !== leader || fenced) continue
    const listener = listeners.find(({ name }) => name === listenerName)
    if (listener)
      return { key: groupId, nodeId: id, host: listener.host, port: listener.port, errorCode: ErrorCode.NONE, errorMessage: '' }
  }
  return refused(groupId, ErrorCode.COORDINATOR_NOT_AVAILABLE)
}

function refused(key: string, errorCode: number, errorMessage = errorFacts(errorCode).message): Coordinator {
  return { key, nodeId: -1, host: '', port: -1, errorCode, errorMessage }
}

/** Creates `__consumer_offsets` once, however many ask. */
class OffsetsTopic {
  #creating: Promise<string | null> | null = null
  #problem: { readonly text: string; readonly untilMs: number } | null = null

  /** Resolves with null when the topic is there, else with why it is not. Clients ask ten times a second: a failure stands for a while. */
  async ensure(services: BrokerServices): Promise<string | null> {
    if (services.metadata.topic(offsetsTopic)) return null
    const { clock } = services.world
    if (this.#problem && clock.monotonic() < this.#problem.untilMs) return this.#problem.text
    this.#creating ??= create(services).then(text => {
      this.#creating = null
      this.#problem = text === null ? null : { text, untilMs: clock.monotonic() + createBackoffMs }
      return text
    })
    // A controller that is being elected may take longer; the connection's next requests are not to wait for it.
    let timer: Timer | undefined
    const timeUp = new Promise<string>(resolve => {
      timer = clock.timer(createTimeoutMs, () => resolve(`${offsetsTopic} is being created`))
    })
    const text = await Promise.race([this.#creating, timeUp])
    timer?.cancel()
    return text
  }
}

async function create(services: BrokerServices): Promise<string | null> {
  const { config, controller, logger } = services
  try {
    const version = CreateTopics.request.versions.max
    const request = { topics: [offsetsTopicToCreate(config)], timeoutMs: createTimeoutMs, validateOnly: false }
    const response = await controller.request(CreateTopics, version, request)
    const { errorCode, errorMessage } = response.topics[0]!
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) {
      const message = errorMessage ?? errorFacts(errorCode).message
      logger.warn('topic.not-created', { topic: offsetsTopic, error: errorFacts(errorCode).name, message })
      return `${offsetsTopic} cannot be created: ${message}`
    }
  } catch (error) {
    logger.warn('topic.not-created', { topic: offsetsTopic, error: messageOf(error) })
    return `${offsetsTopic} cannot be created: ${messageOf(error)}`
  }
  return (await topicArrives(services, offsetsTopic, createTimeoutMs)) ? null : `${offsetsTopic} is being created`
}
