import { type Producer, partitionOfKey } from '@millrace/client'
import type { RecordHeader } from '../record.ts'
import type { Outlet } from '../task/outlet.ts'

interface Waiting {
  topic: string
  partition?: number
  key: Uint8Array | string | null
  value: Uint8Array | null
  timestamp: number
  headers: RecordHeader[]
}

/** The producer as tasks see it: takes every record at once. What the producer has no room for waits here, and tasks stop until it is gone. */
export class ProducerOutlet implements Outlet {
  readonly #producer: Producer
  readonly #partitionCounts: ReadonlyMap<string, number>
  #waiting: Waiting[] = []

  /** `partitionCounts`: of every topic that the application writes to. */
  constructor(producer: Producer, partitionCounts: ReadonlyMap<string, number>) {
    this.#producer = producer
    this.#partitionCounts = partitionCounts
  }

  get isFull(): boolean {
    return this.#waiting.length > 0
  }

  partitionOf(topic: string, key: Uint8Array): number {
    return partitionOfKey(key, this.#partitionCounts.get(topic)!)
  }

  send(
    topic: string,
    partition: number | undefined,
    key: Uint8Array | string | null,
    value: Uint8Array | null,
    timestamp: number,
    headers: readonly RecordHeader[],
  ): void {
    const record: Waiting = { topic, key, value, timestamp, headers: headers as RecordHeader[] }
    if (partition !== undefined) record.partition = partition
    if (this.#waiting.length === 0 && this.#producer.append(record)) return
    // Bytes may be used again by whoever made them.
    this.#waiting.push({
      ...record,
      key: copied(key),
      value: copied(value) as Uint8Array | null,
      headers: headers.map(header => ({ key: header.key, value: copied(header.value) as Uint8Array | null })),
    })
  }

  /** Resolves when everything has been handed to the producer. Rejects as the producer does. */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#producer.ready()
      const waiting = this.#waiting
      let taken = 0
      while (taken < waiting.length && this.#producer.append(waiting[taken]!)) taken++
      waiting.splice(0, taken)
    }
  }

  /** Forgets what waits: its tasks go back to their last commit. */
  clear(): void {
    this.#waiting = []
  }
}

function copied(bytes: Uint8Array | string | null): Uint8Array | string | null {
  return bytes instanceof Uint8Array ? Uint8Array.prototype.slice.call(bytes) : bytes
}
