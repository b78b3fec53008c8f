import { type BatchView, ControlType, controlTypeOf, ErrorCode, KafkaError, markerCoordinatorEpoch } from '@millrace/protocol'
import type { SnapshotEntry } from './producer-snapshot.ts'

/** As many batches of a producer may be in flight. */
const rememberedBatches = 5
const sequenceCount = 2 ** 31
const noProducer = -1

interface AppendedBatch {
  lastSequence: number
  lastOffset: number
  offsetDelta: number
  timestamp: number
}

interface Producer {
  epoch: number
  coordinatorEpoch: number
  currentTransactionFirstOffset: number
  /** Greatest timestamp of its last batch or marker, as snapshots keep it. */
  lastTimestamp: number
  /** By the clock: expiry goes by this one, since records may carry times of long ago. */
  lastSeenMs: number
  /** Oldest first, all of `epoch`. */
  batches: AppendedBatch[]
}

/** What idempotent producers have appended to one partition (KIP-98): finds duplicates and gaps. Changes in `update` alone, which is a fold of the log. */
export class ProducerState {
  readonly #producers = new Map<number, Producer>()
  readonly #expirationMs: number
  /** Producer ids with an open transaction. */
  readonly #inTransaction = new Set<number>()

  constructor(expirationMs: number) {
    this.#expirationMs = expirationMs
  }

  get size(): number {
    return this.#producers.size
  }

  /** First offset of the earliest open transaction, -1 when there is none. */
  get firstUnstableOffset(): number {
    let first = -1
    for (const id of this.#inTransaction) {
      const offset = this.#producers.get(id)!.currentTransactionFirstOffset
      if (first < 0 || offset < first) first = offset
    }
    return first
  }

  /**
   * Looks at a batch that a client wants to append. Returns the base offset at which it stands already, or -1 when it is new.
   * Throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE.
   */
  check(batch: BatchView): number {
    const { producerId } = batch
    const producer = this.#producers.get(producerId)
    if (producerId === noProducer || producer === undefined) return -1
    const { producerEpoch, baseSequence, lastSequence } = batch
    if (producer.epoch === producerEpoch) {
      for (const { lastSequence: last, lastOffset, offsetDelta } of producer.batches)
        if (last === lastSequence && sequenceBefore(last, offsetDelta) === baseSequence) return lastOffset - offsetDelta
    }
    if (producerEpoch < producer.epoch)
      throw new KafkaError(
        ErrorCode.INVALID_PRODUCER_EPOCH,
        `producer ${producerId} has epoch ${producerEpoch}, and epoch ${producer.epoch} has written here`,
      )
    const expected = producerEpoch > producer.epoch ? 0 : sequenceAfter(producer.batches.at(-1)?.lastSequence ?? -1)
    if (baseSequence !== expected)
      throw new KafkaError(
        ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
        `producer ${producerId} of epoch ${producerEpoch} sent sequence ${baseSequence} instead of ${expected}`,
      )
    if (!batch.isTransactional && producer.currentTransactionFirstOffset >= 0 && producerEpoch === producer.epoch)
      throw new KafkaError(ErrorCode.INVALID_TXN_STATE, `producer ${producerId} has an open transaction on this partition`)
    return -1
  }

  /** Takes up a batch that is in the log. */
  update(batch: BatchView, nowMs: number): void {
    const { producerId, producerEpoch } = batch
    if (producerId === noProducer) return
    const producer = this.#producers.get(producerId) ?? this.#add(producerId, producerEpoch)
    if (producerEpoch !== producer.epoch) {
      producer.epoch = producerEpoch
      producer.batches = []
    }
    producer.lastTimestamp = batch.maxTimestamp
    producer.lastSeenMs = nowMs
    if (batch.isControl) this.#endTransaction(producerId, producer, batch)
    else this.#append(producerId, producer, batch)
  }

