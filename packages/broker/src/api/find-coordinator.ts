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
import { messageOf } from '@millrace/runtime'
import { nodeKeys } from '../config/node-keys.ts'
import { coordinatorPartition, offsetsTopic } from '../group/coordinator-partition.ts'
import type { BrokerServices } from '../services.ts'
import type { ApiHandler } from './handler.ts'

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
    this.#creating ??= create(services).finally(() => {
      this.#creating = null
    })
    const text = await this.#creating
    this.#problem = text === null ? null : { text, untilMs: clock.monotonic() + createBackoffMs }
    return text
  }
}

async function create(services: BrokerServices): Promise<string | null> {
  const { config, controller, logger, world } = services
  const topic = {
    name: offsetsTopic,
    numPartitions: config.get(nodeKeys.offsetsTopicNumPartitions)!,
    replicationFactor: config.get(nodeKeys.offsetsTopicReplicationFactor)!,
    assignments: [],
    configs: [
      { name: 'compression.type', value: 'producer' },
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.bytes', value: String(config.get(nodeKeys.offsetsTopicSegmentBytes)!) },
    ],
  }
  try {
    const version = CreateTopics.request.versions.max
    const request = { topics: [topic], timeoutMs: createTimeoutMs, validateOnly: false }
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
  return (await applied(services, world)) ? null : `${offsetsTopic} is being created`
}

/** The controller has committed it; this broker may have to catch up. */
function applied({ metadata }: BrokerServices, { clock }: BrokerServices['world']): Promise<boolean> {
  if (metadata.topic(offsetsTopic)) return Promise.resolve(true)
  return new Promise(resolve => {
    const settle = (done: boolean) => {
      unsubscribe()
      timer.cancel()
      resolve(done)
    }
    const unsubscribe = metadata.subscribe(() => {
      if (metadata.topic(offsetsTopic)) settle(true)
    })
    const timer = clock.timer(createTimeoutMs, () => settle(false))
  })
}
