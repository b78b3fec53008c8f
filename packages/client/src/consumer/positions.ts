import type { Cluster } from '../cluster.ts'
import { NoOffsetError } from '../errors.ts'
import type { Coordinator } from '../group/coordinator.ts'
import { fetchOffsets } from '../group/group-offsets.ts'
import { listOffsets, offsetSpec } from '../list-offsets.ts'
import { nameOf } from '../topic-partition.ts'
import type { PartitionState } from './partition-state.ts'

export interface PositionsOptions {
  /** What a partition without a committed offset starts from. */
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly readCommitted: boolean
}

/** Looks up, in the background, the positions that are not known: committed ones, and where the log begins or ends. */
export class Positions {
  readonly #cluster: Cluster
  /** Null without a group: nothing is committed. */
  readonly #coordinator: Coordinator | null
  readonly #options: PositionsOptions
  readonly #partitions: ReadonlyMap<string, PartitionState>
  readonly #done: () => void
  #isBusy = false
  #isDue = false
  #failure: Error | undefined

  /** `done` is called after each look-up, failed or not. */
  constructor(
    cluster: Cluster,
    coordinator: Coordinator | null,
    options: PositionsOptions,
    partitions: ReadonlyMap<string, PartitionState>,
    done: () => void,
  ) {
    this.#cluster = cluster
    this.#coordinator = coordinator
    this.#options = options
    this.#partitions = partitions
    this.#done = done
  }

  /** Some position may have become unknown. */
  changed(): void {
    this.#isDue = true
  }

  /** Starts what is due; costs nothing otherwise. Throws what the last look-up failed with: a NoOffsetError, KafkaError or TimeoutError. */
  serve(): void {
    if (this.#failure) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
    if (this.#isBusy || !this.#isDue) return
    this.#isDue = false
    const states = [...this.#partitions.values()].filter(({ source }) => source !== null)
    if (states.length === 0) return
    this.#isBusy = true
    this.#lookUp(states)
      .catch(error => {
        if (this.#cluster.isClosed) return
        this.#failure = error as Error
        this.#isDue = true
      })
      .finally(() => {
        this.#isBusy = false
        this.#done()
      })
  }

  async #lookUp(states: readonly PartitionState[]): Promise<void> {
    const seeks = new Map(states.map(state => [state, state.seeks]))
    // Sought or taken away meanwhile: the answer is not wanted any more.
    const isOpen = (state: PartitionState) => this.#partitions.get(nameOf(state)) === state && state.seeks === seeks.get(state)
    const { autoOffsetReset, readCommitted } = this.#options
    const uncommitted = states.filter(({ source }) => source === 'committed')
    if (uncommitted.length > 0) {
      const committed =
        this.#coordinator && (await fetchOffsets(this.#cluster, this.#coordinator, uncommitted, { requireStable: readCommitted }))
      const without: PartitionState[] = []
      for (const state of uncommitted.filter(isOpen)) {
        const found = committed?.get(nameOf(state))
        if (found) state.seek(found.offset, found.leaderEpoch)
        else if (autoOffsetReset === 'none') without.push(state)
        else state.source = autoOffsetReset
      }
      if (without.length > 0) throw new NoOffsetError(without.map(nameOf).join(', '))
    }
    const unplaced = states.filter(state => isOpen(state) && (state.source === 'earliest' || state.source === 'latest'))
    if (unplaced.length === 0) return
    const queries = unplaced.map(({ topic, partition, source }) => ({
      topic,
      partition,
      timestamp: source === 'earliest' ? offsetSpec.earliest : offsetSpec.latest,
    }))
    const listed = await listOffsets(this.#cluster, queries, { readCommitted })
    listed.forEach(({ offset }, place) => {
      const state = unplaced[place]!
      if (isOpen(state)) state.seek(offset)
    })
  }
}
