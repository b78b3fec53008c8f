import type { BatchView, Header, RecordCursor } from '@millrace/protocol'

/** A record batch of one partition, as the broker has it: bytes, decoded when they are asked for. */
export interface ConsumedBatch {
  readonly topic: string
  readonly partition: number
  /** First offset that the cursor gives, or before the first record that is left after compaction. */
  readonly baseOffset: number
  /** Where reading goes on after this batch: what to commit when it is done with. */
  readonly nextOffset: number
  /** End of what consumers can read, when the batch was fetched. */
  readonly highWatermark: number
  /** Records in the batch; some at its beginning are passed over when reading starts within it. */
  readonly recordCount: number
  /** On the wire. */
  readonly sizeInBytes: number
  /** Of the leader that wrote it; for commits (KIP-320). */
  readonly leaderEpoch: number
  /**
   * A new cursor in front of the first record at or behind `baseOffset`. Decompresses if need be. Throws CorruptBatchError or
   * CompressionError.
   */
  records(): RecordCursor
}

/** A record as an object, for `Consumer.messages()`. */
export interface Message {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Views of the fetched bytes: they are not changed, and live as long as they are held. */
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

/** A batch between fetch and reader. */
export class FetchedBatch implements ConsumedBatch {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  nextOffset: number
  readonly highWatermark: number
  readonly view: BatchView
  readonly #maxDecompressedBytes: number

  constructor(
    topic: string,
    partition: number,
    view: BatchView,
    fromOffset: number,
    highWatermark: number,
    maxDecompressedBytes: number,
  ) {
    this.topic = topic
    this.partition = partition
    this.view = view
    this.baseOffset = Math.max(fromOffset, view.baseOffset)
    this.nextOffset = view.nextOffset
    this.highWatermark = highWatermark
    this.#maxDecompressedBytes = maxDecompressedBytes
  }

  get recordCount(): number {
    return this.view.recordCount
  }

  get sizeInBytes(): number {
    return this.view.sizeInBytes
  }

  get leaderEpoch(): number {
    return this.view.partitionLeaderEpoch
  }

  records(): RecordCursor {
    const cursor = this.view.records({ maxBytes: this.#maxDecompressedBytes })
    if (this.baseOffset > this.view.baseOffset) passOver(cursor, this.baseOffset)
    return cursor
  }
}

/** Moves the cursor so that its next record is the first at or behind `offset`. */
function passOver(cursor: RecordCursor, offset: number): void {
  while (cursor.next())
    if (cursor.offset >= offset) {
      // One step back: `next` reads from where the last record ended.
      cursor.recordEnd = cursor.recordStart
      cursor.index--
      return
    }
}

export function messageOf(batch: ConsumedBatch, cursor: RecordCursor): Message {
  return {
    topic: batch.topic,
    partition: batch.partition,
    offset: cursor.offset,
    timestamp: cursor.timestamp,
    key: cursor.key(),
    value: cursor.value(),
    headers: cursor.headers(),
  }
}
