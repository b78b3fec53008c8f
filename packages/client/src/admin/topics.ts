import {
  CreatePartitions,
  CreateTopics,
  DeleteRecords,
  DescribeTopicPartitions,
  ErrorCode,
  errorOf,
  type KafkaError,
  Metadata,
} from '@millrace/protocol'
import type { Cluster } from '../cluster.ts'
import type { TopicMetadata } from '../network/metadata.ts'
import { byTopic, nameOf, type TopicPartition } from '../topic-partition.ts'
import { checkController } from './controller-moved.ts'

export interface NewTopic {
  readonly topic: string
  /** Default: the broker's `num.partitions`. */
  readonly partitions?: number | undefined
  /** Default: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number | undefined
  /** Replicas by partition, instead of the two above. */
  readonly assignments?: readonly (readonly number[])[] | undefined
  readonly configs?: Readonly<Record<string, string>> | undefined
}

export interface CreatedTopic {
  readonly topic: string
  /** The zero uuid from brokers before Kafka 2.8. */
  readonly topicId: string
  /** -1: the broker did not tell. */
  readonly partitions: number
  readonly replicationFactor: number
}

export interface TopicListing {
  readonly topic: string
  readonly topicId: string
  readonly isInternal: boolean
}

export interface TopicDescription extends TopicListing {
  readonly partitions: readonly (TopicMetadata['partitions'][number] & {
    /** Replicas that left the in-sync set but may lead (KIP-966); null: not told. */
    readonly eligibleLeaderReplicas: readonly number[] | null
    readonly lastKnownEligibleLeaderReplicas: readonly number[] | null
  })[]
}

/** What broker and client agree on for slow operations: the request waits a little longer than the broker. */
const operationTimeoutMs = 30_000

/** Creates topics. Rejects with the KafkaError of the first that failed (TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_REPLICATION_FACTOR, …) after all were tried. */
export async function createTopics(
  cluster: Cluster,
  topics: readonly NewTopic[],
  options: { validateOnly?: boolean } = {},
): Promise<CreatedTopic[]> {
  let open = topics
  const created: CreatedTopic[] = []
  let final: KafkaError | undefined
  await cluster.retry('CreateTopics', async () => {
    const response = await cluster.requestAny(CreateTopics, {
      topics: open.map(({ topic, partitions = -1, replicationFactor = -1, assignments, configs = {} }) => ({
        name: topic,
        numPartitions: assignments ? -1 : partitions,
        replicationFactor: assignments ? -1 : replicationFactor,
        assignments: (assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      })),
      timeoutMs: operationTimeoutMs,
      validateOnly: options.validateOnly ?? false,
    })
    const again: string[] = []
    let retriable: KafkaError | undefined
    for (const { name, errorCode, errorMessage, topicId, numPartitions, replicationFactor } of response.topics) {
      if (errorCode === ErrorCode.NONE) {
        created.push({ topic: name, topicId, partitions: numPartitions, replicationFactor })
        continue
      }
      const error = errorOf(errorCode, withName(name, errorMessage))
      if (error.retriable && errorCode !== ErrorCode.REQUEST_TIMED_OUT) {
        retriable = error
        again.push(name)
      } else {
        final ??= error
      }
    }
    open = open.filter(({ topic }) => again.includes(topic))
    if (retriable) throw retriable
  })
  if (final) throw final
  return topics.map(({ topic }) => created.find(other => other.topic === topic)!).filter(topic => topic !== undefined)
}

/** Raises the number of partitions to `count`. Rejects with a KafkaError: INVALID_PARTITIONS when the topic has as many. */
export async function createPartitions(
  cluster: Cluster,
  topics: readonly {
    readonly topic: string
    readonly count: number
    readonly assignments?: readonly (readonly number[])[] | undefined
  }[],
  options: { validateOnly?: boolean } = {},
): Promise<void> {
  const response = await cluster.retry('CreatePartitions', async () => {
    const answer = await cluster.requestAny(CreatePartitions, {
      topics: topics.map(({ topic, count, assignments }) => ({
        name: topic,
        count,
        assignments: assignments ? assignments.map(brokerIds => ({ brokerIds })) : null,
      })),
      timeoutMs: operationTimeoutMs,
      validateOnly: options.validateOnly ?? false,
    })
    return checkController('CreatePartitions', answer, ({ results }) => results)
  })
  for (const { name, errorCode, errorMessage } of response.results)
    if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, withName(name, errorMessage))
}

export async function listTopics(cluster: Cluster): Promise<TopicListing[]> {
  const response = await cluster.retry('Metadata', () =>
    cluster.requestAny(Metadata, { topics: null, allowAutoTopicCreation: false }),
  )
  return response.topics
    .filter(({ errorCode, name }) => errorCode === ErrorCode.NONE && name !== null)
    .map(({ name, topicId, isInternal }) => ({ topic: name!, topicId, isInternal }))
    .sort((a, b) => (a.topic < b.topic ? -1 : 1))
}

