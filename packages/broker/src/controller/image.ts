import type { RegisterBrokerRecord, RegisterControllerRecord } from '@millrace/protocol'
import { assert } from '@millrace/runtime'
import type { BrokerMetadata, MetadataChange } from '../services.ts'
import { isDirectoryOnline } from './directory-id.ts'
import { KeptRecords } from './kept-records.ts'
import { type MetadataRecord, partitionChange } from './metadata-record.ts'
import { changedPartition, type PartitionImage, partitionOf, partitionRecordOf, type TopicImage } from './partition-image.ts'
import { collisionKey } from './topic-name.ts'

/** A registered broker. Immutable. */
export interface BrokerImage extends BrokerMetadata {
  readonly incarnationId: string
  readonly inControlledShutdown: boolean
  readonly logDirs: readonly string[]
  readonly registration: RegisterBrokerRecord
}

const noSettings: ReadonlyMap<string, string> = new Map()
const allOnline: readonly number[] = []

/**
 * The fold of the metadata log: `apply` takes one record after the other, `seal` ends a batch and tells what changed in it. What it hands
 * out is immutable; a change puts new objects in their places. The controller has one image at the end of the log, the broker's view
 * another one at the high watermark.
 */
export class MetadataImage {
  readonly #topics = new Map<string, TopicImage>()
  readonly #topicNames = new Map<string, string>()
  readonly #topicsByCollision = new Map<string, string>()
  readonly #brokers = new Map<number, BrokerImage>()
  readonly #configs = new Map<string, Map<string, string>>()
  readonly #features = new Map<string, number>()
  readonly #controllers = new Map<number, RegisterControllerRecord>()
  readonly #kept = new KeptRecords()
  #nextProducerId = 0

  /** Of the batch that is being applied: topics whose list of partitions is already a copy of its own. */
  readonly #touched = new Set<string>()
  readonly #deleted = new Map<string, TopicImage>()
  readonly #configsTouched = new Map<string, { type: number; name: string }>()
  #brokersChanged = false
  #transaction: MetadataRecord[] | null = null

