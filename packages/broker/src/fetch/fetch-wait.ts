import type { Clock, Timer } from '@millrace/runtime'

/** A partition that tells of what became readable. */
export interface WatchedPartition {
  addFetch(wait: FetchWait): void
  removeFetch(wait: FetchWait): void
}

/**
 * A fetch that found less than it asked for. It ends once: when enough bytes became readable, when a partition has news that cannot wait, after
 * its time, or when its client is gone. What arrives in one tick of the loop ends it once, at the end of the tick.
 */
export class FetchWait {
  readonly #clock: Clock
  readonly #partitions: readonly WatchedPartition[]
  readonly #done: () => void
  #timer: Timer
  #endsAtMs: number
  #missingBytes: number
  #state: 'waiting' | 'ending' | 'over' = 'waiting'

  constructor(options: {
    clock: Clock
    partitions: readonly WatchedPartition[]
    missingBytes: number
    maxWaitMs: number
    done: () => void
  }) {
    this.#clock = options.clock
    this.#partitions = options.partitions
    this.#missingBytes = options.missingBytes
    this.#done = options.done
    this.#endsAtMs = options.clock.monotonic() + options.maxWaitMs
    this.#timer = options.clock.timer(options.maxWaitMs, () => this.#finish())
    for (const partition of options.partitions) partition.addFetch(this)
  }

  /** `bytes` more can be read from one of the partitions. */
  readable(bytes: number): void {
    this.#missingBytes -= bytes
    if (this.#missingBytes <= 0) this.wake()
  }

  /** Ends the wait at the end of this tick. */
  wake(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'ending'
    this.#clock.defer(() => this.#finish())
  }

  /** Ends the wait after `delayMs` at the latest: there is news, but not such that the wait should end for it alone. */
  wakeWithin(delayMs: number): void {
    const endsAtMs = this.#clock.monotonic() + delayMs
    if (this.#state !== 'waiting' || this.#endsAtMs <= endsAtMs) return
    this.#endsAtMs = endsAtMs
    this.#timer.cancel()
    this.#timer = this.#clock.timer(delayMs, () => this.#finish())
  }

  #finish(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#timer.cancel()
    for (const partition of this.#partitions) partition.removeFetch(this)
    this.#done()
  }
}
