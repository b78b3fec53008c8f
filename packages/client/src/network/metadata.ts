import { ErrorCode, errorOf, Metadata as MetadataApi, type MetadataResponse, zeroUuid } from '@millrace/protocol'
import { type Address, type Logger, messageOf, type World } from '@millrace/runtime'
import type { ConnectionPool } from './connection-pool.ts'
import { firstAnswer } from './first-answer.ts'

export interface BrokerNode extends Address {
  readonly nodeId: number
  readonly rack: string | null
}

export interface PartitionMetadata {
  readonly partition: number
  /** Node id; -1: none at present. */
  readonly leader: number
  /** -1: the broker did not tell. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export interface TopicMetadata {
  readonly name: string
  /** The zero uuid before Kafka 2.8 brokers. */
  readonly topicId: string
  readonly isInternal: boolean
  /** By number, without gaps. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface MetadataOptions {
  readonly world: World
  readonly pool: ConnectionPool
  readonly bootstrap: readonly Address[]
  readonly allowAutoTopicCreation: boolean
  /** `rebootstrap`: when the known brokers cannot be reached, the bootstrap addresses are asked (KIP-899). */
  readonly recoveryStrategy: 'rebootstrap' | 'none'
  /** Known brokers are forgotten when none has answered for so long, whatever they do instead (KIP-1102). */
  readonly rebootstrapTriggerMs: number
  readonly logger: Logger
}

/** How long a broker may take for metadata before another one is asked beside it. */
export const patienceMs = 1_000

/** What the cluster looked like when it was last asked: brokers, and topics that somebody here is interested in. */
export class Metadata {
  readonly #options: MetadataOptions
  readonly #interest = new Set<string>()
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #topicIds = new Map<string, string>()
  readonly #errors = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  #brokers = new Map<number, BrokerNode>()
  #refreshing: Promise<void> | undefined
  #refreshingInterest = 0
  /** Monotonic; -1 while somebody answers. */
  #failingSinceMs = -1
  clusterId: string | null = null
  controllerId = -1
  /** Grows with every answer: to see whether something changed since. */
  version = 0

  constructor(options: MetadataOptions) {
    this.#options = options
  }

  get brokers(): ReadonlyMap<number, BrokerNode> {
    return this.#brokers
  }

