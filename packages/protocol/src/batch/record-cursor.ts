import { LOG_APPEND_TIME, MIN_HEADER_BYTES, MIN_RECORD_BYTES } from './batch-layout.ts'
import { CorruptBatchError } from './corrupt-batch.ts'
import type { Header } from './header.ts'
import { readVarint, readVarlong, varintEnd } from './varint.ts'

/** What a cursor needs to know of its batch. */
export interface BatchFacts {
  readonly attributes: number
  readonly baseOffset: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly lastOffsetDelta: number
  readonly recordCount: number
}

/**
 * Walks the records of one batch without an object per record: after `next()` has said true the fields are those of the current record.
 * Positions count into `bytes`, which lives as long as the cursor's owner keeps it.
 */
export class RecordCursor {
  /** The (unfolded) record section lies in here. */
  readonly bytes: Uint8Array
  /** Records of the batch, as its header says. */
  readonly recordCount: number
  readonly baseOffset: number
  /** The record section in `bytes`: its first byte and the first behind it. */
  readonly sectionStart: number
  readonly sectionEnd: number
  /** Of the current record in its batch, from 0; -1 before the first. */
  index = -1
  offset = -1
  /** Milliseconds; the batch's max timestamp under LogAppendTime; -1 for none. */
  timestamp = -1
  /** First byte of the record, its length included, and the first behind it. */
  recordStart = 0
  recordEnd: number
  keyStart = 0
  /** -1: null. */
  keyLength = -1
  valueStart = 0
  /** -1: null. */
  valueLength = -1
  headerCount = 0
  headersStart = 0

  readonly #baseTimestamp: number
  readonly #lastOffsetDelta: number
  /** Every record's timestamp under LogAppendTime. */
  readonly #appendTime: number
  readonly #hasAppendTime: boolean

