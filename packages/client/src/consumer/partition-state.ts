import type { TopicPartition } from '../topic-partition.ts'
import type { FetchedBatch } from './consumed-batch.ts'

/** Where a partition's position has to come from. */
export type PositionSource = 'committed' | 'earliest' | 'latest' | null

/** An assigned partition: how far its reader is, how far the fetcher is ahead, and what lies between. */
export class PartitionState implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** Offset of the next record that the reader gets; -1: not known yet. */
  position = -1
  /** Leader epoch of the last batch that the reader got; -1: not known. */
  positionEpoch = -1
  /** Behind the last record that the reader is done with: what automatic commits commit. -1: nothing new. */
  finished = -1
  finishedEpoch = -1
  /** Offset of the next fetch. */
  fetchOffset = -1
  fetchEpoch = -1
  /** Leader epoch with whose log the position was compared; -1: none. */
  validatedEpoch = -1
  /** Set while the position has to be looked up. */
  source: PositionSource
  isPaused = false
  readonly buffered: FetchedBatch[] = []
  bufferedBytes = 0
  /** In the fetcher's line of partitions that have something for the reader. */
  isReadable = false
  highWatermark = -1
  lastStableOffset = -1
  logStartOffset = -1
  /** Replica that the leader told to read from (KIP-392), until `preferredUntilMs`. */
  preferredReplica = -1
  preferredUntilMs = 0
  /** Given to the reader behind what is buffered, instead of further batches. */
  error: Error | null = null
  failures = 0
  /** Monotonic; no fetch before, unless there is a new leader. */
  retryAtMs = 0
  /** Leader epoch of the last failure, as it was known then; -1: not known. */
  failedEpoch = -1
  /** Grows with each seek: an answer for an earlier number is out of date. */
  seeks = 0

  constructor({ topic, partition }: TopicPartition, source: PositionSource) {
    this.topic = topic
    this.partition = partition
    this.source = source
  }

  /** Reading goes on at `offset`. What was fetched ahead is dropped. */
  seek(offset: number, leaderEpoch = -1): void {
    this.position = offset
    this.positionEpoch = leaderEpoch
    this.fetchOffset = offset
    this.fetchEpoch = leaderEpoch
    this.source = null
    this.#drop()
  }

  /** The position has to be looked up again. */
  reset(source: 'committed' | 'earliest' | 'latest'): void {
    this.position = -1
    this.fetchOffset = -1
    this.source = source
    this.#drop()
  }

  buffer(batch: FetchedBatch): void {
    this.buffered.push(batch)
    this.bufferedBytes += batch.sizeInBytes
  }

  /** The reader is done with what it was given. */
  finish(): void {
    this.finished = this.position
    this.finishedEpoch = this.positionEpoch
  }

  /** The next batch goes to the reader. */
  take(): FetchedBatch {
    const batch = this.buffered.shift()!
    this.bufferedBytes -= batch.sizeInBytes
    this.position = batch.nextOffset
    this.positionEpoch = batch.leaderEpoch
    return batch
  }

  #drop(): void {
    this.buffered.length = 0
    this.bufferedBytes = 0
    this.error = null
    this.failures = 0
    this.retryAtMs = 0
    this.seeks++
  }
}
