import { type CompressionCodec, compressionIdOf } from '../compression/codec.ts'
import { compress } from '../compression/index.ts'
import { crc32c } from '../crc32c.ts'
import { ErrorCode } from '../errors/error-code.ts'
import { KafkaError } from '../errors/kafka-error.ts'
import * as field from './batch-layout.ts'
import { BatchView, MAX_DECOMPRESSED_BYTES, type TimestampType } from './batch-view.ts'
import { CorruptBatchError } from './corrupt-batch.ts'
import { writeInt16, writeInt32, writeInt64 } from './integers.ts'
import { InvalidRecordsError, type RecordError } from './invalid-records.ts'
import type { RecordCursor } from './record-cursor.ts'

/** The settings of a topic (and the clock) that decide whether a produced batch is taken. */
export interface ProduceLimits {
  /** `max.message.bytes`: of the batch as it is stored. */
  readonly maxMessageBytes: number
  /** `cleanup.policy` has `compact`: every record needs a key. Default false. */
  readonly compacted?: boolean
  /** `message.timestamp.type`. Default CreateTime. */
  readonly timestampType?: TimestampType
  /** `message.timestamp.before.max.ms`, `message.timestamp.after.max.ms`: the window round now for CreateTime. Default: no limit. */
  readonly timestampBeforeMaxMs?: number
  readonly timestampAfterMaxMs?: number
  /** `compression.type`: the codec to store with; `producer`, the default, keeps the batch as it came. */
  readonly compressionType?: 'producer' | 'uncompressed' | CompressionCodec
  readonly compressionLevel?: number | undefined
  /** Most bytes that the records may unfold to. Default 100 MiB. */
  readonly maxDecompressedBytes?: number
}

export interface ProducedBatch {
  /** What to append: the client's bytes, corrected in place where need be, or new ones when the codec changed. */
  readonly bytes: Uint8Array
  readonly recordCount: number
  /** As stored; -1 when no record has a timestamp. */
  readonly maxTimestamp: number
  /** Of the first record with that timestamp, from the base offset; 0 under LogAppendTime. */
  readonly offsetDeltaOfMaxTimestamp: number
  /** What a produce response says: the time that the broker has set, -1 under CreateTime. */
  readonly logAppendTimeMs: number
}

/** Responses name so many records at most; the batch is refused as a whole in any case. */
const MAX_RECORD_ERRORS = 100

/**
 * Checks what a client produced to one partition, as Apache Kafka does before an append: one v2 batch and nothing else, its size and CRC, offsets
 * 0 to n-1, keys where the topic is compacted, timestamps inside the window. Applies the topic's timestamp type and codec.
 *
 * `bytes` are the broker's: max timestamp, timestamp type and CRC may be changed in place.
 *
 * @throws InvalidRecordsError for what a producer must change, CorruptBatchError for a wrong CRC, CompressionError for a bomb: each a KafkaError
 * with the code to answer
 */
export function validateProduced(bytes: Uint8Array | null, limits: ProduceLimits, nowMs: number): ProducedBatch {
  const batch = onlyBatch(bytes)
  checkSize(batch.sizeInBytes, limits)
  if (!batch.isCrcValid()) throw new CorruptBatchError(`the batch has CRC ${batch.crc}, its bytes have another`)
  checkHeader(batch)
  const isAppendTime = limits.timestampType === 'LogAppendTime'
  const { cursor, ...found } = checkRecords(batch, limits, isAppendTime, nowMs)
  const stored = recompressed(batch, bytes!, cursor, limits)
  if (stored !== bytes) checkSize(stored.length, limits)
  const maxTimestamp = isAppendTime ? nowMs : found.maxTimestamp
  setTimestamp(stored, isAppendTime, maxTimestamp)
  return {
    bytes: stored,
    recordCount: batch.recordCount,
    maxTimestamp,
    offsetDeltaOfMaxTimestamp: isAppendTime ? 0 : found.indexOfMaxTimestamp,
    logAppendTimeMs: isAppendTime ? nowMs : -1,
  }
}

function onlyBatch(bytes: Uint8Array | null): BatchView {
  if (bytes === null || bytes.length === 0) throw invalid('a produce request holds one batch for each partition, not none')
  let batch: BatchView | null
  try {
    batch = BatchView.at(bytes, 0)
  } catch (error) {
    throw error instanceof CorruptBatchError ? invalid(error.message) : error
  }
  if (batch === null) throw invalid('the batch is cut short')
  if (batch.sizeInBytes !== bytes.length) throw invalid('a produce request holds exactly one batch for each partition')
  return batch
}

function checkSize(sizeInBytes: number, { maxMessageBytes }: ProduceLimits): void {
  if (sizeInBytes <= maxMessageBytes) return
  throw new InvalidRecordsError(
    ErrorCode.MESSAGE_TOO_LARGE,
    `a batch of ${sizeInBytes} bytes is above max.message.bytes of the topic, ${maxMessageBytes}`,
  )
}

