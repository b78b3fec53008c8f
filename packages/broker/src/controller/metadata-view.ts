import type { Logger } from '@millrace/runtime'
import { messageOf } from '@millrace/runtime'
import type { BrokerMetadata, MetadataChange, MetadataView } from '../services.ts'
import { MetadataImage } from './image.ts'
import { metadataDifference } from './metadata-difference.ts'
import type { MetadataRecord } from './metadata-record.ts'
import type { TopicImage } from './partition-image.ts'

/** The committed metadata: each batch is applied whole, then told to the listeners. */
export class CommittedMetadata implements MetadataView {
  readonly #listeners = new Set<(change: MetadataChange) => void>()
  readonly #waiting: { readonly offset: number; readonly done: () => void }[] = []
  readonly #logger: Logger
  #image = new MetadataImage()
  #appliedOffset = -1
  /** Level of kraft.version: raft keeps it in control records, yet clients see it among the features. */
  kraftVersion: () => number = () => 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Another object after a snapshot was loaded. */
  get image(): MetadataImage {
    return this.#image
  }
  get appliedOffset(): number {
    return this.#appliedOffset
  }

  topic(name: string): TopicImage | undefined {
    return this.#image.topic(name)
  }
  topicById(topicId: string): TopicImage | undefined {
    return this.#image.topicById(topicId)
  }
  topics(): Iterable<TopicImage> {
    return this.#image.topics()
  }
  brokers(): Iterable<BrokerMetadata> {
    return this.#image.brokers()
  }
  dynamicConfig(type: number, name: string): ReadonlyMap<string, string> {
    return this.#image.dynamicConfig(type, name)
  }
  configured(type: number): readonly string[] {
    return this.image.configured(type)
  }
  features(): ReadonlyMap<string, number> {
    const features = this.#image.features()
    const level = this.kraftVersion()
    return level === 0 ? features : new Map([...features, ['kraft.version', level]])
  }

  subscribe(listener: (change: MetadataChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Nobody is told any more: the broker is closing. */
  unsubscribeAll(): void {
    this.#listeners.clear()
  }

  /** Calls `done` when the record at `offset` is applied. */
  whenApplied(offset: number, done: () => void): void {
    if (offset <= this.#appliedOffset) done()
    else this.#waiting.push({ offset, done })
  }

  publish(records: readonly MetadataRecord[], nextOffset: number): void {
    for (const record of records) this.#image.apply(record)
    this.#applied(nextOffset, this.#image.seal())
  }

  /** A snapshot that ends at `endOffset` replaces everything; what is different is told as one change. */
  replace(records: Iterable<MetadataRecord>, endOffset: number): void {
    const before = this.#image
    this.#image = new MetadataImage()
    for (const record of records) this.#image.apply(record)
    this.#image.seal()
    this.#applied(endOffset, metadataDifference(before, this.#image))
  }

  #applied(nextOffset: number, change: MetadataChange): void {
    this.#appliedOffset = nextOffset - 1
    const { topics, deletedTopics, configs, brokersChanged } = change
    if (topics.length + deletedTopics.length + configs.length > 0 || brokersChanged) this.#tell(change)
    if (this.#waiting.length === 0) return
    const due = this.#waiting.filter(({ offset }) => offset <= this.#appliedOffset)
    const later = this.#waiting.filter(({ offset }) => offset > this.#appliedOffset)
    this.#waiting.splice(0, Infinity, ...later)
    for (const { done } of due) done()
  }

  #tell(change: MetadataChange): void {
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
