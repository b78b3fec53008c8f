import { noHeaders, type RecordHeader, type StreamRecord } from '../record.ts'
import { hasSlices, type Serde, type SliceSerde } from '../serde/serde.ts'
import type { SourceNode } from '../topology/node.ts'
import type { InputCheckpoint } from './checkpoint.ts'
import type { InputBatch, InputCursor } from './input.ts'
import { origin, originHeaderKey, readOrigin } from './origin.ts'
import type { TaskMetrics } from './task-metrics.ts'

/** What a queue asks of its task. */
export interface QueueOwner {
  readonly metrics: TaskMetrics
  /** Bytes that their serde can't read: returns when the record is to be skipped, throws when the task is to fail. */
  deserializationFailed(error: unknown, queue: PartitionQueue, part: 'key' | 'value', offset: number): void
}

/**
 * The fetched batches of one input partition. Batches stay bytes; the record at the head is decoded when it is its turn, or earlier when its
 * time comes out of its content.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly source: SourceNode
  /** The next offset to process: what a commit writes. */
  position: number
  /** Greatest event time so far, -1 at first. */
  timeMs: number
  /** Records at hand. */
  buffered = 0
  /** The partition's end, as far as known. */
  endOffset: number
  /** The event time of the record at the head; valid after `hasHead` has said true. */
  headTimestamp = -1
  /** A head that waits for its serde. */
  pending: Promise<void> | null = null
  readonly #owner: QueueOwner
  readonly #batches: InputBatch[] = []
  #cursor: InputCursor | null = null
  #batch: InputBatch | null = null
  #hasHead = false
  #isDecoded = false
  #key: any = null
  #value: any = null
  #failure: { readonly error: unknown } | null = null
  readonly #keySlices: SliceSerde<any> | null
  readonly #valueSlices: SliceSerde<any> | null
  readonly #seen: Map<number, [number, number]> | null
  /** Of the record at the head. */
  #hasOrigin = false
  #originSource = 0
  #originOffset = 0
  #originIndex = 0
  /** Records of the current batch that have not come yet. A batch tells more than its cursor gives where reading begins within it. */
  #left = 0

  constructor(
    topic: string,
    partition: number,
    source: SourceNode,
    start: InputCheckpoint,
    endOffset: number,
    owner: QueueOwner,
  ) {
    this.topic = topic
    this.partition = partition
    this.source = source
    this.position = start.offset
    this.timeMs = start.timeMs
    this.endOffset = endOffset
    this.#owner = owner
    this.#keySlices = hasSlices(source.key) ? source.key : null
    this.#valueSlices = hasSlices(source.value) ? source.value : null
    this.#seen = source.repartition
      ? new Map(Object.entries(start.seen ?? {}).map(([from, [offset, index]]) => [Number(from), [offset, index]]))
      : null
  }

  add(batch: InputBatch): void {
    if (batch.highWatermark > this.endOffset) this.endOffset = batch.highWatermark
    if (batch.nextOffset <= this.position) return
    this.#batches.push(batch)
    this.buffered += batch.recordCount
  }

  /** Forgets what was fetched: the next batch begins at `position`. */
  clear(): void {
    this.#batches.length = 0
    this.#cursor = null
    this.#batch = null
    this.#hasHead = false
    this.#isDecoded = false
    this.pending = null
    this.buffered = 0
  }

  /** Records may be on the broker that have not been fetched. */
  get isBehind(): boolean {
    const last = this.#batches.at(-1) ?? this.#batch
    return Math.max(last?.nextOffset ?? 0, this.position) < this.endOffset
  }

  get checkpoint(): InputCheckpoint {
    const { position: offset, timeMs } = this
    return this.#seen === null || this.#seen.size === 0
      ? { offset, timeMs }
      : { offset, timeMs, seen: Object.fromEntries([...this.#seen].map(([from, last]) => [from, [...last] as const])) }
  }

  /** Goes on to the next record if there is none at the head. False: nothing is at hand, or it waits for its serde. */
  hasHead(): boolean {
    if (this.#hasHead) return true
    if (this.pending !== null) return false
    if (this.#failure !== null) throw this.#failure.error
    for (;;) {
      if (this.#cursor === null && !this.#nextBatch()) return false
      const cursor = this.#cursor!
      if (!cursor.next()) {
        this.position = Math.max(this.position, this.#batch!.nextOffset)
        this.#cursor = null
        this.buffered -= this.#left
        continue
      }
      this.buffered--
      this.#left--
      if (cursor.offset < this.position) continue
      if (this.#seen !== null && cursor.headerCount > 0 && this.#isRepeated(cursor)) {
        this.#owner.metrics.repeated++
        this.position = cursor.offset + 1
        continue
      }
      if (this.source.timestamp === null) {
        if (cursor.timestamp < 0) {
          this.#owner.deserializationFailed(
            new Error(`Record has the timestamp ${cursor.timestamp}`),
            this,
            'value',
            cursor.offset,
          )
          this.#drop()
          continue
        }
        this.headTimestamp = cursor.timestamp
        return (this.#hasHead = true)
      }
      if (!this.#decode()) {
        if (this.pending !== null) return false
        continue
      }
      if (!this.#extractTime(this.source.timestamp)) continue
      return (this.#hasHead = true)
    }
  }

  /** The record at the head, which is no longer there then; null when it can't be read and is skipped, or waits for its serde (`pending`). */
  take(): StreamRecord<any, any> | null {
    if (!this.#isDecoded && !this.#decode()) return null
    const cursor = this.#cursor!
    const record: StreamRecord<any, any> = {
      key: this.#key,
      value: this.#value,
      timestamp: this.headTimestamp,
      headers: cursor.headerCount === 0 ? noHeaders : this.#headers(cursor),
      topic: this.topic,
      partition: this.partition,
      offset: cursor.offset,
    }
    this.#hasHead = false
    this.#isDecoded = false
    this.#value = null
    if (this.#hasOrigin) this.#noteOrigin()
    if (this.headTimestamp > this.timeMs) this.timeMs = this.headTimestamp
    return record
  }

  #nextBatch(): boolean {
    const batch = this.#batches.shift()
    if (batch === undefined) return false
    this.#batch = batch
    this.#cursor = batch.records()
    this.#left = batch.recordCount
    return true
  }

  /** False: skipped, or `pending` is set. */
  #decode(): boolean {
    const cursor = this.#cursor!
    let part: 'key' | 'value' = 'key'
    try {
      const key = this.#partOf(cursor, cursor.keyStart, cursor.keyLength, this.source.key, this.#keySlices)
      part = 'value'
      const value = this.#partOf(cursor, cursor.valueStart, cursor.valueLength, this.source.value, this.#valueSlices)
      if (key instanceof Promise || value instanceof Promise) {
        this.#wait(key, value, cursor.offset)
        return false
      }
      this.#key = key
      this.#value = value
    } catch (error) {
      this.#owner.deserializationFailed(error, this, part, cursor.offset)
      this.#drop()
      return false
    }
    return (this.#isDecoded = true)
  }

  #partOf(cursor: InputCursor, start: number, length: number, serde: Serde<any>, slices: SliceSerde<any> | null): any {
    if (length < 0) return null
    if (slices !== null) return slices.deserializeSlice(this.topic, cursor.bytes, start, length)
    return serde.deserialize(this.topic, cursor.bytes.subarray(start, start + length))
  }

  /** The serde has to fetch something: the record goes on when it is there. A failure is thrown when the task next asks for the head. */
  #wait(key: unknown, value: unknown, offset: number): void {
    const hadHead = this.#hasHead
    const cursor = this.#cursor
    this.#hasHead = false
    const settle = (act: () => void) => {
      // Forgotten meanwhile.
      if (this.#cursor !== cursor) return
      this.pending = null
      try {
        act()
      } catch (error) {
        this.#failure = { error }
      }
    }
    this.pending = Promise.all([key, value]).then(
      ([decodedKey, decodedValue]) =>
        settle(() => {
          this.#key = decodedKey
          this.#value = decodedValue
          this.#isDecoded = true
          this.#hasHead = hadHead || this.source.timestamp === null || this.#extractTime(this.source.timestamp)
        }),
      error =>
        settle(() => {
          this.#owner.deserializationFailed(error, this, 'value', offset)
          this.#drop()
        }),
    )
  }

  #extractTime(extract: NonNullable<SourceNode['timestamp']>): boolean {
    const { timestamp, offset } = this.#cursor!
    let time: number
    try {
      time = extract(
        { key: this.#key, value: this.#value, timestamp, topic: this.topic, partition: this.partition, offset },
        this.timeMs,
      )
    } catch (error) {
      this.#owner.deserializationFailed(error, this, 'value', offset)
      this.#drop()
      return false
    }
    if (!(time >= 0)) {
      this.#owner.metrics.dropped++
      this.#drop()
      return false
    }
    this.headTimestamp = time
    return true
  }

  #drop(): void {
    this.position = this.#cursor!.offset + 1
    this.#hasHead = false
    this.#isDecoded = false
  }

  #headers(cursor: InputCursor): readonly RecordHeader[] {
    const { bytes, headersStart: at } = cursor
    if (this.#seen !== null && cursor.headerCount === 1 && bytes[at] === 4 && bytes[at + 1] === 0x5f && bytes[at + 2] === 0x6f)
      return noHeaders
    const headers = cursor.headers()
    if (this.#seen === null) return headers
    const others = headers.filter(header => header.key !== originHeaderKey)
    return others.length === 0 ? noHeaders : others
  }

  /** Its origin is not above the last one taken. Nothing is noted yet: a commit may come before the record is taken. */
  #isRepeated(cursor: InputCursor): boolean {
    this.#hasOrigin = readOriginOf(cursor)
    if (!this.#hasOrigin) return false
    this.#originSource = origin.source
    this.#originOffset = origin.offset
    this.#originIndex = origin.index
    const last = this.#seen!.get(origin.source)
    return last !== undefined && (origin.offset < last[0] || (origin.offset === last[0] && origin.index <= last[1]))
  }

  #noteOrigin(): void {
    this.#hasOrigin = false
    const last = this.#seen!.get(this.#originSource)
    if (last === undefined) {
      this.#seen!.set(this.#originSource, [this.#originOffset, this.#originIndex])
    } else {
      last[0] = this.#originOffset
      last[1] = this.#originIndex
    }
  }
}

/** Reads the origin header of a record; where it is the only header, without making objects of the headers. */
function readOriginOf(cursor: InputCursor): boolean {
  const { bytes, headersStart: at, recordEnd } = cursor
  // One header `_o`: a key of two characters (as a varint 4), then a value of less than 64 bytes.
  if (cursor.headerCount === 1 && bytes[at] === 4 && bytes[at + 1] === 0x5f && bytes[at + 2] === 0x6f && bytes[at + 3]! < 0x80)
    return readOrigin(bytes, at + 4, recordEnd)
  const value = cursor.headers().findLast(header => header.key === originHeaderKey)?.value
  return value ? readOrigin(value, 0, value.length) : false
}
