import {
  DescribeTopicPartitions,
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  type Draft,
  type ElementOf,
  ErrorCode,
  KafkaError,
} from '@millrace/protocol'
import { brokerKeys } from '../config/broker-config.ts'
import { isInternalTopic } from '../controller/topic-name.ts'
import type { TopicMetadata } from '../services.ts'
import { topicOperations } from './authorized-operations.ts'
import type { ApiHandler } from './handler.ts'
import { ReachableBrokers } from './partition-answer.ts'
import { unknownTopicError } from './unknown-topic.ts'

type TopicAnswer = Draft<ElementOf<DescribeTopicPartitionsResponse['topics']>>
type PartitionAnswer = NonNullable<ElementOf<NonNullable<TopicAnswer['partitions']>>>

/** DescribeTopicPartitions (KIP-966): topics in the order of their names, a page of partitions at a time; no topics asked for: all. */
export function describeTopicPartitionsHandler(): ApiHandler<
  DescribeTopicPartitionsRequest,
  Draft<DescribeTopicPartitionsResponse>
> {
  return {
    api: DescribeTopicPartitions,
    versions: { min: 0, max: 0 },
    handle({ topics: asked, cursor, responsePartitionLimit }, { listenerName }, { metadata, config }) {
      if (cursor && cursor.partitionIndex < 0)
        throw new KafkaError(ErrorCode.INVALID_REQUEST, `the cursor's partition is ${cursor.partitionIndex}`)
      const all = asked.length === 0
      const names = new Set(all ? [...metadata.topics()].map(({ name }) => name) : asked.map(({ name }) => name))
      const reachable = new ReachableBrokers(metadata, listenerName)
      const topics: TopicAnswer[] = []
      let left = Math.min(config.get(brokerKeys.maxRequestPartitionSizeLimit)!, responsePartitionLimit)
      for (const name of [...names].sort()) {
        if (cursor && name < cursor.topicName) continue
        if (left <= 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } }
        const topic = metadata.topic(name)
        if (!topic) {
          const errorCode = unknownTopicError(name)
          topics.push({ errorCode, name, isInternal: isInternalTopic(name), topicAuthorizedOperations: topicOperations })
          continue
        }
        const first = name === cursor?.topicName ? cursor.partitionIndex : 0
        const partitions = topic.partitions.slice(first, first + left)
        topics.push(
          topicAnswer(
            topic,
            partitions.map((_, index) => partitionAnswer(topic, first + index, reachable)),
          ),
        )
        left -= partitions.length
        const next = first + partitions.length
        if (next < topic.partitions.length) return { topics, nextCursor: { topicName: name, partitionIndex: next } }
      }
      return { topics }
    },
  }
}

function topicAnswer({ name, topicId }: TopicMetadata, partitions: PartitionAnswer[]): TopicAnswer {
  return {
    errorCode: ErrorCode.NONE,
    name,
    topicId,
    isInternal: isInternalTopic(name),
    partitions,
    topicAuthorizedOperations: topicOperations,
  }
}

function partitionAnswer({ partitions }: TopicMetadata, partitionIndex: number, reachable: ReachableBrokers): PartitionAnswer {
  const partition = partitions[partitionIndex]!
  const errorCode = reachable.leaderError(partition, true)
  return {
    errorCode,
    partitionIndex,
    leaderId: errorCode === ErrorCode.NONE ? partition.leader : -1,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    eligibleLeaderReplicas: partition.eligibleLeaderReplicas,
    lastKnownElr: partition.lastKnownEligibleLeaderReplicas,
    offlineReplicas: partition.offlineReplicas,
  }
}
