import { ErrorCode } from '@millrace/protocol'
import { type Logger, messageOf, type World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import { ConfigResourceType } from '../config/resolve.ts'
import type { MetadataChange, MetadataView, PartitionStore, TopicMetadata } from '../services.ts'
import { Leader } from './leader.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProduceRules } from './produce-rules.ts'

export interface PartitionName {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/** The logs of this broker, as the partitions need them. */
export interface PartitionLogs {
  /** The partition's log, created if it is not there and cannot lie on a disk that failed: a partition that `isNew` has none anywhere. Throws DiskError. */
  open(name: PartitionName, isNew: boolean): PartitionLog
  /** Deletes the log of a topic that is gone. */
  remove(name: PartitionName): void
  /** Takes up the topic's settings. */
  configure(topic: string): void
}

export interface PartitionsOptions {
  readonly world: World
  readonly logger: Logger
  readonly metrics: BrokerMetrics
  readonly nodeId: number
  readonly metadata: MetadataView
  readonly logs: PartitionLogs
  /** The settings of a topic in force now. */
  readonly rulesOf: (topic: string) => ProduceRules
}

/** One slot a partition of a topic: its leader here, or why there is none. */
type Slot = Leader | number

/** The partitions that live on this broker: follows the metadata, opens and deletes their logs, and knows which are led here. */
export class Partitions implements PartitionStore {
  readonly #options: PartitionsOptions
  readonly #topics = new Map<string, { readonly topicId: string; readonly slots: Slot[] }>()
  readonly #unsubscribe: () => void

  /** Takes up the metadata as it is now, and every change from then on. */
  constructor(options: PartitionsOptions) {
    this.#options = options
    for (const topic of options.metadata.topics()) this.#takeUp(topic, false)
    this.#unsubscribe = options.metadata.subscribe(change => this.#changed(change))
  }

  leader(topic: string, partition: number): Leader | number {
    return this.#topics.get(topic)?.slots[partition] ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }

  /** All partitions led here. */
  *leaders(): Iterable<Leader> {
    for (const { slots } of this.#topics.values()) for (const slot of slots) if (typeof slot !== 'number') yield slot
  }

  get leaderCount(): number {
    let count = 0
    for (const { lostCode } of this.leaders()) if (lostCode === 0) count++
    return count
  }

  /** Partitions that this broker should lead and whose disk has failed. */
  get offlineCount(): number {
    let count = 0
    for (const { slots } of this.#topics.values())
      for (const slot of slots) if ((typeof slot === 'number' ? slot : slot.lostCode) === ErrorCode.KAFKA_STORAGE_ERROR) count++
    return count
  }

  /** Ends the leaderships of logs whose disk has failed. */
  loseFailedLogs(): void {
    for (const leader of this.leaders()) if (leader.log.failure !== null) leader.lose(ErrorCode.KAFKA_STORAGE_ERROR)
  }

  /** Ends all leaderships; the logs stay as they are. */
  close(): void {
    this.#unsubscribe()
    for (const leader of this.leaders()) leader.lose(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  }

  #changed(change: MetadataChange): void {
    for (const topic of change.deletedTopics) this.#drop(topic)
    for (const topic of change.topics) this.#takeUp(topic, true)
    const topics = new Set<string>()
    for (const { type, name } of change.configs) {
      if (type === ConfigResourceType.TOPIC) topics.add(name)
      else if (type === ConfigResourceType.BROKER) for (const topic of this.#topics.keys()) topics.add(topic)
    }
    for (const topic of topics) this.#reconfigure(topic)
  }

  #reconfigure(name: string): void {
    const topic = this.#options.metadata.topic(name)
    if (topic === undefined || !this.#topics.has(name)) return
    this.#options.logs.configure(name)
    this.#takeUp(topic, true)
  }

  /** `mayBeNew`: what was not known before is new, and not only new to this process. */
  #takeUp(topic: TopicMetadata, mayBeNew: boolean): void {
    const known = this.#topics.get(topic.name)
    if (known !== undefined && known.topicId !== topic.topicId) this.#forget(topic.name, known)
    const slots = known?.topicId === topic.topicId ? known.slots : []
    this.#topics.set(topic.name, { topicId: topic.topicId, slots })
    const rules = this.#options.rulesOf(topic.name)
    for (let partition = 0; partition < topic.partitions.length; partition++)
      slots[partition] = this.#slot(topic, partition, slots[partition], { rules, mayBeNew })
  }

  #slot(
    topic: TopicMetadata,
    partition: number,
    before: Slot | undefined,
    { rules, mayBeNew }: { readonly rules: ProduceRules; readonly mayBeNew: boolean },
  ): Slot {
    const metadata = topic.partitions[partition]!
    const isLeader = metadata.leader === this.#options.nodeId
    if (before instanceof Leader) {
      if (isLeader && before.lostCode === 0) before.update(metadata, rules)
      else if (!isLeader) before.lose(ErrorCode.NOT_LEADER_OR_FOLLOWER)
      if (isLeader) return before
    }
    if (!isLeader) return ErrorCode.NOT_LEADER_OR_FOLLOWER
    const isNew = mayBeNew && before === undefined
    return this.#lead({ topic: topic.name, topicId: topic.topicId, partition }, topic, { rules, isNew })
  }

  #lead(
    name: PartitionName,
    topic: TopicMetadata,
    { rules, isNew }: { readonly rules: ProduceRules; readonly isNew: boolean },
  ): Slot {
    const { logs, logger, metrics, nodeId, world } = this.#options
    try {
      return new Leader({
        ...name,
        nodeId,
        logger,
        metrics,
        rules,
        log: logs.open(name, isNew),
        metadata: topic.partitions[name.partition]!,
        now: () => world.clock.now(),
      })
    } catch (error) {
      logger.error('partition.offline', { topic: name.topic, partition: name.partition, reason: messageOf(error) })
      return ErrorCode.KAFKA_STORAGE_ERROR
    }
  }

  #drop(topic: TopicMetadata): void {
    const known = this.#topics.get(topic.name)
    if (known?.topicId === topic.topicId) this.#forget(topic.name, known)
  }

  #forget(name: string, { topicId, slots }: { readonly topicId: string; readonly slots: readonly Slot[] }): void {
    this.#topics.delete(name)
    for (const [partition, slot] of slots.entries()) {
      if (typeof slot !== 'number') slot.lose(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      try {
        this.#options.logs.remove({ topic: name, topicId, partition })
      } catch (error) {
        this.#options.logger.error('partition.not-deleted', { topic: name, partition, reason: messageOf(error) })
      }
    }
  }
}