  /** Includes the topic in every refresh from now on. Says whether it was new. */
  track(topic: string): boolean {
    if (this.#interest.has(topic)) return false
    this.#interest.add(topic)
    return true
  }

  untrack(topic: string): void {
    this.#interest.delete(topic)
  }

  /** The topic as last seen; undefined before it was asked for and when it does not exist. */
  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** The name under which a topic id was last seen. */
  nameOf(topicId: string): string | undefined {
    return this.#topicIds.get(topicId)
  }

  /** The error that the last refresh gave for a topic; 0 without. */
  errorOf(topic: string): number {
    return this.#errors.get(topic) ?? ErrorCode.NONE
  }

  /** The leader if the partition has one that is known. */
  leaderOf(topic: string, partition: number): BrokerNode | undefined {
    const leader = this.#topics.get(topic)?.partitions[partition]?.leader
    return leader === undefined ? undefined : this.#brokers.get(leader)
  }

  leaderEpochOf(topic: string, partition: number): number {
    return this.#topics.get(topic)?.partitions[partition]?.leaderEpoch ?? -1
  }

  /** Called after every change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Asks a broker once and takes over the answer. Callers at the same time share one request, except for topics that joined after it left.
   * Rejects with a retriable error when no broker answered; the caller backs off.
   */
  async refresh(): Promise<void> {
    if (this.#refreshing) {
      if (this.#refreshingInterest === this.#interest.size) return this.#refreshing
      await this.#refreshing.catch(() => {})
      return this.refresh()
    }
    this.#refreshingInterest = this.#interest.size
    this.#refreshing = this.#ask().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** A leader that a broker named in an error answer (KIP-951): spares the refresh. Older epochs are ignored. */
  applyLeaderHint(
    topic: string,
    partition: number,
    leader: number,
    leaderEpoch: number,
    endpoint: BrokerNode | undefined,
  ): boolean {
    const known = this.#topics.get(topic)
    const old = known?.partitions[partition]
    if (!known || !old || leader < 0 || leaderEpoch <= old.leaderEpoch) return false
    if (endpoint && !this.#brokers.has(endpoint.nodeId)) this.#brokers.set(endpoint.nodeId, endpoint)
    if (!this.#brokers.has(leader)) return false
    const partitions = [...known.partitions]
    partitions[partition] = { ...old, leader, leaderEpoch }
    this.#topics.set(topic, { ...known, partitions })
    this.#changed()
    return true
  }

  /** Known brokers in random order, those that can be asked at once first; then the bootstrap addresses, for when all known ones are gone (KIP-899). */
  candidates(): Address[] {
    const { pool, bootstrap, recoveryStrategy } = this.#options
    const known = this.#shuffled([...this.#brokers.values()])
    const rank = (address: Address) => (pool.open(address, 'general') ? 0 : pool.isBackingOff(address) ? 2 : 1)
    known.sort((a, b) => rank(a) - rank(b))
    if (recoveryStrategy === 'none' && known.length > 0) return known
    const seen = new Set(known.map(({ host, port }) => `${host}:${port}`))
    return [...known, ...this.#shuffled([...bootstrap]).filter(({ host, port }) => !seen.has(`${host}:${port}`))]
  }

  async #ask(): Promise<void> {
    const { world } = this.#options
    try {
      let response = await this.#askBrokers()
      if (response.errorCode === ErrorCode.REBOOTSTRAP_REQUIRED) {
        this.#rebootstrap('the broker asks for it')
        response = await this.#askBrokers()
      }
      if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode, 'Metadata')
      this.#take(response)
      this.#failingSinceMs = -1
    } catch (error) {
      const nowMs = world.clock.monotonic()
      if (this.#failingSinceMs < 0) this.#failingSinceMs = nowMs
      else if (nowMs - this.#failingSinceMs >= this.#options.rebootstrapTriggerMs) {
        this.#failingSinceMs = nowMs
        this.#rebootstrap(`no metadata for ${this.#options.rebootstrapTriggerMs} ms`)
      }
      throw error
    }
  }

  #askBrokers(): Promise<MetadataResponse> {
    const { world, pool, logger, allowAutoTopicCreation } = this.#options
    return firstAnswer({
      clock: world.clock,
      targets: this.candidates(),
      patienceMs,
      ask: async address => {
        try {
          const connection = await pool.connect(address, 'general')
          const topics = [...this.#interest].map(name => ({ name }))
          return await connection.request(MetadataApi, { topics, allowAutoTopicCreation })
        } catch (error) {
          logger.warn('client.metadata.failed', { broker: `${address.host}:${address.port}`, error: messageOf(error) })
          throw error
        }
      },
    })
  }

  /** Forgets the brokers, so that the bootstrap addresses are asked next. Topics stay as they were last seen. */
  #rebootstrap(reason: string): void {
    if (this.#options.recoveryStrategy === 'none' || this.#brokers.size === 0) return
    this.#options.logger.warn('client.metadata.rebootstrap', { reason, forgotten: this.#brokers.size })
    this.#brokers = new Map()
    this.#changed()
  }

  #take(response: MetadataResponse): void {
    // A broker that is just starting may know of nobody, not even itself: the old view is the better one.
    if (response.brokers.length > 0) this.#brokers = new Map(response.brokers.map(broker => [broker.nodeId, broker]))
    this.clusterId = response.clusterId
    this.controllerId = response.controllerId
    for (const topic of response.topics) {
      const name = topic.name ?? this.#topicIds.get(topic.topicId)
      if (name === undefined) continue
      if (topic.errorCode === ErrorCode.NONE) this.#errors.delete(name)
      else this.#errors.set(name, topic.errorCode)
      if (topic.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) this.#forget(name)
      if (topic.errorCode !== ErrorCode.NONE) continue
      const old = this.#topics.get(name)
      const sameTopic = old !== undefined && old.topicId === topic.topicId
      const partitions = topic.partitions
        .map(({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes, offlineReplicas }): PartitionMetadata => {
          const before = sameTopic ? old.partitions[partitionIndex] : undefined
          // A broker that lags behind the controller must not send us back to an earlier leader (KIP-320).
          if (before && before.leaderEpoch > leaderEpoch && leaderEpoch >= 0) return before
          return {
            partition: partitionIndex,
            leader: leaderId,
            leaderEpoch,
            replicas: replicaNodes,
            inSyncReplicas: isrNodes,
            offlineReplicas,
          }
        })
        .sort((a, b) => a.partition - b.partition)
      // Partitions are looked up by number: a list with gaps is not whole, the next refresh brings it.
      if (partitions.some(({ partition }, place) => partition !== place)) continue
      if (old && !sameTopic) this.#topicIds.delete(old.topicId)
      this.#topics.set(name, { name, topicId: topic.topicId, isInternal: topic.isInternal, partitions })
      if (topic.topicId !== zeroUuid) this.#topicIds.set(topic.topicId, name)
    }
    this.#changed()
  }

  #forget(name: string): void {
    const known = this.#topics.get(name)
    if (!known) return
    this.#topics.delete(name)
    this.#topicIds.delete(known.topicId)
  }

  #changed(): void {
    this.version++
    for (const listener of [...this.#listeners]) listener()
  }

  #shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.#options.world.random.below(i + 1)
      ;[items[i], items[j]] = [items[j]!, items[i]!]
    }
    return items
  }
}
