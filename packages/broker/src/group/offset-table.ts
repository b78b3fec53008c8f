import type { CommittedOffset } from './group-records.ts'

/** The committed offsets of one group, and those of transactions that have not ended. */
export class OffsetTable {
  readonly #topics = new Map<string, Map<number, CommittedOffset>>()
  /** By producer id, then topic and partition. */
  readonly #pending = new Map<number, Map<string, Map<number, CommittedOffset>>>()

  get isEmpty(): boolean {
    return this.#topics.size === 0 && this.#pending.size === 0
  }

  get hasTransactions(): boolean {
    return this.#pending.size > 0
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#topics.get(topic)?.get(partition)
  }

  set(topic: string, partition: number, value: CommittedOffset): void {
    put(this.#topics, topic, partition, value)
  }

  delete(topic: string, partition: number): void {
    const partitions = this.#topics.get(topic)
    if (partitions?.delete(partition) && partitions.size === 0) this.#topics.delete(topic)
  }

  topics(): IterableIterator<[string, ReadonlyMap<number, CommittedOffset>]> {
    return this.#topics.entries()
  }

  partitionsOf(topic: string): ReadonlyMap<number, CommittedOffset> | undefined {
    return this.#topics.get(topic)
  }

  /** An offset that counts when the producer's transaction commits. */
  setPending(producerId: number, topic: string, partition: number, value: CommittedOffset): void {
    let topics = this.#pending.get(producerId)
    if (!topics) this.#pending.set(producerId, (topics = new Map()))
    put(topics, topic, partition, value)
  }

  /** The producer's transaction ended: its offsets count, or are dropped. */
  endTransaction(producerId: number, committed: boolean): void {
    const topics = this.#pending.get(producerId)
    this.#pending.delete(producerId)
    if (!committed || !topics) return
    for (const [topic, partitions] of topics) for (const [partition, value] of partitions) this.set(topic, partition, value)
  }

  hasPending(topic: string, partition: number): boolean {
    for (const topics of this.#pending.values()) if (topics.get(topic)?.has(partition)) return true
    return false
  }
}

function put(topics: Map<string, Map<number, CommittedOffset>>, topic: string, partition: number, value: CommittedOffset): void {
  let partitions = topics.get(topic)
  if (!partitions) topics.set(topic, (partitions = new Map()))
  partitions.set(partition, value)
}
