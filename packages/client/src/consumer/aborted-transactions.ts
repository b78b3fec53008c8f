import { type BatchView, ControlType, controlTypeOf } from '@millrace/protocol'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/**
 * Says which batches of one fetch answer belong to aborted transactions. The answer lists those that overlap it; a producer's data is dropped
 * from the transaction's first offset to its abort marker.
 */
export class AbortedTransactions {
  /** By first offset, latest first. */
  readonly #ahead: AbortedTransaction[]
  readonly #aborted = new Set<number>()

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#ahead = [...transactions].sort((a, b) => b.firstOffset - a.firstOffset)
  }

  /** Call it for every batch in turn, control batches too. */
  isAborted(batch: BatchView): boolean {
    while (this.#ahead.length > 0 && this.#ahead.at(-1)!.firstOffset <= batch.lastOffset)
      this.#aborted.add(this.#ahead.pop()!.producerId)
    if (batch.isControl) {
      if (this.#aborted.size > 0 && isAbortMarker(batch)) this.#aborted.delete(batch.producerId)
      return false
    }
    return batch.isTransactional && this.#aborted.has(batch.producerId)
  }
}

function isAbortMarker(batch: BatchView): boolean {
  const cursor = batch.records()
  return cursor.next() && controlTypeOf(cursor) === ControlType.ABORT
}
