import type { RecordHeader } from '../record.ts'
import type { InputBatch, InputCursor } from './input.ts'

export interface MemoryRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
}

/** A batch of records that never were on a wire. */
export class MemoryBatch implements InputBatch {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  readonly highWatermark: number
  readonly recordCount: number
  readonly #baseOffset: number
  readonly #records: readonly MemoryRecord[]

  constructor(topic: string, partition: number, baseOffset: number, records: readonly MemoryRecord[]) {
    this.topic = topic
    this.partition = partition
    this.nextOffset = baseOffset + records.length
    this.highWatermark = this.nextOffset
    this.recordCount = records.length
    this.#baseOffset = baseOffset
    this.#records = records
  }

  records(): InputCursor {
    return new MemoryCursor(this.#baseOffset, this.#records)
  }
}

const nothing = new Uint8Array(0)

class MemoryCursor implements InputCursor {
  offset: number
  timestamp = -1
  bytes: Uint8Array = nothing
  keyStart = 0
  keyLength = -1
  valueStart = 0
  valueLength = -1
  headerCount = 0
  /** There are no header bytes to read: `headers()` has them. */
  headersStart = 0
  recordEnd = 0
  #index = -1
  readonly #records: readonly MemoryRecord[]

  constructor(baseOffset: number, records: readonly MemoryRecord[]) {
    this.offset = baseOffset - 1
    this.#records = records
  }

  next(): boolean {
    const record = this.#records[++this.#index]
    if (record === undefined) return false
    const { key, value } = record
    this.offset++
    this.timestamp = record.timestamp
    this.headerCount = record.headers.length
    this.keyLength = key === null ? -1 : key.length
    this.valueLength = value === null ? -1 : value.length
    this.bytes = key === null ? (value ?? nothing) : value === null ? key : Buffer.concat([key, value])
    this.keyStart = 0
    this.valueStart = key === null ? 0 : key.length
    this.headersStart = this.recordEnd = this.bytes.length
    return true
  }

  headers(): { key: string; value: Uint8Array | null }[] {
    return [...this.#records[this.#index]!.headers]
  }
}
