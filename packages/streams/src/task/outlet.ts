import type { RecordHeader } from '../record.ts'

/** Where records leave a task: the producer, or the lists of a test driver. Records are taken at once; a failure comes with the next commit. */
export interface Outlet {
  /** `partition` undefined: by the key's hash, as Kafka's default partitioner does. A string key is its UTF-8 bytes. Bytes and headers belong to the caller again after the call. */
  send(
    topic: string,
    partition: number | undefined,
    key: Uint8Array | string | null,
    value: Uint8Array | null,
    timestamp: number,
    headers: readonly RecordHeader[],
  ): void
  /** The partition of the default partitioner for these key bytes. */
  partitionOf(topic: string, key: Uint8Array): number
  /** No more should be sent before the next turn. */
  readonly isFull: boolean
}
