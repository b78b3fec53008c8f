import { CreateTopics, type CreateTopicsRequest, type ElementOf, ErrorCode } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import { brokerKeys } from '../config/broker-config.ts'
import { isInternalTopic } from '../controller/topic-name.ts'
import type { BrokerServices } from '../services.ts'

const timeoutMs = 60_000

/**
 * Creates topics that a client asked for with the broker's defaults (`auto.create.topics.enable`). Resolves when they are in the metadata,
 * with the error codes of those that could not be created.
 */
export async function autoCreateTopics(names: readonly string[], services: BrokerServices): Promise<ReadonlyMap<string, number>> {
  const { controller, logger } = services
  const topics = [...new Set(names)].flatMap(name => creatable(name, services) ?? [])
  const errors = new Map<string, number>()
  if (topics.length === 0) return errors
  try {
    const version = CreateTopics.request.versions.max
    const response = await controller.request(CreateTopics, version, { topics, timeoutMs, validateOnly: false })
    for (const { name, errorCode } of response.topics) {
      // Another client was faster.
      if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) continue
      errors.set(name, errorCode)
      if (errorCode !== ErrorCode.INVALID_TOPIC_EXCEPTION) logger.warn('topic.not-auto-created', { topic: name, errorCode })
    }
  } catch (error) {
    logger.warn('topic.not-auto-created', { topics: topics.length, error: messageOf(error) })
    for (const { name } of topics) errors.set(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  }
  return errors
}

type Creatable = ElementOf<CreateTopicsRequest['topics']>

/** Undefined: only the part of the broker that owns the topic may create it. */
function creatable(name: string, { config }: BrokerServices): Creatable | undefined {
  if (name === '__consumer_offsets') {
    return {
      name,
      numPartitions: config.get(brokerKeys.offsetsTopicNumPartitions)!,
      replicationFactor: config.get(brokerKeys.offsetsTopicReplicationFactor)!,
      assignments: [],
      configs: [
        { name: 'compression.type', value: 'producer' },
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'segment.bytes', value: String(config.get(brokerKeys.offsetsTopicSegmentBytes)) },
      ],
    }
  }
  if (isInternalTopic(name) || name === '__cluster_metadata') return undefined
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
}
