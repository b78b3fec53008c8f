import type { Logger } from '@millrace/runtime'
import { messageOf } from '@millrace/runtime'
import type { BrokerMetadata, MetadataChange, MetadataView } from '../services.ts'
import { MetadataImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { TopicImage } from './partition-image.ts'

/** The committed metadata: each batch is applied whole, then told to the listeners. */
export class CommittedMetadata implements MetadataView {
  readonly image = new MetadataImage()
  readonly #listeners = new Set<(change: MetadataChange) => void>()
  readonly #logger: Logger
  #appliedOffset = -1
  /** Level of kraft.version: raft keeps it in control records, yet clients see it among the features. */
  kraftVersion = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get appliedOffset(): number {
    return this.#appliedOffset
  }

  topic(name: string): TopicImage | undefined {
    return this.image.topic(name)
  }
  topicById(topicId: string): TopicImage | undefined {
    return this.image.topicById(topicId)
  }
  topics(): Iterable<TopicImage> {
    return this.image.topics()
  }
  brokers(): Iterable<BrokerMetadata> {
    return this.image.brokers()
  }
  dynamicConfig(type: number, name: string): ReadonlyMap<string, string> {
    return this.image.dynamicConfig(type, name)
  }
  features(): ReadonlyMap<string, number> {
    const features = this.image.features()
    return this.kraftVersion === 0 ? features : new Map([...features, ['kraft.version', this.kraftVersion]])
  }

  subscribe(listener: (change: MetadataChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Nobody is told any more: the broker is closing. */
  unsubscribeAll(): void {
    this.#listeners.clear()
  }

  publish(records: readonly MetadataRecord[], nextOffset: number): void {
    for (const record of records) this.image.apply(record)
    this.#appliedOffset = nextOffset - 1
    const change = this.image.seal()
    const { topics, deletedTopics, configs, brokersChanged } = change
    if (topics.length + deletedTopics.length + configs.length === 0 && !brokersChanged) return
    for (const listener of [...this.#listeners]) {
      try {
        listener(change)
      } catch (error) {
        // One part that fails must not keep the others from the change.
        this.#logger.error('metadata.listener-failed', { offset: this.#appliedOffset, error: messageOf(error) })
      }
    }
  }
}
