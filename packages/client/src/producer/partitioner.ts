import type { Random } from '@millrace/runtime'

/** The load of a partition, as the choice for records without a key looks at it. */
export interface PartitionLoad {
  /** Batches that wait to be sent. */
  readonly queuedBatches: number
  readonly hasLeader: boolean
}

/**
 * Partitions for records without a key (KIP-794): stays with one until `stickyBytes` have gone there, which makes large batches, then
 * draws another, the likelier the fewer batches wait in it.
 */
export class StickyPartitioner {
  readonly #random: Random
  readonly #stickyBytes: number
  readonly #adaptive: boolean
  #partition = -1
  #bytes = 0
  #weights: number[] = []

  constructor(random: Random, options: { stickyBytes: number; adaptive: boolean }) {
    this.#random = random
    this.#stickyBytes = Math.max(1, options.stickyBytes)
    this.#adaptive = options.adaptive
  }

  /** The partition for the next record. */
  choose(partitions: readonly PartitionLoad[]): number {
    if (this.#partition < 0 || this.#partition >= partitions.length) this.#draw(partitions)
    return this.#partition
  }

  /** Tells that `bytes` went to the chosen partition. `batchEnded`: switching now splits no batch. */
  produced(bytes: number, batchEnded: boolean): void {
    this.#bytes += bytes
    if (this.#bytes >= (batchEnded ? this.#stickyBytes : 2 * this.#stickyBytes)) this.#partition = -1
  }

  #draw(partitions: readonly PartitionLoad[]): void {
    this.#bytes = 0
    const anyLeader = partitions.some(({ hasLeader }) => hasLeader)
    let longest = 0
    for (const { queuedBatches } of partitions) if (queuedBatches > longest) longest = queuedBatches
    const weights = this.#weights
    weights.length = partitions.length
    let total = 0
    partitions.forEach(({ queuedBatches, hasLeader }, index) => {
      const weight = anyLeader && !hasLeader ? 0 : this.#adaptive ? longest + 1 - queuedBatches : 1
      weights[index] = weight
      total += weight
    })
    let drawn = this.#random.below(total)
    this.#partition = weights.findIndex(weight => (drawn -= weight) < 0)
  }
}
