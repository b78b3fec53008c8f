import { ErrorCode, errorOf, ListOffsets } from '@millrace/protocol'
import type { Cluster } from './cluster.ts'
import type { BrokerNode } from './network/metadata.ts'
import { byTopic, nameOf, type TopicPartition } from './topic-partition.ts'

/** Timestamps with a meaning of their own in ListOffsets. */
export const offsetSpec = { latest: -1, earliest: -2, maxTimestamp: -3 } as const

export interface OffsetQuery extends TopicPartition {
  /** Milliseconds, or one of `offsetSpec`. */
  readonly timestamp: number
}

export interface ListedOffset extends TopicPartition {
  /** -1: no record that late. */
  readonly offset: number
  /** Of the record found; -1 for earliest and latest. */
  readonly timestamp: number
  /** -1: not told. */
  readonly leaderEpoch: number
}

/**
 * Asks the partitions' leaders. Retries what elections and stale metadata cause. Rejects with a KafkaError (UNKNOWN_TOPIC_OR_PARTITION among others) or a
 * TimeoutError. The answer has the order of the queries.
 */
export async function listOffsets(
  cluster: Cluster,
  queries: readonly OffsetQuery[],
  options: { readCommitted?: boolean; timeoutMs?: number | undefined } = {},
): Promise<ListedOffset[]> {
  const found = new Map<string, ListedOffset>()
  for (const { topic } of queries) cluster.metadata.track(topic)
  const attempt = async () => {
    const open = queries.filter(query => !found.has(nameOf(query)))
    const byLeader = new Map<BrokerNode, OffsetQuery[]>()
    for (const query of open) {
      const leader = await leaderFor(cluster, query)
      const list = byLeader.get(leader)
      if (list) list.push(query)
      else byLeader.set(leader, [query])
    }
    let failure: unknown
    await Promise.all(
      [...byLeader].map(async ([leader, list]) => {
        try {
          for (const listed of await ask(cluster, leader, list, options.readCommitted ?? false)) {
            if (listed instanceof Error) failure = listed
            else found.set(nameOf(listed), listed)
          }
        } catch (error) {
          failure = error
        }
      }),
    )
    if (failure) throw failure
    const missing = open.find(query => !found.has(nameOf(query)))
    if (missing) throw errorOf(ErrorCode.LEADER_NOT_AVAILABLE, `No answer for ${nameOf(missing)}`)
  }
  await cluster.retry('ListOffsets', attempt, options.timeoutMs)
  return queries.map(query => found.get(nameOf(query))!)
}

async function leaderFor(cluster: Cluster, { topic, partition }: TopicPartition): Promise<BrokerNode> {
  const { metadata } = cluster
  if (!metadata.topic(topic) || !metadata.leaderOf(topic, partition)) await metadata.refresh()
  const known = metadata.topic(topic)
  if (!known) throw errorOf(metadata.errorOf(topic) || ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Topic ${topic} is not there`)
  if (partition >= known.partitions.length)
    throw errorOf(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `${topic} has no partition ${partition}`)
  const leader = metadata.leaderOf(topic, partition)
  if (!leader) throw errorOf(ErrorCode.LEADER_NOT_AVAILABLE, `${topic}-${partition} has no leader`)
  return leader
}

async function ask(
  cluster: Cluster,
  leader: BrokerNode,
  queries: readonly OffsetQuery[],
  readCommitted: boolean,
): Promise<(ListedOffset | Error)[]> {
  const needsMaxTimestamp = queries.some(({ timestamp }) => timestamp === offsetSpec.maxTimestamp)
  const body = (version: number) => {
    if (needsMaxTimestamp && version < 7)
      throw errorOf(ErrorCode.UNSUPPORTED_VERSION, 'The broker does not know offsets by maximal timestamp')
    return {
      replicaId: -1,
      isolationLevel: readCommitted ? 1 : 0,
      topics: [...byTopic(queries)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, timestamp }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: cluster.metadata.leaderEpochOf(name, partition),
          timestamp,
        })),
      })),
    }
  }
  const leads = () =>
    queries.some(({ topic, partition }) => cluster.metadata.leaderOf(topic, partition)?.nodeId === leader.nodeId)
  const response = await cluster.requestLeader(leader, ListOffsets, body, leads)
  return response.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode, offset, timestamp, leaderEpoch }) =>
      errorCode === ErrorCode.NONE
        ? { topic: name, partition: partitionIndex, offset, timestamp, leaderEpoch }
        : errorOf(errorCode, `${name}-${partitionIndex}`),
    ),
  )
}
