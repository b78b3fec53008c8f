import type { TopicPartition } from '@millrace/client'
import type { ChangelogReader } from '../run/restore.ts'
import type { InputBatch } from './input.ts'
import { MemoryBatch, type MemoryRecord } from './memory-batch.ts'

/** Reads lists of records, topics of one partition, as a consumer without a group reads a broker's. */
export class TopicReader implements ChangelogReader {
  readonly #topics: ReadonlyMap<string, readonly MemoryRecord[]>
  readonly #positions = new Map<string, number>()

  constructor(topics: ReadonlyMap<string, readonly MemoryRecord[]>) {
    this.#topics = topics
  }

  async beginningOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return partitions.map(() => 0)
  }

  async endOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return partitions.map(({ topic }) => this.#topics.get(topic)?.length ?? 0)
  }

  assign(partitions: readonly TopicPartition[]): void {
    this.#positions.clear()
    for (const { topic } of partitions) this.#positions.set(topic, 0)
  }

  seek({ topic }: TopicPartition, offset: number): void {
    this.#positions.set(topic, offset)
  }

  position({ topic }: TopicPartition): number | null {
    return this.#positions.get(topic) ?? null
  }

  async poll(): Promise<InputBatch[]> {
    const batches: InputBatch[] = []
    for (const [topic, position] of this.#positions) {
      const records = this.#topics.get(topic) ?? []
      if (position >= records.length) continue
      batches.push(new MemoryBatch(topic, 0, position, records.slice(position)))
      this.#positions.set(topic, records.length)
    }
    return batches
  }
}
