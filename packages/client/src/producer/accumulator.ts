import { BatchBuilder, type CompressionCodec, ErrorCode, type HeaderDraft, KafkaError } from '@millrace/protocol'
import type { Timer, World } from '@millrace/runtime'
import { TimeoutError } from '../errors.ts'
import { nameOf } from '../topic-partition.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { ProducerBatch } from './producer-batch.ts'

export interface AccumulatorOptions {
  readonly lingerMs: number
  readonly batchBytes: number
  readonly maxRequestBytes: number
  readonly bufferBytes: number
  readonly deliveryTimeoutMs: number
  readonly compressionLevel: number | undefined
}

export interface AccumulatorEvents {
  /** The partition has something to send. */
  ready(queue: PartitionQueue): void
  /** The batch's time was up; it has been failed. */
  expired(batch: ProducerBatch): void
  /** Memory was given back. */
  released(): void
}

const smallestBatchBytes = 512

/** Buffers kept for the next batches: new ones cost more than their bytes, as the garbage collector counts them. */
const maxSpareBuilders = 128

/** Records on their way: writes them into their partition's open batch, holds the memory limit, and watches how long batches wait and live. */
export class Accumulator {
  readonly #world: World
  readonly #options: AccumulatorOptions
  readonly #events: AccumulatorEvents
  /** Not settled, oldest first. */
  readonly #incomplete = new Set<ProducerBatch>()
  /** Open batches in the order in which their linger ends. */
  readonly #lingering: ProducerBatch[] = []
  readonly #spare: BatchBuilder[] = []
  #lingerTimer: Timer | undefined
  #expiryTimer: Timer | undefined
  #heldBytes = 0
  #ordinal = 0

  constructor(world: World, options: AccumulatorOptions, events: AccumulatorEvents) {
    this.#world = world
    this.#options = options
    this.#events = events
  }

  get isFull(): boolean {
    return this.#heldBytes >= this.#options.bufferBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get incomplete(): ReadonlySet<ProducerBatch> {
    return this.#incomplete
  }

  /**
   * Copies a record in. Returns its batch; the record is the last one in it. Throws KafkaError MESSAGE_TOO_LARGE for a record above
   * `maxRequestBytes`.
   */
  append(
    queue: PartitionQueue,
    timestamp: number,
    key: Uint8Array | string | null,
    value: Uint8Array | string | null,
    headers: readonly HeaderDraft[] | undefined,
  ): ProducerBatch {
    let batch = queue.open
    if (batch?.append(timestamp, key, value, headers)) {
      this.#account(batch)
      return batch
    }
    const { maxRequestBytes } = this.#options
    // Checked before the bytes are copied where it is plain, and exactly afterwards.
    if ((value?.length ?? 0) + (key?.length ?? 0) > maxRequestBytes) throw tooLarge(queue, maxRequestBytes)
    const fresh = this.#newBatch(queue)
    fresh.append(timestamp, key, value, headers)
    if (fresh.sizeInBytes > maxRequestBytes) throw tooLarge(queue, maxRequestBytes)
    if (batch) {
      queue.seal()
      this.#events.ready(queue)
    }
    batch = fresh
    queue.open = batch
    this.#begin(batch)
    return batch
  }