function checkHeader(batch: BatchView): void {
  const { recordCount, lastOffsetDelta } = batch
  if (recordCount <= 0) throw invalid(`a batch of ${recordCount} records`)
  if (lastOffsetDelta !== recordCount - 1) throw invalid(`${recordCount} records, but the last has offset ${lastOffsetDelta}`)
  if (batch.isControl) throw invalid('clients may not write control records')
  if (batch.deleteHorizonMs !== null) throw invalid('clients may not set a delete horizon')
  if (batch.timestampType !== 'CreateTime') {
    throw new InvalidRecordsError(ErrorCode.INVALID_TIMESTAMP, 'clients may not set LogAppendTime: the topic does')
  }
  if (batch.producerId >= 0 && batch.baseSequence < 0)
    throw invalid(`sequence ${batch.baseSequence} of producer ${batch.producerId}`)
  if (batch.isTransactional && batch.producerId < 0) throw invalid('a transactional batch without a producer id')
}

function checkRecords(
  batch: BatchView,
  limits: ProduceLimits,
  isAppendTime: boolean,
  nowMs: number,
): { cursor: RecordCursor; maxTimestamp: number; indexOfMaxTimestamp: number } {
  const needsKey = limits.compacted ?? false
  const earliest = isAppendTime ? -Infinity : nowMs - (limits.timestampBeforeMaxMs ?? Infinity)
  const latest = isAppendTime ? Infinity : nowMs + (limits.timestampAfterMaxMs ?? Infinity)
  const cursor = wellFormed(() => batch.records({ maxBytes: limits.maxDecompressedBytes ?? MAX_DECOMPRESSED_BYTES }))
  const step = () => {
    if (!cursor.next()) return false
    cursor.checkHeaders()
    return true
  }
  const baseOffset = cursor.baseOffset
  let maxTimestamp = -1
  let indexOfMaxTimestamp = 0
  let errors: RecordError[] | null = null
  let hasBadTime = false
  while (wellFormed(step)) {
    const { index, timestamp } = cursor
    if (cursor.offset - baseOffset !== index)
      throw invalid(`record ${index} has offset ${cursor.offset - baseOffset} in its batch`)
    if (timestamp > maxTimestamp) {
      maxTimestamp = timestamp
      indexOfMaxTimestamp = index
    }
    const isBadTime = (timestamp < earliest || timestamp > latest) && timestamp !== -1
    if (!isBadTime && (cursor.keyLength >= 0 || !needsKey)) continue
    hasBadTime ||= isBadTime
    errors ??= []
    if (errors.length < MAX_RECORD_ERRORS) {
      errors.push({
        batchIndex: index,
        batchIndexErrorMessage: isBadTime
          ? `timestamp ${timestamp} is outside of ${earliest} to ${latest}, the window of the topic`
          : 'a record without a key, but the topic is compacted',
      })
    }
  }
  if (errors === null) return { cursor, maxTimestamp, indexOfMaxTimestamp }
  throw new InvalidRecordsError(
    hasBadTime ? ErrorCode.INVALID_TIMESTAMP : ErrorCode.INVALID_RECORD,
    `the batch is refused for record ${errors[0]!.batchIndex}: ${errors[0]!.batchIndexErrorMessage}`,
    errors,
  )
}

/** Behind a CRC that fits, damage is the producer's own: INVALID_RECORD, which nobody sends again, and not CORRUPT_MESSAGE. */
function wellFormed<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof KafkaError && error.errorCode === ErrorCode.CORRUPT_MESSAGE) throw invalid(error.message)
    throw error
  }
}

/** The batch with the codec of its topic. The records' own bytes stay: offsets and timestamps in them are relative. */
function recompressed(batch: BatchView, bytes: Uint8Array, cursor: RecordCursor, limits: ProduceLimits): Uint8Array {
  const { compressionType = 'producer' } = limits
  const target = compressionType === 'uncompressed' ? 'none' : compressionType
  if (target === 'producer' || target === batch.compression) return bytes
  const section = compress(target, cursor.bytes.subarray(cursor.sectionStart, cursor.sectionEnd), limits.compressionLevel)
  const made = Buffer.allocUnsafeSlow(field.HEADER_BYTES + section.length)
  made.set(bytes.subarray(0, field.HEADER_BYTES))
  made.set(section, field.HEADER_BYTES)
  writeInt32(made, field.BATCH_LENGTH, made.length - field.LENGTH_OVERHEAD)
  writeInt16(made, field.ATTRIBUTES, (batch.attributes & ~field.CODEC_MASK) | compressionIdOf(target))
  writeCrc(made)
  return made
}

function setTimestamp(bytes: Uint8Array, isAppendTime: boolean, maxTimestamp: number): void {
  const batch = BatchView.at(bytes, 0)!
  if (batch.maxTimestamp === maxTimestamp && !isAppendTime) return
  if (isAppendTime) writeInt16(bytes, field.ATTRIBUTES, batch.attributes | field.LOG_APPEND_TIME)
  writeInt64(bytes, field.MAX_TIMESTAMP, maxTimestamp)
  writeCrc(bytes)
}

function writeCrc(bytes: Uint8Array): void {
  writeInt32(bytes, field.CRC, crc32c(bytes, field.ATTRIBUTES, bytes.length))
}

function invalid(message: string): InvalidRecordsError {
  return new InvalidRecordsError(ErrorCode.INVALID_RECORD, message)
}
