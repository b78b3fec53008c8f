import { type ClientOptions, Cluster, otherClientOptions } from '../cluster.ts'
import { clientKeys, resolveOptions } from '../config.ts'
import { Coordinator } from '../group/coordinator.ts'
import { type CommittedOffset, commitOffsets, fetchOffsets, type OffsetCommit, outsider } from '../group/group-offsets.ts'
import { type ListedOffset, listOffsets, type OffsetQuery } from '../list-offsets.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'
import {
  type ConfigChange,
  type ConfigDescription,
  type ConfigResource,
  describeConfigs,
  incrementalAlterConfigs,
} from './configs.ts'
import { deleteTopics } from './delete-topics.ts'
import { deleteGroups, deleteOffsets, describeGroups, type GroupDescription, type GroupListing, listGroups } from './groups.ts'
import { type ClusterDescription, describeCluster, describeQuorum, type QuorumDescription } from './quorum.ts'
import {
  type CreatedTopic,
  createPartitions,
  createTopics,
  deleteRecords,
  describeTopics,
  listTopics,
  type NewTopic,
  type TopicDescription,
  type TopicListing,
} from './topics.ts'

export interface AdminOptions extends ClientOptions {}

/**
 * Manages topics, settings and groups. Every call retries what is only for the moment, for `defaultApiTimeoutMs`, and rejects with a KafkaError
 * or a TimeoutError.
 */
export class Admin {
  readonly #cluster: Cluster

  /** Connects with the first call. Throws a ConfigError for a bad option. */
  constructor(options: AdminOptions) {
    const settings = resolveOptions(clientKeys, options, otherClientOptions, options.logger)
    const { world, logger, bootstrapServers } = options
    this.#cluster = new Cluster({
      ...settings,
      world,
      logger,
      bootstrapServers,
      allowAutoTopicCreation: false,
      maxInFlightRequests: 100,
    })
  }

  /** Rejects with the first topic's error after all were tried: TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_REPLICATION_FACTOR, INVALID_CONFIG, … */
  createTopics(topics: readonly NewTopic[], options?: { validateOnly?: boolean }): Promise<CreatedTopic[]> {
    return createTopics(this.#cluster, topics, options)
  }

  /** Rejects with the first topic's error after all were tried: UNKNOWN_TOPIC_OR_PARTITION, … */
  deleteTopics(topics: readonly string[]): Promise<void> {
    return deleteTopics(this.#cluster, topics)
  }

  /** `count`: the number of partitions afterwards. */
  createPartitions(
    topics: readonly { readonly topic: string; readonly count: number; readonly assignments?: readonly (readonly number[])[] }[],
    options?: { validateOnly?: boolean },
  ): Promise<void> {
    return createPartitions(this.#cluster, topics, options)
  }

  /** All topics, by name. */
  listTopics(): Promise<TopicListing[]> {
    return listTopics(this.#cluster)
  }

  describeTopics(topics: readonly string[]): Promise<TopicDescription[]> {
    return describeTopics(this.#cluster, topics)
  }

  describeConfigs(
    resources: readonly (ConfigResource & { readonly keys?: readonly string[] })[],
    options?: { includeSynonyms?: boolean; includeDocumentation?: boolean },
  ): Promise<ConfigDescription[]> {
    return describeConfigs(this.#cluster, resources, options)
  }

  incrementalAlterConfigs(changes: readonly ConfigChange[], options?: { validateOnly?: boolean }): Promise<void> {
    return incrementalAlterConfigs(this.#cluster, changes, options)
  }

  describeCluster(): Promise<ClusterDescription> {
    return describeCluster(this.#cluster)
  }

  describeQuorum(): Promise<QuorumDescription> {
    return describeQuorum(this.#cluster)
  }

  listGroups(options?: { states?: readonly string[]; types?: readonly string[] }): Promise<GroupListing[]> {
    return listGroups(this.#cluster, options)
  }

  describeGroups(groupIds: readonly string[]): Promise<GroupDescription[]> {
    return describeGroups(this.#cluster, groupIds)
  }

  /** Groups without members only: else NON_EMPTY_GROUP. */
  deleteGroups(groupIds: readonly string[]): Promise<void> {
    return deleteGroups(this.#cluster, groupIds)
  }

  /** What a group has committed: for `partitions` in their order, null where there is nothing; without them, all that there is. */
  fetchOffsets(groupId: string): Promise<CommittedOffset[]>
  fetchOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]>
  async fetchOffsets(groupId: string, partitions?: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    const committed = await fetchOffsets(this.#cluster, new Coordinator(this.#cluster, groupId), partitions ?? null)
    return partitions === undefined
      ? [...committed.values()]
      : partitions.map(partition => committed.get(nameOf(partition)) ?? null)
  }

  /** Sets offsets of a group without members; UNKNOWN_MEMBER_ID while it has some. */
  commitOffsets(groupId: string, offsets: readonly OffsetCommit[]): Promise<void> {
    return commitOffsets(this.#cluster, new Coordinator(this.#cluster, groupId), offsets, outsider)
  }

  deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
    return deleteOffsets(this.#cluster, groupId, partitions)
  }

  /** `timestamp`: milliseconds, or one of `offsetSpec`: -1 latest, -2 earliest, -3 the record with the greatest timestamp. In the order of the queries; offset -1: none. */
  listOffsets(queries: readonly OffsetQuery[], options?: { readCommitted?: boolean }): Promise<ListedOffset[]> {
    return listOffsets(this.#cluster, queries, options)
  }

  /** Deletes the records before `beforeOffset`; -1: all. */
  deleteRecords(
    partitions: readonly (TopicPartition & { readonly beforeOffset: number })[],
  ): Promise<(TopicPartition & { readonly lowWatermark: number })[]> {
    return deleteRecords(this.#cluster, partitions)
  }

  async close(): Promise<void> {
    this.#cluster.close()
  }
}
