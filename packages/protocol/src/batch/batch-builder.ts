import { assert } from '@millrace/runtime'
import { type CompressionCodec, compressionIdOf } from '../compression/codec.ts'
import { compress } from '../compression/index.ts'
import { crc32c } from '../crc32c.ts'
import * as field from './batch-layout.ts'
import type { HeaderDraft } from './header.ts'
import { readInt32, writeInt16, writeInt32, writeInt64 } from './integers.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

export interface BatchBuilderOptions {
  /** Default `none`. */
  readonly compression?: CompressionCodec
  /** The codec's own scale; its default if left out. */
  readonly compressionLevel?: number
  /** Size limit of the batch before compression, header included. The first record is taken however large it is. */
  readonly maxBytes: number
  /** Size of the buffer at first; it doubles when full. Default: 16 KiB, or `maxBytes` if less. */
  readonly initialBytes?: number
  /** Default 0. Clients leave it: the leader sets it. */
  readonly baseOffset?: number
  /** Default -1. Clients leave it: the leader sets it. */
  readonly partitionLeaderEpoch?: number
  /** Default -1: not idempotent. */
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
  /** Milliseconds: every record gets this time, and the batch says LogAppendTime. */
  readonly logAppendTime?: number
}

/** Node's own methods of Buffer, absent from its types: they skip the checks that `write` repeats. */
interface RawBuffer extends Buffer {
  utf8Write(text: string, at: number): number
}

type Part = Uint8Array | string | null

/** Text of up to this many characters is copied here, without a call into native code. */
const SHORT_TEXT = 24
/** The same of bytes. */
const SHORT_BYTES = 32

/** The varint of -1. */
const NULL_LENGTH = 1

/** Varint of the record length, and the room that `utf8Write` needs to show that text was not ASCII. */
const SLACK_BYTES = 16

const DEFAULT_INITIAL_BYTES = 16 * 1024

/**
 * Writes records straight into one growing buffer with room for the batch header in front.
 *
 * `build()` gives a view of that buffer (a new array when compressed): the bytes are the caller's until `reset()`, which starts the next
 * batch in the same memory. A caller that keeps the bytes longer makes a new builder instead.
 */
export class BatchBuilder {
  readonly maxBytes: number
  /** May be set until `build()`: a producer learns these as it sends. */
  producerId: number
  producerEpoch: number
  baseSequence: number
  transactional: boolean
  baseOffset: number
  partitionLeaderEpoch: number

  readonly #codec: CompressionCodec
  readonly #level: number | undefined
  readonly #control: boolean
  readonly #logAppendTime: number | undefined
  #buffer: RawBuffer
  #position = field.HEADER_BYTES
  #count = 0
  #lastOffsetDelta = -1
  #baseTimestamp = -1
  #maxTimestamp = -1

  constructor(options: BatchBuilderOptions) {
    this.maxBytes = options.maxBytes
    this.producerId = options.producerId ?? -1
    this.producerEpoch = options.producerEpoch ?? -1
    this.baseSequence = options.baseSequence ?? -1
    this.transactional = options.transactional ?? false
    this.baseOffset = options.baseOffset ?? 0
    this.partitionLeaderEpoch = options.partitionLeaderEpoch ?? -1
    this.#codec = options.compression ?? 'none'
    this.#level = options.compressionLevel
    this.#control = options.control ?? false
    this.#logAppendTime = options.logAppendTime
    const initialBytes = options.initialBytes ?? Math.min(options.maxBytes, DEFAULT_INITIAL_BYTES)
    this.#buffer = allocate(Math.max(initialBytes, field.HEADER_BYTES) + SLACK_BYTES)
  }

  get recordCount(): number {
    return this.#count
  }

  /** Of the batch as it stands, header included, before compression. */
  get sizeInBytes(): number {
    return this.#position
  }

  /** Greatest timestamp so far, -1 without records. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  /** Memory held, whether full or not. */
  get capacityBytes(): number {
    return this.#buffer.length
  }

