import { ErrorCode, KafkaError } from '@millrace/protocol'
import { nameOf } from '../topic-partition.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import type { PartitionState } from './partition-state.ts'

export interface ReadablePartitionsOptions {
  readonly checkCrcs: boolean
  /** A partition with less buffered than this may be fetched again. */
  readonly maxPartitionFetchBytes: number
}

/** Partitions that have batches or an error for the reader, in the order of their turns; some may have been sought away or revoked since. */
export class ReadablePartitions {
  readonly #options: ReadablePartitionsOptions
  readonly #partitions: ReadonlyMap<string, PartitionState>
  readonly #metrics: ConsumerMetrics
  readonly #line: PartitionState[] = []
  /** Something was read since this was last set to false. */
  hasRoom = false

  constructor(options: ReadablePartitionsOptions, partitions: ReadonlyMap<string, PartitionState>, metrics: ConsumerMetrics) {
    this.#options = options
    this.#partitions = partitions
    this.#metrics = metrics
  }

  add(state: PartitionState): void {
    if (state.isReadable) return
    state.isReadable = true
    this.#line.push(state)
  }

  fail(state: PartitionState, error: Error): void {
    state.error = error
    this.add(state)
  }

  /** Assigned still, as this very state. */
  isCurrent(state: PartitionState): boolean {
    return this.#partitions.get(nameOf(state)) === state
  }

  /**
   * Hands out batches, in order within a partition, the partitions in turn, until there are `maxRecords` of them. Throws what is
   * wrong with a partition when it is that partition's turn.
   */
  take(maxRecords: number): ConsumedBatch[] {
    const batches: ConsumedBatch[] = []
    let records = 0
    while (this.#line.length > 0 && records < maxRecords) {
      const state = this.#line[0]!
      if (state.isPaused || !this.isCurrent(state)) {
        this.#dequeue()
        continue
      }
      while (state.buffered.length > 0 && records < maxRecords) {
        const next = state.buffered[0]!
        if (this.#options.checkCrcs && !next.view.isCrcValid()) {
          if (batches.length > 0) return batches
          throw corruptBatch(state, next.view.baseOffset)
        }
        batches.push(state.take())
        records += next.recordCount
        this.#metrics.consumed(next)
      }
      if (state.bufferedBytes < this.#options.maxPartitionFetchBytes) this.hasRoom = true
      if (state.buffered.length > 0) {
        // The rest of this partition comes after the others have had their turn.
        this.#line.push(this.#line.shift()!)
        return batches
      }
      if (state.error && batches.length > 0) return batches
      this.#dequeue()
      if (state.error) {
        const { error } = state
        state.error = null
        this.hasRoom = true
        throw error
      }
    }
    return batches
  }

  #dequeue(): void {
    this.#line.shift()!.isReadable = false
  }
}

function corruptBatch(state: PartitionState, offset: number): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, `The CRC of the batch at offset ${offset} of ${nameOf(state)} is wrong`, {
    hint: 'seek behind it to go on without it',
  })
}
