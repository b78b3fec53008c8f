import { BatchBuilder, ErrorCode, estimateSizeInBytes, KafkaError } from '@millrace/protocol'
import type { MachineLog } from '@millrace/runtime'
import type { LeaderPartition } from '../services.ts'
import { type EncodedRecord, encodeGroupRecord } from './group-record-codec.ts'
import type { GroupRecord } from './group-records.ts'

/**
 * The log of a coordinator's machine: batches appended to a partition of `__consumer_offsets`, committed by its high watermark. It ends with the leader epoch in
 * which it began: what another leader may have written since is not in the machine's state.
 */
export class CoordinatorLog implements MachineLog<GroupRecord> {
  readonly #partition: LeaderPartition
  readonly #leaderEpoch: number
  readonly #wallMs: () => number
  readonly #maxBatchBytes: number
  #lastPosition = -1

  constructor(partition: LeaderPartition, wallMs: () => number, maxBatchBytes: number) {
    this.#partition = partition
    this.#leaderEpoch = partition.leaderEpoch
    this.#wallMs = wallMs
    this.#maxBatchBytes = maxBatchBytes
  }

  /**
   * One batch, so all or nothing. Throws KafkaError NOT_LEADER_OR_FOLLOWER in another leader epoch, and what the partition refuses with. Only tombstones (a deleted group or topic, expired offsets) can be more than a batch holds, as the machine
   * checks the others: they go into several.
   */
  append(records: readonly GroupRecord[]): number {
    if (this.#partition.leaderEpoch !== this.#leaderEpoch)
      throw new KafkaError(
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        `leader epoch ${this.#partition.leaderEpoch} follows ${this.#leaderEpoch}`,
      )
    const timestamp = this.#wallMs()
    let batch: EncodedRecord[] = []
    let sizeBytes = batchOverheadBytes
    for (const record of records) {
      const encoded = encodeGroupRecord(record)
      const recordBytes = estimateSizeInBytes(encoded.key, encoded.value)
      if (batch.length > 0 && sizeBytes + recordBytes > this.#maxBatchBytes) {
        this.#appendBatch(batch, sizeBytes, timestamp)
        batch = []
        sizeBytes = batchOverheadBytes
      }
      batch.push(encoded)
      sizeBytes += recordBytes
    }
    this.#appendBatch(batch, sizeBytes, timestamp)
    return this.#lastPosition
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    this.#partition.whenCommitted(position, done)
  }

  /** Calls `done` when all that was appended until now is committed; at once if it is. */
  whenAllCommitted(done: (error?: Error) => void): void {
    if (this.#lastPosition <= this.#partition.highWatermark) done()
    else this.#partition.whenCommitted(this.#lastPosition, done)
  }

  #appendBatch(records: readonly EncodedRecord[], sizeBytes: number, timestamp: number): void {
    const builder = new BatchBuilder({ maxBytes: Math.max(sizeBytes, this.#maxBatchBytes), initialBytes: sizeBytes })
    for (const { key, value } of records) builder.append(timestamp, key, value)
    this.#lastPosition = this.#partition.appendAsCoordinator(builder.build())
  }
}

const batchOverheadBytes = 61