/** Describes topics, in the order asked. Rejects with a KafkaError, UNKNOWN_TOPIC_OR_PARTITION among others. */
export async function describeTopics(cluster: Cluster, topics: readonly string[]): Promise<TopicDescription[]> {
  if (topics.length === 0) return []
  return cluster.retry('DescribeTopicPartitions', async () => {
    const found = (await describeInPages(cluster, topics)) ?? (await describeByMetadata(cluster, topics))
    return topics.map(topic => {
      const description = found.get(topic)
      if (!description) throw errorOf(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Topic ${topic}`)
      return description
    })
  })
}

/** Null: the broker does not know the request. */
async function describeInPages(cluster: Cluster, topics: readonly string[]): Promise<Map<string, TopicDescription> | null> {
  const connection = await cluster.connectAny()
  if (!connection.supports(DescribeTopicPartitions)) return null
  const found = new Map<string, TopicDescription>()
  for (let cursor: { readonly topicName: string; readonly partitionIndex: number } | null = null; ; ) {
    const from: string = cursor?.topicName ?? ''
    // The broker goes through the names in their order.
    const names = [...new Set(topics)].sort().filter(name => name >= from)
    const page: DescribeTopicPartitionsPage = await connection.request(DescribeTopicPartitions, {
      topics: names.map(name => ({ name })),
      cursor,
    })
    for (const { name, errorCode, topicId, isInternal, partitions } of page.topics) {
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, `Topic ${name}`)
      const described = partitions.map(partition => ({
        ...partitionOf(partition),
        eligibleLeaderReplicas: partition.eligibleLeaderReplicas,
        lastKnownEligibleLeaderReplicas: partition.lastKnownElr,
      }))
      const before = found.get(name!)?.partitions ?? []
      found.set(name!, { topic: name!, topicId, isInternal, partitions: [...before, ...described] })
    }
    if (page.nextCursor === null) return found
    cursor = page.nextCursor
  }
}

type DescribeTopicPartitionsPage = typeof DescribeTopicPartitions extends { response: { value?: infer Page } }
  ? NonNullable<Page>
  : never

async function describeByMetadata(cluster: Cluster, topics: readonly string[]): Promise<Map<string, TopicDescription>> {
  const response = await cluster.requestAny(Metadata, { topics: topics.map(name => ({ name })), allowAutoTopicCreation: false })
  return new Map(
    response.topics.map(({ name, errorCode, topicId, isInternal, partitions }) => {
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, `Topic ${name}`)
      const described = partitions
        .map(partition => ({ ...partitionOf(partition), eligibleLeaderReplicas: null, lastKnownEligibleLeaderReplicas: null }))
        .sort((a, b) => a.partition - b.partition)
      return [name!, { topic: name!, topicId, isInternal, partitions: described }]
    }),
  )
}

interface WirePartition {
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
}

function partitionOf({
  partitionIndex,
  leaderId,
  leaderEpoch,
  replicaNodes,
  isrNodes,
  offlineReplicas,
}: WirePartition): TopicMetadata['partitions'][number] {
  return {
    partition: partitionIndex,
    leader: leaderId,
    leaderEpoch,
    replicas: replicaNodes,
    inSyncReplicas: isrNodes,
    offlineReplicas,
  }
}

/** Deletes the records before an offset (-1: all that are readable). Gives the new first offsets. Rejects with a KafkaError: OFFSET_OUT_OF_RANGE, POLICY_VIOLATION, … */
export async function deleteRecords(
  cluster: Cluster,
  partitions: readonly (TopicPartition & { readonly beforeOffset: number })[],
): Promise<(TopicPartition & { readonly lowWatermark: number })[]> {
  const low = new Map<string, number>()
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  await cluster.retry('DeleteRecords', async () => {
    await cluster.topics(topics)
    for (const partition of partitions) {
      if (low.has(nameOf(partition))) continue
      const leader = cluster.metadata.leaderOf(partition.topic, partition.partition)
      if (!leader) throw errorOf(ErrorCode.LEADER_NOT_AVAILABLE, `${nameOf(partition)} has no leader`)
      const mine = partitions.filter(
        other => cluster.metadata.leaderOf(other.topic, other.partition) === leader && !low.has(nameOf(other)),
      )
      const body = {
        topics: [...byTopic(mine)].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition: partitionIndex, beforeOffset }) => ({ partitionIndex, offset: beforeOffset })),
        })),
        timeoutMs: operationTimeoutMs,
      }
      const leads = () =>
        mine.some(({ topic, partition: index }) => cluster.metadata.leaderOf(topic, index)?.nodeId === leader.nodeId)
      const response = await cluster.requestLeader(leader, DeleteRecords, body, leads)
      for (const { name, partitions: answers } of response.topics)
        for (const { partitionIndex, lowWatermark, errorCode } of answers) {
          const where = nameOf({ topic: name, partition: partitionIndex })
          if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, where)
          low.set(where, lowWatermark)
        }
    }
  })
  return partitions.map(({ topic, partition }) => ({ topic, partition, lowWatermark: low.get(nameOf({ topic, partition }))! }))
}

function withName(name: string, message: string | null): string {
  return message === null || message === '' ? `Topic ${name}` : `${message} (topic ${name})`
}
