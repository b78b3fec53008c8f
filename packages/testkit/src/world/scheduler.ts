import type { Timer } from '@millrace/runtime'

interface Event {
  readonly atMs: number
  readonly sequence: number
  readonly run: () => void
  cancelled: boolean
}

/**
 * Virtual time: a heap of events ordered by (time, order of creation). Between two events all promise reactions run to their end, so the
 * order of everything is a function of the seed alone.
 */
export class Scheduler {
  readonly #heap: Event[] = []
  #nowMs = 0
  #sequence = 0
  #executed = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** Events executed so far. */
  get executed(): number {
    return this.#executed
  }

  at(atMs: number, run: () => void): Timer {
    const event: Event = { atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, run, cancelled: false }
    this.#push(event)
    return {
      cancel: () => {
        event.cancelled = true
      },
    }
  }

  after(delayMs: number, run: () => void): Timer {
    return this.at(this.#nowMs + Math.max(0, delayMs), run)
  }

  /** Runs until `done` says so, the time is over, or nothing is left to happen. Says whether `done` was reached. */
  async run(
    options: { untilMs?: number; done?: () => boolean; maxEvents?: number; afterEach?: () => void } = {},
  ): Promise<boolean> {
    const { untilMs = Infinity, done, maxEvents = Infinity, afterEach } = options
    await drained()
    for (let count = 0; count < maxEvents; count++) {
      if (done?.()) return true
      const event = this.#heap[0]
      if (event === undefined || event.atMs > untilMs) {
        if (untilMs !== Infinity) this.#nowMs = Math.max(this.#nowMs, untilMs)
        return done?.() ?? false
      }
      this.#pop()
      if (event.cancelled) continue
      this.#nowMs = event.atMs
      this.#executed++
      event.run()
      await drained()
      afterEach?.()
    }
    return done?.() ?? false
  }

  #push(event: Event): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}

/** All promise reactions have run: microtasks run to exhaustion before the next turn of the loop. */
function drained(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