  /** Use `BatchView.records()`. The records of `batch` are `bytes[start..end)`, not compressed. */
  constructor(batch: BatchFacts, bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.recordCount = batch.recordCount
    this.recordEnd = start
    this.sectionStart = start
    this.sectionEnd = end
    this.baseOffset = batch.baseOffset
    this.#baseTimestamp = batch.baseTimestamp
    this.#lastOffsetDelta = batch.lastOffsetDelta
    this.#appendTime = batch.maxTimestamp
    this.#hasAppendTime = (batch.attributes & LOG_APPEND_TIME) !== 0
    if (this.recordCount < 0 || this.recordCount * MIN_RECORD_BYTES > end - start) {
      throw new CorruptBatchError(`${this.recordCount} records can't be in ${end - start} bytes`)
    }
    if (this.#lastOffsetDelta < this.recordCount - 1) {
      throw new CorruptBatchError(`${this.recordCount} records with a last offset delta of ${this.#lastOffsetDelta}`)
    }
    if (!Number.isSafeInteger(this.baseOffset + this.#lastOffsetDelta)) throw new CorruptBatchError('offsets beyond 2^53')
  }

  /**
   * Goes to the next record; false behind the last.
   *
   * @throws CorruptBatchError when lengths or counts don't fit, or bytes are left over behind the last record
   */
  next(): boolean {
    const bytes = this.bytes
    const start = this.recordEnd
    if (++this.index >= this.recordCount) {
      this.index = this.recordCount
      if (start !== this.sectionEnd) throw new CorruptBatchError(`${this.sectionEnd - start} bytes behind the last record`)
      return false
    }
    // Where one byte is enough it is decoded here; the position only grows, so that the checks of lengths cover every read.
    let at = start
    let byte = bytes[at++]!
    let length: number
    if (byte < 0x80) length = (byte >>> 1) ^ -(byte & 1)
    else {
      const second = bytes[at]!
      if (second < 0x80) {
        length = ((byte & 0x7f) | (second << 7)) >>> 1
        if (byte & 1) length = ~length
        at++
      } else {
        length = readVarint(bytes, start, this.sectionEnd)
        at = varintEnd
      }
    }
    const end = at + length
    if (length < MIN_RECORD_BYTES - 1 || end > this.sectionEnd) {
      throw new CorruptBatchError(`record ${this.index} has a length of ${length}, ${this.sectionEnd - at} bytes are left`)
    }
    at++ // attributes of a record: none are defined

    byte = bytes[at]!
    let timestampDelta: number
    if (byte < 0x80) {
      timestampDelta = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      timestampDelta = readVarlong(bytes, at, end)
      at = varintEnd
    }

    byte = bytes[at]!
    let offsetDelta: number
    if (byte < 0x80) {
      offsetDelta = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      offsetDelta = readVarint(bytes, at, end)
      at = varintEnd
    }
    if (offsetDelta < 0 || offsetDelta > this.#lastOffsetDelta) {
      throw new CorruptBatchError(
        `record ${this.index} has an offset delta of ${offsetDelta}, the last one is ${this.#lastOffsetDelta}`,
      )
    }

    byte = bytes[at]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      length = readVarint(bytes, at, end)
      at = varintEnd
    }
    this.keyStart = at
    this.keyLength = length
    if (length > 0) at += length
    if (length < -1 || at >= end) this.#badLength('key', length)

    byte = bytes[at]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      const second = bytes[at + 1]!
      if (second < 0x80) {
        length = ((byte & 0x7f) | (second << 7)) >>> 1
        if (byte & 1) length = ~length
        at += 2
      } else {
        length = readVarint(bytes, at, end)
        at = varintEnd
      }
    }
    this.valueStart = at
    this.valueLength = length
    if (length > 0) at += length
    if (length < -1 || at >= end) this.#badLength('value', length)

    byte = bytes[at]!
    let headerCount: number
    if (byte < 0x80) {
      headerCount = (byte >>> 1) ^ -(byte & 1)
      at++
    } else {
      headerCount = readVarint(bytes, at, end)
      at = varintEnd
    }
    if (headerCount === 0 ? at !== end : headerCount < 0 || headerCount * MIN_HEADER_BYTES > end - at) {
      throw new CorruptBatchError(`record ${this.index} has ${headerCount} headers in ${end - at} bytes`)
    }
    this.headersStart = at
    this.headerCount = headerCount
    this.recordStart = start
    this.recordEnd = end
    this.offset = this.baseOffset + offsetDelta
    if (this.#hasAppendTime) this.timestamp = this.#appendTime
    else {
      const timestamp = this.#baseTimestamp + timestampDelta
      if (!Number.isSafeInteger(timestamp)) throw new CorruptBatchError(`record ${this.index} has a timestamp beyond 2^53`)
      this.timestamp = timestamp
    }
    return true
  }

  /** A view of the key's bytes, null if it is null. */
  key(): Uint8Array | null {
    return this.keyLength < 0 ? null : this.bytes.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  /** A view of the value's bytes, null if it is null. */
  value(): Uint8Array | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  /** The headers, decoded now; values are views. @throws CorruptBatchError when they don't fit their record */
  headers(): Header[] {
    if (this.headerCount === 0) return []
    const made: Header[] = []
    this.#walkHeaders(made)
    return made
  }

  /** Checks the headers as `headers()` does, and makes nothing. */
  checkHeaders(): void {
    if (this.headerCount !== 0) this.#walkHeaders(null)
  }

  #walkHeaders(into: Header[] | null): void {
    const { bytes, recordEnd: end } = this
    let at = this.headersStart
    for (let left = this.headerCount; left > 0; left--) {
      const keyLength = readVarint(bytes, at, end)
      const keyStart = varintEnd
      if (keyLength < 0 || keyStart + keyLength > end) this.#badLength('header key', keyLength)
      const valueLength = readVarint(bytes, keyStart + keyLength, end)
      at = varintEnd
      const valueStart = at
      if (valueLength > 0) at += valueLength
      if (valueLength < -1 || at > end) this.#badLength('header value', valueLength)
      into?.push({
        key: text(bytes, keyStart, keyStart + keyLength),
        value: valueLength < 0 ? null : bytes.subarray(valueStart, at),
      })
    }
    if (at !== end) throw new CorruptBatchError(`record ${this.index} has ${end - at} bytes behind its headers`)
  }

  #badLength(what: string, length: number): never {
    throw new CorruptBatchError(`record ${this.index} has a ${what} length of ${length}`)
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
}
