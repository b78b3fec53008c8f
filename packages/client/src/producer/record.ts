import type { HeaderDraft } from '@millrace/protocol'

/** What is sent. Bytes are copied before `send` and `append` return; text is written as UTF-8. */
export interface ProducerRecord {
  readonly topic: string
  /** Left out: chosen by the key's hash, or, without a key, by load. */
  readonly partition?: number | undefined
  readonly key?: Uint8Array | string | null | undefined
  /** Null is a tombstone. */
  readonly value: Uint8Array | string | null
  /** Milliseconds since the epoch; default: now. */
  readonly timestamp?: number | undefined
  readonly headers?: readonly HeaderDraft[] | undefined
}

/** Where a record went. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1 with acks=0, and for a batch that the broker recognised as a duplicate too old to know its place. */
  readonly offset: number
  /** The record's own, or the broker's where the topic takes LogAppendTime. */
  readonly timestamp: number
}