  readonly #offlineOf = (replicas: readonly number[], directories: readonly string[]): readonly number[] => {
    const isOnline = (id: number, index: number) => this.#isOnline(id, directories[index])
    return replicas.every(isOnline) ? allOnline : replicas.filter((id, index) => !isOnline(id, index))
  }

  topic(name: string): TopicImage | undefined {
    return this.#topics.get(name)
  }
  topicById(topicId: string): TopicImage | undefined {
    const name = this.#topicNames.get(topicId)
    return name === undefined ? undefined : this.#topics.get(name)
  }
  /** The topic of this name or of one that collides with it. */
  topicLike(name: string): TopicImage | undefined {
    const taken = this.#topicsByCollision.get(collisionKey(name))
    return taken === undefined ? undefined : this.#topics.get(taken)
  }
  topics(): Iterable<TopicImage> {
    return this.#topics.values()
  }
  broker(id: number): BrokerImage | undefined {
    return this.#brokers.get(id)
  }
  brokers(): Iterable<BrokerImage> {
    return this.#brokers.values()
  }
  /** The controllers that registered. */
  controllers(): Iterable<RegisterControllerRecord> {
    return this.#controllers.values()
  }
  /** The broker is unfenced, and the disk of the replica's directory works. */
  #isOnline(brokerId: number, directory: string | undefined): boolean {
    const broker = this.#brokers.get(brokerId)
    if (broker === undefined || broker.fenced) return false
    return directory === undefined || isDirectoryOnline(directory, broker.logDirs)
  }

  /** Registered and not fenced. */
  isActive(brokerId: number): boolean {
    return this.#brokers.get(brokerId)?.fenced === false
  }
  /** Registered, unfenced and not shutting down: its replicas may be in sync and lead. */
  isEligible(brokerId: number): boolean {
    const broker = this.#brokers.get(brokerId)
    return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
  }
  dynamicConfig(type: number, name: string): ReadonlyMap<string, string> {
    return this.#configs.get(`${type}:${name}`) ?? noSettings
  }
  /** Names of the resources of a type that have settings. */
  configured(type: number): string[] {
    const prefix = `${type}:`
    return [...this.#configs.keys()].filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length))
  }
  features(): ReadonlyMap<string, number> {
    return this.#features
  }
  /** The first producer id that no broker was given. */
  get nextProducerId(): number {
    return this.#nextProducerId
  }

  /** In the middle of a transaction of the log (KIP-868), whose records take effect at its end: no moment for a snapshot. */
  get inTransaction(): boolean {
    return this.#transaction !== null
  }

  apply(record: MetadataRecord): void {
    if (record.type === 'BeginTransactionRecord') this.#transaction = []
    else if (record.type === 'AbortTransactionRecord') this.#transaction = null
    else if (record.type === 'EndTransactionRecord') {
      const records = this.#transaction ?? []
      this.#transaction = null
      for (const each of records) this.#apply(each)
    } else if (this.#transaction) this.#transaction.push(record)
    else this.#apply(record)
  }

  /** Ends a batch: what changed since the last one. */
  seal(): MetadataChange {
    const change: MetadataChange = {
      topics: [...this.#touched].map(name => this.#topics.get(name)!),
      deletedTopics: [...this.#deleted.values()],
      configs: [...this.#configsTouched.values()],
      brokersChanged: this.#brokersChanged,
    }
    this.#touched.clear()
    this.#deleted.clear()
    this.#configsTouched.clear()
    this.#brokersChanged = false
    return change
  }

  /** The records of a snapshot: applied to an empty image they make this one. */
  *records(): Generator<MetadataRecord> {
    // Features come first, as Kafka's own readers learn from them how to read the rest.
    const level = this.#features.get('metadata.version')
    if (level !== undefined) yield { type: 'FeatureLevelRecord', value: { name: 'metadata.version', featureLevel: level } }
    for (const [name, featureLevel] of this.#features)
      if (name !== 'metadata.version') yield { type: 'FeatureLevelRecord', value: { name, featureLevel } }
    for (const broker of this.#brokers.values()) yield { type: 'RegisterBrokerRecord', value: broker.registration }
    for (const topic of this.#topics.values()) {
      const { name, topicId } = topic
      yield { type: 'TopicRecord', value: { name, topicId } }
      for (const [index, partition] of topic.partitions.entries())
        yield { type: 'PartitionRecord', value: partitionRecordOf(topicId, index, partition) }
    }
    for (const [key, settings] of this.#configs) {
      const separator = key.indexOf(':')
      const resource = { resourceType: Number(key.slice(0, separator)), resourceName: key.slice(separator + 1) }
      for (const [name, value] of settings) yield { type: 'ConfigRecord', value: { ...resource, name, value } }
    }
    for (const value of this.#controllers.values()) yield { type: 'RegisterControllerRecord', value }
    yield* this.#kept.records()
  }

  #apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'TopicRecord':
        this.#topics.set(record.value.name, { ...record.value, partitions: [] })
        this.#topicNames.set(record.value.topicId, record.value.name)
        this.#topicsByCollision.set(collisionKey(record.value.name), record.value.name)
        this.#touched.add(record.value.name)
        return
      case 'PartitionRecord':
        this.#partitionsOf(record.value.topicId)[record.value.partitionId] = partitionOf(record.value, this.#offlineOf)
        return
      case 'PartitionChangeRecord': {
        const { topicId, partitionId } = record.value
        const partitions = this.#partitionsOf(topicId)
        const before = partitions[partitionId]
        assert(before !== undefined, `metadata: a change of partition ${partitionId} of ${topicId}, which is not there`)
        partitions[partitionId] = changedPartition(before, record.value, this.#offlineOf)
        return
      }
      case 'RemoveTopicRecord':
        this.#removeTopic(record.value.topicId)
        return
      case 'ClearElrRecord':
        this.#clearElr(record.value.topicName)
        return
      case 'ConfigRecord':
        this.#setConfig(record.value.resourceType, record.value.resourceName, record.value.name, record.value.value)
        return
      case 'RegisterBrokerRecord':
        this.#setBroker(brokerOf(record.value))
        return
      case 'BrokerRegistrationChangeRecord': {
        const { brokerId, fenced, inControlledShutdown, logDirs, cordonedLogDirs } = record.value
        const before = this.#registered(brokerId).registration
        this.#setBroker(
          brokerOf({
            ...before,
            fenced: fenced === 0 ? before.fenced : fenced > 0,
            inControlledShutdown: inControlledShutdown === 0 ? before.inControlledShutdown : inControlledShutdown > 0,
            logDirs: logDirs.length > 0 ? logDirs : before.logDirs,
            cordonedLogDirs: cordonedLogDirs ?? before.cordonedLogDirs,
          }),
        )
        return
      }
      case 'FenceBrokerRecord':
      case 'UnfenceBrokerRecord':
        this.#setBroker(
          brokerOf({ ...this.#registered(record.value.id).registration, fenced: record.type === 'FenceBrokerRecord' }),
        )
        return
      case 'UnregisterBrokerRecord':
        if (this.#brokers.delete(record.value.brokerId)) this.#brokersChanged = true
        return
      case 'RegisterControllerRecord':
        this.#controllers.set(record.value.controllerId, record.value)
        return
      case 'UnregisterControllerRecord':
        this.#controllers.delete(record.value.controllerId)
        return
      case 'FeatureLevelRecord':
        if (record.value.featureLevel === 0) this.#features.delete(record.value.name)
        else this.#features.set(record.value.name, record.value.featureLevel)
        return
      case 'ProducerIdsRecord':
        this.#nextProducerId = record.value.nextProducerId
        this.#kept.apply(record)
        return
      case 'NoOpRecord':
        return
      default:
        this.#kept.apply(record)
    }
  }

  /** The topic's partitions, a copy that may be written until the batch ends. */
  #partitionsOf(topicId: string): PartitionImage[] {
    const topic = this.topicById(topicId)
    assert(topic !== undefined, `metadata: a partition of ${topicId}, which is not there`)
    if (!this.#touched.has(topic.name)) {
      this.#touched.add(topic.name)
      this.#topics.set(topic.name, { ...topic, partitions: [...topic.partitions] })
    }
    return this.#topics.get(topic.name)!.partitions as PartitionImage[]
  }

  #removeTopic(topicId: string): void {
    const topic = this.topicById(topicId)
    assert(topic !== undefined, `metadata: the removal of ${topicId}, which is not there`)
    this.#topics.delete(topic.name)
    this.#topicNames.delete(topicId)
    this.#topicsByCollision.delete(collisionKey(topic.name))
    this.#touched.delete(topic.name)
    this.#deleted.set(topicId, topic)
    // Kafka writes no ConfigRecords for a deleted topic: its settings go with it.
    this.#configs.delete(`2:${topic.name}`)
  }

  #clearElr(topicName: string): void {
    const topics =
      topicName === '' ? [...this.#topics.values()] : [this.#topics.get(topicName)].filter(topic => topic !== undefined)
    for (const { topicId, partitions } of topics) {
      for (const [index, partition] of partitions.entries()) {
        if (partition.eligibleLeaderReplicas.length + partition.lastKnownEligibleLeaderReplicas.length === 0) continue
        const { value } = partitionChange({ topicId, partitionId: index, eligibleLeaderReplicas: [], lastKnownElr: [] })
        this.#partitionsOf(topicId)[index] = changedPartition(partition, value, this.#offlineOf)
      }
    }
  }

  #setConfig(type: number, name: string, key: string, value: string | null): void {
    const id = `${type}:${name}`
    // A new map: those that were handed out must not change.
    const settings = new Map(this.#configs.get(id))
    if (value === null) settings.delete(key)
    else settings.set(key, value)
    if (settings.size === 0) this.#configs.delete(id)
    else this.#configs.set(id, settings)
    this.#configsTouched.set(id, { type, name })
  }

  #registered(id: number): BrokerImage {
    const broker = this.#brokers.get(id)
    assert(broker !== undefined, `metadata: a change of broker ${id}, which is not registered`)
    return broker
  }

  #setBroker(broker: BrokerImage): void {
    this.#brokers.set(broker.id, broker)
    this.#brokersChanged = true
  }
}

function brokerOf(registration: RegisterBrokerRecord): BrokerImage {
  const { brokerId, brokerEpoch, rack, fenced, endPoints, incarnationId, inControlledShutdown, logDirs } = registration
  return {
    id: brokerId,
    epoch: brokerEpoch,
    rack,
    fenced,
    listeners: endPoints,
    incarnationId,
    inControlledShutdown,
    logDirs,
    registration,
  }
}
