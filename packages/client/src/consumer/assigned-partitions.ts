import { StateError } from '../errors.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import type { PartitionState } from './partition-state.ts'

/** The partitions that a consumer has, and those of them whose records its reader has in hand. */
export class AssignedPartitions {
  /** By name; one Map as long as the consumer lives. */
  readonly states: ReadonlyMap<string, PartitionState>
  readonly #states = new Map<string, PartitionState>()
  /** What the last poll gave: done with at the next one. */
  #inHand: PartitionState[] = []

  constructor() {
    this.states = this.#states
  }

  get size(): number {
    return this.#states.size
  }

  list(): TopicPartition[] {
    return [...this.#states.values()].map(plain)
  }

  paused(): TopicPartition[] {
    return [...this.#states.values()].filter(({ isPaused }) => isPaused).map(plain)
  }

  /** Throws a StateError for a partition that is not assigned. */
  of(partition: TopicPartition): PartitionState {
    const state = this.#states.get(nameOf(partition))
    if (!state) throw new StateError(`${nameOf(partition)} is not assigned to this consumer`)
    return state
  }

  /** Not given up since, nor given up and assigned anew. */
  has(state: PartitionState): boolean {
    return this.#states.get(nameOf(state)) === state
  }

  add(state: PartitionState): void {
    this.#states.set(nameOf(state), state)
  }

  /** These instead of those before; what is in hand of the ones that stay is still to be done with. */
  replace(states: readonly PartitionState[]): void {
    this.#states.clear()
    for (const state of states) this.add(state)
    this.#inHand = this.#inHand.filter(state => this.has(state))
  }

  clear(): void {
    this.#states.clear()
    this.#inHand = []
  }

  /** The reader gets the batch. */
  hand(batch: ConsumedBatch): void {
    const state = this.#states.get(nameOf(batch))!
    if (this.#inHand.at(-1) !== state) this.#inHand.push(state)
  }

  /** The reader is done with all that it has in hand. */
  finish(): void {
    for (const state of this.#inHand) state.finish()
    this.#inHand = []
  }

  /** What the reader has in hand of the partition, or at all, is never done with: it reads elsewhere. */
  withdraw(state?: PartitionState): void {
    this.#inHand = state === undefined ? [] : this.#inHand.filter(other => other !== state)
  }
}

function plain({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
