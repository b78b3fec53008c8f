import { ErrorCode } from '@millrace/protocol'
import { type Logger, messageOf, type World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import { ConfigResourceType } from '../config/resolve.ts'
import type { MetadataChange, MetadataView, PartitionMetadata, PartitionStore, TopicMetadata } from '../services.ts'
import { Follower } from './follower.ts'
import { Leader } from './leader.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProduceRules } from './produce-rules.ts'
import type { ReplicaEnvironment } from './replica-environment.ts'

export interface PartitionName {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/** The logs of this broker, as the partitions need them. */
export interface PartitionLogs {
  /**
   * The partition's log, created if it is not there and cannot lie on a disk that failed: a partition that `isNew` has none anywhere. A new log
   * goes into the directory of that id if this broker has it. Throws DiskError.
   */
  open(name: PartitionName, isNew: boolean, directoryId?: string): PartitionLog
  /** Id of the directory with the partition's log. */
  directoryIdOf(name: PartitionName): string | undefined
  /** Deletes the log of a topic that is gone, or of a replica that moved elsewhere. */
  remove(name: PartitionName): void
  /** Takes up the topic's settings. */
  configure(topic: string): void
}

export interface PartitionsOptions {
  readonly world: World
  readonly logger: Logger
  readonly metrics: BrokerMetrics
  readonly environment: ReplicaEnvironment
  readonly metadata: MetadataView
  readonly logs: PartitionLogs
  /** The settings of a topic in force now. */
  readonly rulesOf: (topic: string) => ProduceRules
}

/** One slot a partition of a topic: what this broker is to it, or why it is nothing. */
export type Slot = Leader | Follower | number

/** Partitions that are taken up before the loop turns: opening the log of one takes up to a millisecond, and the quorum does not wait for seconds. */
const partitionsASlice = 200

/** The partitions that live on this broker: follows the metadata, opens and deletes their logs, and knows which are led and which followed here. */
export class Partitions implements PartitionStore {
  readonly #options: PartitionsOptions
  readonly #topics = new Map<string, { readonly topicId: string; readonly slots: Slot[] }>()
  readonly #unsubscribe: () => void
  #leadershipBegan: () => void = () => {}
  /** Names of topics that are still to be taken up, in slices; the value is `mayBeNew`. */
  readonly #waiting = new Map<string, boolean>()
  #isSlicing = false
  #isClosed = false
  #becameWhole: () => void = () => {}
  /** Resolves when all topics of the metadata that were known at the beginning have been taken up. */
  readonly whole: Promise<void>

  /** Takes up the metadata as it is now, at once if it is small, and every change from then on. */
  constructor(options: PartitionsOptions) {
    this.#options = options
    this.whole = new Promise(resolve => {
      this.#becameWhole = resolve
    })
    for (const { name } of options.metadata.topics()) this.#waiting.set(name, false)
    this.#takeSlice()
    this.#unsubscribe = options.metadata.subscribe(change => this.#changed(change))
  }

  /** Calls `listener` when a partition is led here that was not, or in another epoch. */
  whenLeadershipBegins(listener: () => void): void {
    this.#leadershipBegan = listener
  }

  leader(topic: string, partition: number): Leader | number {
    const slot = this.replica(topic, partition)
    return slot instanceof Follower ? ErrorCode.NOT_LEADER_OR_FOLLOWER : slot
  }

  /** The partition as it is here, led or followed; else the error code to answer. */
  replica(topic: string, partition: number): Slot {
    return this.#topics.get(topic)?.slots[partition] ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }

  /** All partitions led here. */
  *leaders(): Iterable<Leader> {
    for (const { slots } of this.#topics.values()) for (const slot of slots) if (slot instanceof Leader) yield slot
  }

  /** All partitions followed here. */
  *followers(): Iterable<Follower> {
    for (const { slots } of this.#topics.values()) for (const slot of slots) if (slot instanceof Follower) yield slot
  }

  /** The partition's log lies in another directory now: the controller should know. */
  tellDirectory(topic: string, partition: number): void {
    const known = this.#options.metadata.topic(topic)
    const metadata = known?.partitions[partition]
    if (known && metadata) this.#tellDirectory({ topic, topicId: known.topicId, partition }, metadata)
  }

  /** Has the controller take laggards out of the in-sync sets. */
  shrinkInSyncSets(): void {
    for (const leader of this.leaders()) leader.shrinkInSyncSet()
  }

  get leaderCount(): number {
    let count = 0
    for (const { lostCode } of this.leaders()) if (lostCode === 0) count++
    return count
  }

  /** Partitions led here that have just as many replicas in sync as acks=all needs. */
  get atMinIsrCount(): number {
    let count = 0
    for (const { lostCode, inSync, minIsr } of this.leaders()) if (lostCode === 0 && inSync.isr.length === minIsr) count++
    return count
  }

  /** The most records that a partition followed here lacks of what is committed. */
  get maxFollowerLag(): number {
    let lag = 0
    for (const follower of this.followers()) lag = Math.max(lag, follower.lag)
    return lag
  }

  /** Partitions of this broker whose disk has failed. */
  get offlineCount(): number {
    let count = 0
    for (const { slots } of this.#topics.values())
      for (const slot of slots) if ((typeof slot === 'number' ? slot : slot.lostCode) === ErrorCode.KAFKA_STORAGE_ERROR) count++
    return count
  }

  /** Takes those off line whose disk has failed. */
  loseFailedLogs(): void {
    for (const slot of this.#slots()) if (slot.log.failure !== null) slot.lose(ErrorCode.KAFKA_STORAGE_ERROR)
  }

  /** Ends all leading and following; the logs stay as they are. */
  close(): void {
    this.#unsubscribe()
    // What was not opened would be missing from the checkpoints that the logs write when they close.
    while (this.#waiting.size > 0) this.#takeUpWaiting()
    this.#isClosed = true
    this.#becameWhole()
    for (const slot of this.#slots()) slot.lose(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  }

  *#slots(): Iterable<Leader | Follower> {
    for (const { slots } of this.#topics.values()) for (const slot of slots) if (typeof slot !== 'number') yield slot
  }

  #changed(change: MetadataChange): void {
    for (const topic of change.deletedTopics) this.#drop(topic)
    for (const topic of change.topics) {
      if (this.#topics.has(topic.name)) this.#takeUp(topic, true)
      else if (!this.#waiting.has(topic.name)) this.#waiting.set(topic.name, true)
    }
    if (!this.#isSlicing) this.#takeSlice()
    const topics = new Set<string>()
    for (const { type, name } of change.configs) {
      if (type === ConfigResourceType.TOPIC) topics.add(name)
      else if (type === ConfigResourceType.BROKER) for (const topic of this.#topics.keys()) topics.add(topic)
    }
    for (const topic of topics) this.#reconfigure(topic)
    // Who may join an in-sync set has changed, and with it whom a high watermark waits for.
    if (change.brokersChanged) for (const leader of this.leaders()) leader.reconsider()
  }

  /** As many topics as wait, up to a slice; the rest when the loop has turned. */
  #takeSlice(): void {
    if (this.#isClosed) return
    for (let taken = 0; taken < partitionsASlice && this.#waiting.size > 0; ) taken += this.#takeUpWaiting()
    this.#isSlicing = this.#waiting.size > 0
    if (this.#isSlicing) this.#options.world.clock.defer(() => this.#takeSlice())
    else this.#becameWhole()
  }

  /** The first topic that waits, as the metadata have it now. Returns the number of its partitions. */
  #takeUpWaiting(): number {
    const [name, mayBeNew] = this.#waiting.entries().next().value!
    this.#waiting.delete(name)
    const topic = this.#options.metadata.topic(name)
    if (topic === undefined) return 0
    this.#takeUp(topic, mayBeNew)
    return topic.partitions.length
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
    const { nodeId } = this.#options.environment
    const isLeader = metadata.leader === nodeId
    const isReplica = isLeader || metadata.replicas.includes(nodeId)
    const name = { topic: topic.name, topicId: topic.topicId, partition }
    if (typeof before === 'object') {
      // A disk that failed is the controller's to know; until this process ends there is nothing here to lead or to follow.
      if (before.lostCode !== 0 && isReplica) return before
      if (isLeader && before instanceof Leader) {
        if (before.leaderEpoch !== metadata.leaderEpoch) this.#leadershipBegan()
        before.update(metadata, rules)
      } else if (isReplica && !isLeader && before instanceof Follower) before.update(metadata)
      else before.lose(ErrorCode.NOT_LEADER_OR_FOLLOWER)
      if (before.lostCode === 0) {
        this.#tellDirectory(name, metadata)
        return before
      }
    }
    if (!isReplica) {
      if (before !== undefined && before !== ErrorCode.NOT_LEADER_OR_FOLLOWER) this.#deleteLog(name)
      return ErrorCode.NOT_LEADER_OR_FOLLOWER
    }
    const isNew = mayBeNew && (before === undefined || before === ErrorCode.NOT_LEADER_OR_FOLLOWER)
    const { logs } = this.#options
    const slot = this.#take(name, metadata, rules, () =>
      typeof before === 'object' ? before.log : logs.open(name, isNew, this.#assignedDirectory(metadata)),
    )
    if (typeof slot === 'object') this.#tellDirectory(name, metadata)
    return slot
  }

  /** Id of the log directory in which the metadata have this broker's replica. */
  #assignedDirectory({ replicas, directories }: PartitionMetadata): string | undefined {
    return directories?.[replicas.indexOf(this.#options.environment.nodeId)]
  }

  #tellDirectory(name: PartitionName, metadata: PartitionMetadata): void {
    const assigned = this.#assignedDirectory(metadata)
    if (assigned === undefined) return
    const actual = this.#options.logs.directoryIdOf(name)
    if (actual !== undefined && actual !== assigned) this.#options.environment.placed(name, actual)
  }

  #take(name: PartitionName, metadata: PartitionMetadata, rules: ProduceRules, logOf: () => PartitionLog): Slot {
    const { logger, metrics, environment, world } = this.#options
    try {
      const log = logOf()
      if (metadata.leader !== environment.nodeId) return new Follower({ ...name, environment, logger, log, metadata })
      this.#leadershipBegan()
      return new Leader({ ...name, environment, logger, metrics, rules, log, metadata, now: () => world.clock.now() })
    } catch (error) {
      logger.error('partition.offline', { topic: name.topic, partition: name.partition, reason: messageOf(error) })
      return ErrorCode.KAFKA_STORAGE_ERROR
    }
  }

  #drop(topic: TopicMetadata): void {
    // Its logs may be there, of an earlier life.
    if (this.#waiting.delete(topic.name)) this.#takeUp(topic, false)
    const known = this.#topics.get(topic.name)
    if (known?.topicId === topic.topicId) this.#forget(topic.name, known)
  }

  #forget(name: string, { topicId, slots }: { readonly topicId: string; readonly slots: readonly Slot[] }): void {
    this.#topics.delete(name)
    for (const [partition, slot] of slots.entries()) {
      if (typeof slot !== 'number') slot.lose(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      this.#deleteLog({ topic: name, topicId, partition })
    }
  }

  #deleteLog(name: PartitionName): void {
    try {
      this.#options.logs.remove(name)
    } catch (error) {
      const { topic, partition } = name
      this.#options.logger.error('partition.not-deleted', { topic, partition, reason: messageOf(error) })
    }
  }
}