  /** Puts what is left of a batch that was too large for the broker into smaller ones. They take its place, its numbers and its time. */
  split(batch: ProducerBatch): ProducerBatch[] {
    const { queue } = batch
    const maxBytes = Math.max(this.#options.batchBytes, smallestBatchBytes)
    // A batch no larger than the usual is halved: the broker's limit is below ours.
    const partBytes = batch.finish().length > maxBytes ? maxBytes : Math.ceil(batch.finish().length / 2)
    const parts: ProducerBatch[] = []
    const cursor = batch.records()
    let part: ProducerBatch | undefined
    while (cursor.next()) {
      const key = cursor.key()
      const value = cursor.value()
      const headers = cursor.headers()
      if (part?.append(cursor.timestamp, key, value, headers)) continue
      part = new ProducerBatch(
        queue,
        this.#newBuilder(queue, partBytes, queue.topic.compression),
        batch.createdAtMs,
        batch.ordinal,
      )
      part.append(cursor.timestamp, key, value, headers)
      parts.push(part)
    }
    // Nobody looks at the parts but through the whole.
    if (!batch.isUnobserved) for (const each of parts) for (let i = 0; i < each.recordCount; i++) each.observe()
    for (const each of parts) {
      each.isReady = true
      each.heldBytes = each.builder!.capacityBytes
      this.#heldBytes += each.heldBytes
      this.#incomplete.add(each)
    }
    batch.splitInto(parts)
    return parts
  }

  /**
   * The batch is done with: its memory is free. Call it after the answer, never while a request still carries its bytes. `reuse`: the memory goes to
   * another batch; an earlier attempt on a lost connection might still be in the hands of the system, so only for the first one's answer.
   */
  release(batch: ProducerBatch, reuse: boolean): void {
    this.#incomplete.delete(batch)
    const builder = reuse ? batch.takeBuilder() : undefined
    if (
      builder &&
      this.#spare.length < maxSpareBuilders &&
      builder.capacityBytes <= 2 * this.#options.batchBytes + smallestBatchBytes
    ) {
      builder.reset()
      this.#spare.push(builder)
    }
    if (batch.heldBytes === 0) return
    this.#heldBytes -= batch.heldBytes
    batch.heldBytes = 0
    this.#events.released()
  }

  /** Ends the waiting of all open batches: for `flush`, and when memory is short. */
  endLinger(): void {
    for (const batch of this.#lingering.splice(0)) this.#makeReady(batch)
  }

  close(): void {
    this.#lingerTimer?.cancel()
    this.#expiryTimer?.cancel()
  }

  #newBatch(queue: PartitionQueue): ProducerBatch {
    return new ProducerBatch(
      queue,
      this.#newBuilder(queue, this.#options.batchBytes, queue.topic.packer ? 'none' : queue.topic.compression),
      this.#world.clock.monotonic(),
      this.#ordinal++,
    )
  }

  #newBuilder(queue: PartitionQueue, maxBytes: number, compression: CompressionCodec): BatchBuilder {
    const { compressionLevel, batchBytes } = this.#options
    const spare =
      maxBytes === batchBytes && (queue.topic.packer === null || compression === 'none') ? this.#spare.pop() : undefined
    if (spare) return spare
    const initialBytes = Math.min(maxBytes, Math.max(smallestBatchBytes, queue.typicalBytes))
    return new BatchBuilder({
      compression,
      maxBytes,
      initialBytes,
      ...(compressionLevel === undefined ? {} : { compressionLevel }),
    })
  }

  #begin(batch: ProducerBatch): void {
    this.#account(batch)
    this.#heldBytes += batch.heldBytes
    this.#incomplete.add(batch)
    const { lingerMs, deliveryTimeoutMs } = this.#options
    if (lingerMs === 0) {
      this.#makeReady(batch)
    } else {
      this.#lingering.push(batch)
      this.#lingerTimer ??= this.#world.clock.timer(lingerMs, () => this.#lingerIsOver())
    }
    this.#expiryTimer ??= this.#world.clock.timer(deliveryTimeoutMs, () => this.#expire())
  }

  #account(batch: ProducerBatch): void {
    const capacityBytes = batch.builder!.capacityBytes
    if (capacityBytes === batch.heldBytes) return
    if (this.#incomplete.has(batch)) this.#heldBytes += capacityBytes - batch.heldBytes
    batch.heldBytes = capacityBytes
  }

  #makeReady(batch: ProducerBatch): void {
    if (batch.isReady) return
    batch.isReady = true
    this.#events.ready(batch.queue)
  }

  #lingerIsOver(): void {
    this.#lingerTimer = undefined
    const { clock } = this.#world
    const startedBefore = clock.monotonic() - this.#options.lingerMs
    let over = 0
    for (const batch of this.#lingering) {
      if (batch.createdAtMs > startedBefore) break
      this.#makeReady(batch)
      over++
    }
    this.#lingering.splice(0, over)
    const next = this.#lingering[0]
    if (next) this.#lingerTimer = clock.timer(next.createdAtMs - startedBefore, () => this.#lingerIsOver())
  }

  #expire(): void {
    this.#expiryTimer = undefined
    const { clock } = this.#world
    const { deliveryTimeoutMs } = this.#options
    const createdBefore = clock.monotonic() - deliveryTimeoutMs
    for (const batch of this.#incomplete) {
      if (batch.createdAtMs > createdBefore) {
        this.#expiryTimer = clock.timer(batch.createdAtMs - createdBefore, () => this.#expire())
        return
      }
      if (batch.isAbandoned) continue
      const { queue } = batch
      const where = nameOf({ topic: queue.topic.name, partition: queue.index })
      batch.fail(
        new TimeoutError(
          `${batch.recordCount} records for ${where} were not delivered within ${deliveryTimeoutMs} ms`,
          queue.lastError,
        ),
      )
      this.#events.expired(batch)
    }
  }
}

function tooLarge(queue: PartitionQueue, maxRequestBytes: number): KafkaError {
  return new KafkaError(
    ErrorCode.MESSAGE_TOO_LARGE,
    `A record for ${queue.topic.name} is larger than maxRequestBytes (${maxRequestBytes})`,
    {
      hint: 'raise maxRequestBytes here and max.message.bytes at the topic, or send less',
    },
  )
}