  /** Forgets producers that have been idle too long and have no open transaction. */
  expire(nowMs: number): void {
    for (const [id, { lastSeenMs, currentTransactionFirstOffset }] of this.#producers)
      if (currentTransactionFirstOffset < 0 && nowMs - lastSeenMs >= this.#expirationMs) this.#producers.delete(id)
  }

  clear(): void {
    this.#producers.clear()
    this.#inTransaction.clear()
  }

  /** The state as a snapshot keeps it. */
  entries(): SnapshotEntry[] {
    return [...this.#producers].map(([producerId, producer]) => {
      const last = producer.batches.at(-1)
      return {
        producerId,
        epoch: producer.epoch,
        lastSequence: last?.lastSequence ?? -1,
        lastOffset: last?.lastOffset ?? -1,
        offsetDelta: last?.offsetDelta ?? 0,
        timestamp: producer.lastTimestamp,
        coordinatorEpoch: producer.coordinatorEpoch,
        currentTransactionFirstOffset: producer.currentTransactionFirstOffset,
      }
    })
  }

  /** Replaces the state by a snapshot. Its producers count as seen now. */
  load(entries: readonly SnapshotEntry[], nowMs: number): void {
    this.clear()
    for (const entry of entries) {
      const { lastSequence, lastOffset, offsetDelta, timestamp } = entry
      const producer = this.#add(entry.producerId, entry.epoch)
      producer.coordinatorEpoch = entry.coordinatorEpoch
      producer.currentTransactionFirstOffset = entry.currentTransactionFirstOffset
      producer.lastTimestamp = timestamp
      producer.lastSeenMs = nowMs
      if (lastOffset >= 0) producer.batches.push({ lastSequence, lastOffset, offsetDelta, timestamp })
      if (entry.currentTransactionFirstOffset >= 0) this.#inTransaction.add(entry.producerId)
    }
  }

  /**
   * A snapshot keeps each producer's last batch alone, but a client may send its last five again: takes up, out of the log's batches before the
   * snapshot, those that lead up to that last one. Without them their retries would look like gaps in the sequence.
   */
  recall(batches: Iterable<BatchView>): void {
    const found = new Map<number, AppendedBatch[]>()
    for (const batch of batches) {
      const { producerId } = batch
      const producer = this.#producers.get(producerId)
      if (producer === undefined || batch.producerEpoch !== producer.epoch || batch.isControl) continue
      let earlier = found.get(producerId)
      if (earlier === undefined) found.set(producerId, (earlier = []))
      earlier.push(appended(batch))
      // The last one of them is the one that is known.
      if (earlier.length > rememberedBatches) earlier.shift()
    }
    for (const [id, earlier] of found) {
      const { batches: known } = this.#producers.get(id)!
      for (const batch of earlier.toReversed()) {
        const first = known[0]
        if (first === undefined || known.length === rememberedBatches) break
        const firstSequence = sequenceBefore(first.lastSequence, first.offsetDelta)
        if (batch.lastOffset < first.lastOffset - first.offsetDelta && sequenceAfter(batch.lastSequence) === firstSequence)
          known.unshift(batch)
      }
    }
  }

  /**
   * Where the first known batch of the latest producer begins of which earlier ones should be known: behind `startOffset`, and surely before `offset`,
   * behind which all has been looked through. -1: there is none.
   */
  latestLone(offset: number, startOffset: number): number {
    let latest = -1
    for (const { batches } of this.#producers.values()) {
      const first = batches[0]
      if (first === undefined || batches.length === rememberedBatches || first.lastSequence === first.offsetDelta) continue
      const baseOffset = first.lastOffset - first.offsetDelta
      if (baseOffset > startOffset && baseOffset < offset) latest = Math.max(latest, baseOffset)
    }
    return latest
  }

  #add(producerId: number, epoch: number): Producer {
    const producer: Producer = {
      epoch,
      coordinatorEpoch: -1,
      currentTransactionFirstOffset: -1,
      lastTimestamp: -1,
      lastSeenMs: 0,
      batches: [],
    }
    this.#producers.set(producerId, producer)
    return producer
  }

  #append(producerId: number, producer: Producer, batch: BatchView): void {
    const { batches } = producer
    const entry: AppendedBatch =
      batches.length < rememberedBatches ? { lastSequence: 0, lastOffset: 0, offsetDelta: 0, timestamp: 0 } : batches.shift()!
    entry.lastSequence = batch.lastSequence
    entry.lastOffset = batch.lastOffset
    entry.offsetDelta = batch.lastOffsetDelta
    entry.timestamp = batch.maxTimestamp
    batches.push(entry)
    if (!batch.isTransactional || producer.currentTransactionFirstOffset >= 0) return
    producer.currentTransactionFirstOffset = batch.baseOffset
    this.#inTransaction.add(producerId)
  }

  #endTransaction(producerId: number, producer: Producer, batch: BatchView): void {
    const cursor = batch.records()
    if (!cursor.next()) return
    const type = controlTypeOf(cursor)
    if (type !== ControlType.ABORT && type !== ControlType.COMMIT) return
    producer.coordinatorEpoch = markerCoordinatorEpoch(cursor)
    producer.currentTransactionFirstOffset = -1
    this.#inTransaction.delete(producerId)
  }
}

function appended({ lastSequence, lastOffset, lastOffsetDelta, maxTimestamp }: BatchView): AppendedBatch {
  return { lastSequence, lastOffset, offsetDelta: lastOffsetDelta, timestamp: maxTimestamp }
}

function sequenceAfter(sequence: number): number {
  return (sequence + 1) % sequenceCount
}

function sequenceBefore(sequence: number, count: number): number {
  return sequence >= count ? sequence - count : sequence - count + sequenceCount
}
