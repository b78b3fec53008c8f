import { type CompressionCodec, compressionCodecs } from '../compression/codec.ts'
import { decompress } from '../compression/index.ts'
import { crc32c } from '../crc32c.ts'
import * as field from './batch-layout.ts'
import { CorruptBatchError } from './corrupt-batch.ts'
import { readInt16, readInt32, readInt64, writeInt32, writeInt64 } from './integers.ts'
import { RecordCursor } from './record-cursor.ts'

export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** What `records()` unfolds a compressed batch to at most, unless told otherwise: Kafka's largest request. */
export const MAX_DECOMPRESSED_BYTES = 100 * 1024 * 1024

/**
 * A v2 record batch inside a larger buffer. Nothing is copied or decoded until asked for; the view is good for as long as
 * the buffer underneath is not changed.
 */
export class BatchView {
  /** The buffer that holds the batch; the batch is `buffer[offset .. offset + sizeInBytes)`. */
  readonly buffer: Uint8Array
  readonly offset: number
  /** Of the whole batch, header included. */
  readonly sizeInBytes: number

  private constructor(buffer: Uint8Array, offset: number, sizeInBytes: number) {
    this.buffer = buffer
    this.offset = offset
    this.sizeInBytes = sizeInBytes
  }

  /**
   * The batch that starts at `offset`, or null when the buffer ends before it does.
   *
   * @throws CorruptBatchError when what stands there can't be a v2 batch: wrong length, another magic byte
   */
  static at(bytes: Uint8Array, offset: number): BatchView | null {
    const left = bytes.length - offset
    if (left < field.MAGIC + 1) return null
    const magic = bytes[offset + field.MAGIC]!
    if (magic !== 2) {
      throw new CorruptBatchError(`message format ${magic} at byte ${offset}`, {
        hint: 'only batches of format 2 (Kafka 0.11 and later) can be read',
      })
    }
    const sizeInBytes = readInt32(bytes, offset + field.BATCH_LENGTH) + field.LENGTH_OVERHEAD
    if (sizeInBytes < field.HEADER_BYTES) throw new CorruptBatchError(`a batch of ${sizeInBytes} bytes at byte ${offset}`)
    return left < sizeInBytes ? null : new BatchView(bytes, offset, sizeInBytes)
  }

  /** The batch's own bytes: a view, not a copy. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(this.offset, this.offset + this.sizeInBytes)
  }
  get baseOffset(): number {
    return this.#safe(field.BASE_OFFSET, 'base offset')
  }
  /** Compaction keeps it: it may be greater than the offset of the last record that is still there. */
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }
  /** Where the log goes on after this batch. */
  get nextOffset(): number {
    return this.lastOffset + 1
  }
  get lastOffsetDelta(): number {
    return readInt32(this.buffer, this.offset + field.LAST_OFFSET_DELTA)
  }
  get partitionLeaderEpoch(): number {
    return readInt32(this.buffer, this.offset + field.PARTITION_LEADER_EPOCH)
  }
  get attributes(): number {
    return readInt16(this.buffer, this.offset + field.ATTRIBUTES)
  }
  /** @throws CorruptBatchError for an id that no codec has */
  get compression(): CompressionCodec {
    const id = this.attributes & field.CODEC_MASK
    const codec = compressionCodecs[id]
    if (codec === undefined) throw new CorruptBatchError(`unknown compression type ${id}`)
    return codec
  }
  get timestampType(): TimestampType {
    return this.attributes & field.LOG_APPEND_TIME ? 'LogAppendTime' : 'CreateTime'
  }
  get isTransactional(): boolean {
    return (this.attributes & field.TRANSACTIONAL) !== 0
  }
  get isControl(): boolean {
    return (this.attributes & field.CONTROL) !== 0
  }
  /** When tombstones and markers in this batch may go (KIP-534), or null before the cleaner has met them. */
  get deleteHorizonMs(): number | null {
    return this.attributes & field.DELETE_HORIZON ? this.baseTimestamp : null
  }
  /** What timestamp deltas are relative to; the delete horizon in a batch that has one. */
  get baseTimestamp(): number {
    return this.#safe(field.BASE_TIMESTAMP, 'base timestamp')
  }
  get maxTimestamp(): number {
    return this.#safe(field.MAX_TIMESTAMP, 'max timestamp')
  }
  /** -1: none. */
  get producerId(): number {
    return this.#safe(field.PRODUCER_ID, 'producer id')
  }
  get producerEpoch(): number {
    return readInt16(this.buffer, this.offset + field.PRODUCER_EPOCH)
  }
  /** -1: none. */
  get baseSequence(): number {
    return readInt32(this.buffer, this.offset + field.BASE_SEQUENCE)
  }
  /** Sequences run from 0 to 2^31 - 1 and start again. */
  get lastSequence(): number {
    const base = this.baseSequence
    return base < 0 ? -1 : (base + this.lastOffsetDelta) % 0x8000_0000
  }
  get recordCount(): number {
    return readInt32(this.buffer, this.offset + field.RECORD_COUNT)
  }
  /** As stored, unsigned. */
  get crc(): number {
    return readInt32(this.buffer, this.offset + field.CRC) >>> 0
  }

  isCrcValid(): boolean {
    return crc32c(this.buffer, this.offset + field.ATTRIBUTES, this.offset + this.sizeInBytes) === this.crc
  }

  /**
   * A cursor before the first record. Uncompressed records are read where they are; others are unfolded once into a new buffer.
   *
   * @param options.maxBytes most bytes to unfold to, 100 MiB by default
   * @throws CorruptBatchError when the batch contradicts itself, here or as the cursor moves
   * @throws CompressionError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE above `maxBytes`
   */
  records(options: { maxBytes?: number } = {}): RecordCursor {
    const codec = this.compression
    const start = this.offset + field.HEADER_BYTES
    const end = this.offset + this.sizeInBytes
    if (codec === 'none') return new RecordCursor(this, this.buffer, start, end)
    if (this.recordCount === 0 && start === end) return new RecordCursor(this, this.buffer, start, end)
    const unfolded = decompress(codec, this.buffer.subarray(start, end), options.maxBytes ?? MAX_DECOMPRESSED_BYTES)
    return new RecordCursor(this, unfolded, 0, unfolded.length)
  }

  #safe(at: number, what: string): number {
    const value = readInt64(this.buffer, this.offset + at)
    if (!Number.isSafeInteger(value)) throw new CorruptBatchError(`the ${what} is beyond 2^53`)
    return value
  }
}

/** The batches of `bytes` one after another; ends before a batch that is not whole, as fetch responses may. Throws as `BatchView.at`. */
export function* batchesIn(bytes: Uint8Array, start = 0): Generator<BatchView, void, undefined> {
  for (let at = start; ; ) {
    const batch = BatchView.at(bytes, at)
    if (batch === null) return
    yield batch
    at += batch.sizeInBytes
  }
}

/** What the leader decides about a batch that starts at `offset`. In place: the CRC does not cover these fields. */
export function setBaseOffsetAndEpoch(bytes: Uint8Array, offset: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(bytes, offset + field.BASE_OFFSET, baseOffset)
  writeInt32(bytes, offset + field.PARTITION_LEADER_EPOCH, leaderEpoch)
}