  /**
   * Copies a record in, at the offset behind the last one. Says false and changes nothing when it does not fit `maxBytes`.
   *
   * @param timestamp milliseconds, a safe integer
   * @param key text is written as UTF-8
   */
  append(timestamp: number, key: Part, value: Part, headers?: readonly HeaderDraft[]): boolean {
    return this.appendAt(this.#lastOffsetDelta + 1, timestamp, key, value, headers)
  }

  /** As `append`, at `offsetDelta` behind the base offset; deltas must grow (compaction leaves gaps). */
  appendAt(offsetDelta: number, timestamp: number, key: Part, value: Part, headers?: readonly HeaderDraft[]): boolean {
    assert(Number.isSafeInteger(timestamp), 'a timestamp is a safe integer of milliseconds')
    assert(offsetDelta > this.#lastOffsetDelta, 'offset deltas grow')
    const first = this.#count === 0
    const timestampDelta = first ? 0 : timestamp - this.#baseTimestamp
    assert(Number.isSafeInteger(timestampDelta), 'timestamps of one batch are less than 2^53 apart')
    // Text is taken for ASCII at first, one byte a character: the usual case costs one pass, and the writing shows when it is wrong.
    let end = this.#write(offsetDelta, timestampDelta, key, lengthOf(key), value, lengthOf(value), headers, false)
    if (end === NOT_ASCII) {
      end = this.#write(offsetDelta, timestampDelta, key, exactLengthOf(key), value, exactLengthOf(value), headers, true)
    }
    if (end === DOES_NOT_FIT) return false
    if (first) this.#baseTimestamp = timestamp
    if (first || timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    this.#position = end
    this.#lastOffsetDelta = offsetDelta
    this.#count++
    return true
  }

  /**
   * Completes the header and the CRC. Records can't be added any more until `reset()`.
   *
   * A record section that a codec does not make smaller is left as it is, and the attributes say so.
   */
  build(): Uint8Array {
    const { HEADER_BYTES } = field
    let bytes: Uint8Array = this.#buffer
    let end = this.#position
    let codec: CompressionCodec = 'none'
    if (this.#codec !== 'none' && this.#count > 0) {
      const packed = compress(this.#codec, bytes.subarray(HEADER_BYTES, end), this.#level)
      if (packed.length < end - HEADER_BYTES) {
        codec = this.#codec
        end = HEADER_BYTES + packed.length
        bytes = Buffer.allocUnsafeSlow(end)
        bytes.set(packed, HEADER_BYTES)
      }
    }
    const appendTime = this.#logAppendTime
    writeInt64(bytes, field.BASE_OFFSET, this.baseOffset)
    writeInt32(bytes, field.BATCH_LENGTH, end - field.LENGTH_OVERHEAD)
    writeInt32(bytes, field.PARTITION_LEADER_EPOCH, this.partitionLeaderEpoch)
    bytes[field.MAGIC] = 2
    writeInt16(
      bytes,
      field.ATTRIBUTES,
      compressionIdOf(codec) |
        (appendTime === undefined ? 0 : field.LOG_APPEND_TIME) |
        (this.transactional ? field.TRANSACTIONAL : 0) |
        (this.#control ? field.CONTROL : 0),
    )
    writeInt32(bytes, field.LAST_OFFSET_DELTA, this.#lastOffsetDelta)
    writeInt64(bytes, field.BASE_TIMESTAMP, this.#baseTimestamp)
    writeInt64(bytes, field.MAX_TIMESTAMP, appendTime ?? this.#maxTimestamp)
    writeInt64(bytes, field.PRODUCER_ID, this.producerId)
    writeInt16(bytes, field.PRODUCER_EPOCH, this.producerEpoch)
    writeInt32(bytes, field.BASE_SEQUENCE, this.baseSequence)
    writeInt32(bytes, field.RECORD_COUNT, this.#count)
    writeInt32(bytes, field.CRC, crc32c(bytes, field.ATTRIBUTES, end))
    return bytes.subarray(0, end)
  }

  /** Starts an empty batch in the same memory: bytes that `build()` gave are overwritten from now on. Producer fields stay. */
  reset(): void {
    this.#position = field.HEADER_BYTES
    this.#count = 0
    this.#lastOffsetDelta = -1
    this.#baseTimestamp = -1
    this.#maxTimestamp = -1
  }

  /**
   * Writes one record whose parts have these lengths behind the last one; returns where it ends, NOT_ASCII or DOES_NOT_FIT.
   * Varints of one and two bytes are written here: calls would cost as much as the rest.
   */
  #write(
    offsetDelta: number,
    timestampDelta: number,
    key: Part,
    keyLength: number,
    value: Part,
    valueLength: number,
    headers: readonly HeaderDraft[] | undefined,
    isExact: boolean,
  ): number {
    const headersLength = headers === undefined || headers.length === 0 ? 1 : lengthOfHeaders(headers, isExact)
    const length =
      1 +
      (timestampDelta >= -64 && timestampDelta < 64 ? 1 : sizeOfVarlong(timestampDelta)) +
      (offsetDelta < 64 ? 1 : sizeOfVarint(offsetDelta)) +
      (keyLength < 0 ? 1 : sizeOfLength(keyLength) + keyLength) +
      (valueLength < 0 ? 1 : sizeOfLength(valueLength) + valueLength) +
      headersLength
    const start = this.#position
    const end = start + sizeOfLength(length) + length
    if (end > this.maxBytes && this.#count > 0) return DOES_NOT_FIT
    if (end + SLACK_BYTES > this.#buffer.length) this.#grow(end + SLACK_BYTES)
    const buffer = this.#buffer
    let at = start
    if (length < 64) buffer[at++] = length << 1
    else if (length < 8192) {
      buffer[at] = (length << 1) | 0x80
      buffer[at + 1] = length >>> 6
      at += 2
    } else at = writeVarint(buffer, at, length)
    buffer[at++] = 0
    if (timestampDelta >= 0 && timestampDelta < 64) buffer[at++] = timestampDelta << 1
    else at = writeVarlong(buffer, at, timestampDelta)
    if (offsetDelta < 64) buffer[at++] = offsetDelta << 1
    else at = writeVarint(buffer, at, offsetDelta)
    if (key === null) buffer[at++] = NULL_LENGTH
    else {
      at = writeLength(buffer, at, keyLength)
      if (typeof key !== 'string') copyInto(buffer, at, key)
      else if (writeText(buffer, at, key) !== keyLength) return NOT_ASCII
      at += keyLength
    }
    if (value === null) buffer[at++] = NULL_LENGTH
    else {
      at = writeLength(buffer, at, valueLength)
      if (typeof value !== 'string') copyInto(buffer, at, value)
      else if (writeText(buffer, at, value) !== valueLength) return NOT_ASCII
      at += valueLength
    }
    if (headersLength === 1) buffer[at] = 0
    else if (!writeHeaders(buffer, at, headers!, isExact)) return NOT_ASCII
    return end
  }

  #grow(neededBytes: number): void {
    const larger = allocate(Math.max(neededBytes, Math.min(this.#buffer.length * 2, this.maxBytes + SLACK_BYTES)))
    larger.set(this.#buffer.subarray(0, this.#position))
    this.#buffer = larger
  }
}

const NOT_ASCII = -1
const DOES_NOT_FIT = -2

function allocate(bytes: number): RawBuffer {
  return Buffer.allocUnsafeSlow(bytes) as RawBuffer
}

/**
 * Writes UTF-8 and returns its length. Behind `at` there is room for the characters and 4 bytes more, so that text outside ASCII, which
 * stops at the end of the buffer, still writes more bytes than it has characters.
 */
function writeText(buffer: RawBuffer, at: number, text: string): number {
  const length = text.length
  if (length > SHORT_TEXT) return buffer.utf8Write(text, at)
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return buffer.utf8Write(text, at)
    buffer[at + index] = code
  }
  return length
}

/** Bytes of the header count and the headers; unless `isExact` text counts a byte a character. */
function lengthOfHeaders(headers: readonly HeaderDraft[], isExact: boolean): number {
  let length = sizeOfVarint(headers.length)
  for (let index = 0; index < headers.length; index++) {
    const { key, value } = headers[index]!
    const keyLength = isExact ? Buffer.byteLength(key) : key.length
    const valueLength = isExact ? exactLengthOf(value) : lengthOf(value)
    length += sizeOfLength(keyLength) + keyLength + (valueLength < 0 ? 1 : sizeOfLength(valueLength) + valueLength)
  }
  return length
}

/** Says false when text was not ASCII although it was counted so. */
function writeHeaders(buffer: RawBuffer, at: number, headers: readonly HeaderDraft[], isExact: boolean): boolean {
  at = writeVarint(buffer, at, headers.length)
  for (let index = 0; index < headers.length; index++) {
    const { key, value } = headers[index]!
    const keyLength = isExact ? Buffer.byteLength(key) : key.length
    at = writeLength(buffer, at, keyLength)
    if (writeText(buffer, at, key) !== keyLength) return false
    at += keyLength
    if (value === null) {
      buffer[at++] = NULL_LENGTH
      continue
    }
    const valueLength = isExact ? exactLengthOf(value) : value.length
    at = writeLength(buffer, at, valueLength)
    if (typeof value !== 'string') copyInto(buffer, at, value)
    else if (writeText(buffer, at, value) !== valueLength) return false
    at += valueLength
  }
  return true
}

/** Characters or bytes; -1 for null. */
function lengthOf(part: Part): number {
  return part === null ? -1 : part.length
}

function exactLengthOf(part: Part): number {
  return part === null ? -1 : typeof part === 'string' ? Buffer.byteLength(part) : part.length
}

function sizeOfLength(length: number): number {
  return length < 64 ? 1 : length < 8192 ? 2 : sizeOfVarint(length)
}

function writeLength(buffer: RawBuffer, at: number, length: number): number {
  if (length < 64) {
    buffer[at] = length << 1
    return at + 1
  }
  if (length < 8192) {
    buffer[at] = (length << 1) | 0x80
    buffer[at + 1] = length >>> 6
    return at + 2
  }
  return writeVarint(buffer, at, length)
}

function copyInto(buffer: RawBuffer, at: number, bytes: Uint8Array): void {
  const length = bytes.length
  if (length > SHORT_BYTES) buffer.set(bytes, at)
  else for (let index = 0; index < length; index++) buffer[at + index] = bytes[index]!
}

/** An upper bound of what a record adds to a batch of its own, header included: what a producer checks against its largest request. */
export function estimateSizeInBytes(key: Part, value: Part, headers: readonly HeaderDraft[] = []): number {
  const fixed = 5 + 1 + 10 + 5 + 5 + 5
  return (
    field.HEADER_BYTES +
    fixed +
    Math.max(exactLengthOf(key), 0) +
    Math.max(exactLengthOf(value), 0) +
    lengthOfHeaders(headers, true)
  )
}

/** Puts a producer's identity into a finished batch, in place, and renews its CRC: for a retry under a new epoch. */
export function stamp(batch: Uint8Array, identity: { producerId: number; producerEpoch: number; baseSequence: number }): void {
  assert(batch.length >= field.HEADER_BYTES && batch[field.MAGIC] === 2, 'a whole v2 batch')
  const end = readInt32(batch, field.BATCH_LENGTH) + field.LENGTH_OVERHEAD
  assert(end <= batch.length, 'a whole v2 batch')
  writeInt64(batch, field.PRODUCER_ID, identity.producerId)
  writeInt16(batch, field.PRODUCER_EPOCH, identity.producerEpoch)
  writeInt32(batch, field.BASE_SEQUENCE, identity.baseSequence)
  writeInt32(batch, field.CRC, crc32c(batch, field.ATTRIBUTES, end))
}
