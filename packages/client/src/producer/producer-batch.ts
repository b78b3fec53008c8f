import { type BatchBuilder, BatchView, type HeaderDraft, type RecordCursor, stamp } from '@millrace/protocol'
import type { PartitionQueue } from './partition-queue.ts'
import type { RecordMetadata } from './record.ts'
import { addToSequence, type ProducerIdentity } from './sequence.ts'

/** Records of one partition that travel together, from the first `append` to the broker's answer. */
export class ProducerBatch {
  readonly queue: PartitionQueue
  readonly createdAtMs: number
  /** Place among the partition's batches. Parts of a batch that was split have its number. */
  readonly ordinal: number
  /** Takes records until the batch is sealed. */
  builder: BatchBuilder | null
  /** The finished batch. It is never changed while a request that carries it has no answer. */
  bytes: Uint8Array | null = null
  recordCount = 0
  /** Memory that the batch holds, as the buffer limit counts it. */
  heldBytes = 0
  /** Of the first record; -1 before the batch was first sent by an idempotent producer. Stays with the batch through retries. */
  baseSequence = -1
  identity: ProducerIdentity | null = null
  attempts = 0
  /** Some attempt may have been written without our knowing. */
  mayBeWritten = false
  /** The broker has since said that it lacks the batch: its number was not the next one. */
  isMissing = false
  /** Its records are being compressed elsewhere. */
  isPacking = false
  /** No longer waits for more records. */
  isReady = false
  /** The caller has its answer (the time was up), though a request is still out. */
  isAbandoned = false
  #observers = 0
  #settled: Promise<void> | undefined
  #settle: (() => void) | undefined
  #isSettled = false
  #baseOffset = -1
  #logAppendTimeMs = -1
  #error: Error | undefined
  /** What the batch was split into, in the order of its records. */
  #parts: readonly ProducerBatch[] | undefined
  /** Whose memory `bytes` are, unless compressed. */
  #built: BatchBuilder | undefined

  constructor(queue: PartitionQueue, builder: BatchBuilder, createdAtMs: number, ordinal: number) {
    this.queue = queue
    this.ordinal = ordinal
    this.builder = builder
    this.createdAtMs = createdAtMs
    this.heldBytes = builder.capacityBytes
  }

  /** Upper bound of the bytes on the wire. */
  get sizeInBytes(): number {
    return this.bytes?.length ?? this.builder?.sizeInBytes ?? 0
  }

  /** Only an attempt under the same number can tell whether it is written. */
  get isUnresolved(): boolean {
    return this.mayBeWritten && !this.isMissing
  }

  get failure(): Error | undefined {
    return this.#error
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Failures of records whose promises nobody looks at go to `flush` and `onError`. */
  get isUnobserved(): boolean {
    return this.#observers < this.recordCount
  }

  append(
    timestamp: number,
    key: Uint8Array | string | null,
    value: Uint8Array | string | null,
    headers: readonly HeaderDraft[] | undefined,
  ): boolean {
    if (!this.builder!.append(timestamp, key, value, headers)) return false
    this.recordCount++
    return true
  }

  /** Gives the batch its place among the partition's batches, before its first attempt or after the partition starts a new count. */
  number(identity: ProducerIdentity, baseSequence: number): void {
    this.identity = identity
    this.baseSequence = baseSequence
    if (this.bytes) stamp(this.bytes, { ...identity, baseSequence })
  }

  /** The bytes to send; builds them at first. */
  finish(): Uint8Array {
    if (this.bytes) return this.bytes
    const builder = this.builder!
    if (this.identity) {
      builder.producerId = this.identity.producerId
      builder.producerEpoch = this.identity.producerEpoch
      builder.baseSequence = this.baseSequence
    }
    this.bytes = builder.build()
    this.builder = null
    this.#built = builder
    return this.bytes
  }

  /** Sequence behind the batch's last record. */
  get nextSequence(): number {
    return addToSequence(this.baseSequence, this.recordCount)
  }

  /** Gives up the memory for another batch; the batch has no bytes any more. Only when no request that carries them can be on its way. */
  takeBuilder(): BatchBuilder | undefined {
    const built = this.#built
    this.#built = undefined
    this.bytes = null
    return built
  }

  /** The records again, from the finished bytes. */
  records(): RecordCursor {
    return BatchView.at(this.finish(), 0)!.records()
  }

  succeed(baseOffset: number, logAppendTimeMs: number): void {
    this.#baseOffset = baseOffset
    this.#logAppendTimeMs = logAppendTimeMs
    this.#finishWaiting()
  }

  fail(error: Error): void {
    this.#error = error
    this.#finishWaiting()
  }

  /** The records go on in `parts`; whoever waits for this batch waits for them. */
  splitInto(parts: readonly ProducerBatch[]): void {
    this.#parts = parts
    void Promise.all(parts.map(part => part.settled())).then(() => this.#finishWaiting())
  }

  /** Resolves when the batch has succeeded or failed; never rejects. */
  settled(): Promise<void> {
    this.#settled ??= this.#isSettled
      ? Promise.resolve()
      : new Promise(resolve => {
          this.#settle = resolve
        })
    return this.#settled
  }

  observe(): void {
    this.#observers++
  }

  /** After `settled()`: where the record at `index` went. Throws the failure. */
  resultOf(index: number, timestamp: number): RecordMetadata {
    for (const part of this.#parts ?? []) {
      if (index < part.recordCount) return part.resultOf(index, timestamp)
      index -= part.recordCount
    }
    if (this.#error) throw this.#error
    const { topic, index: partition } = this.queue
    const offset = this.#baseOffset < 0 ? -1 : this.#baseOffset + index
    return { topic: topic.name, partition, offset, timestamp: this.#logAppendTimeMs < 0 ? timestamp : this.#logAppendTimeMs }
  }

  #finishWaiting(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#settle?.()
  }
}
