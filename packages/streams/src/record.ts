export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** One record on its way through the pipeline: a plain object, so that `{ ...record, value }` is a whole record again. */
export interface StreamRecord<K, V> {
  readonly key: K
  readonly value: V
  /** Event time, milliseconds since the epoch, from 0. */
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
  /** The input record that this one came from. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export const noHeaders: readonly RecordHeader[] = Object.freeze([])
