import type { BatchView } from '@millrace/protocol'
import { batchesIn } from '@millrace/protocol'
import type { Log } from '../log/log.ts'
import type { CommittedBatch, ReplicatedState } from './replicated-state.ts'

const readBytes = 2 ** 20

export interface CommittedStateOptions<Record> {
  readonly log: Log
  readonly state: ReplicatedState<Record>
  /** After `state` was given a batch. */
  readonly applied: (batch: CommittedBatch<Record>) => void
}

/** Gives the state what the high watermark covers, and answers who waits for it. Both in the order of the log. */
export class CommittedState<Record> {
  readonly #options: CommittedStateOptions<Record>
  /** What was appended here need not be read and decoded again. */
  readonly #appended: { readonly baseOffset: number; readonly batch: CommittedBatch<Record> }[] = []
  readonly #waiting: { readonly position: number; readonly done: (error?: Error) => void }[] = []
  #appliedOffset = 0

  constructor(options: CommittedStateOptions<Record>) {
    this.#options = options
  }

  /** Everything below it was given to the state. */
  get appliedOffset(): number {
    return this.#appliedOffset
  }

  /** The state has everything below `offset`, from a snapshot. */
  startAt(offset: number): void {
    this.#appliedOffset = offset
  }

  /** A batch that this node appended as the leader. */
  appended(baseOffset: number, batch: CommittedBatch<Record>): void {
    this.#appended.push({ baseOffset, batch })
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    if (position <= this.#appliedOffset) done()
    else this.#waiting.push({ position, done })
  }

  advance(highWatermark: number): void {
    const { log } = this.#options
    while (this.#appliedOffset < highWatermark) {
      const own = this.#appended[0]
      if (own?.baseOffset === this.#appliedOffset) {
        if (own.batch.nextOffset > highWatermark) break
        this.#appended.shift()
        this.#apply(own.batch)
        continue
      }
      const endOffset = Math.min(highWatermark, own?.baseOffset ?? highWatermark)
      const { chunks, nextOffset } = log.read(this.#appliedOffset, { maxBytes: readBytes, endOffset, atLeastOne: true })
      for (const chunk of chunks) for (const batch of batchesIn(chunk)) this.#apply(this.#decoded(batch))
      if (nextOffset <= this.#appliedOffset && chunks.length === 0) break
      this.#appliedOffset = nextOffset
    }
    const waiting = this.#waiting.findIndex(({ position }) => position > this.#appliedOffset)
    for (const { done } of this.#waiting.splice(0, waiting < 0 ? this.#waiting.length : waiting)) done()
  }

  /** Nothing more of what was appended here is sure to be committed. */
  fail(error: Error): void {
    this.#appended.length = 0
    for (const { done } of this.#waiting.splice(0)) done(error)
  }

  #apply(batch: CommittedBatch<Record>): void {
    this.#appliedOffset = batch.nextOffset
    this.#options.state.committed(batch)
    this.#options.applied(batch)
  }

  #decoded(batch: BatchView): CommittedBatch<Record> {
    const { nextOffset, partitionLeaderEpoch: epoch, maxTimestamp: timestampMs, sizeInBytes: sizeBytes, isControl } = batch
    return { nextOffset, epoch, timestampMs, sizeBytes, records: isControl ? [] : decodedRecords(batch, this.#options.state) }
  }
}

/** The values of a batch. */
export function decodedRecords<Record>(batch: BatchView, state: Pick<ReplicatedState<Record>, 'decode'>): Record[] {
  const records: Record[] = []
  const cursor = batch.records()
  while (cursor.next()) {
    const value = cursor.value()
    if (value !== null) records.push(state.decode(value))
  }
  return records
}
