import type { Timer } from '@millrace/runtime'

interface Event {
  readonly atMs: number
  readonly sequence: number
  readonly run: () => void
  readonly touches: readonly string[] | null
  cancelled: boolean
}

interface RunOptions {
  /** Virtual; without it until nothing is left to happen. */
  readonly untilMs?: number
  readonly done?: () => boolean
  readonly maxEvents?: number
  /** Called after each event and all promise reactions to it. */
  readonly afterEach?: () => void
}

const stepsPerTurn = 64

/**
 * Virtual time: a heap of events ordered by (time, order of creation). Between two events all promise reactions run to their end, so the
 * order of everything is a function of the seed alone.
 */
export class Scheduler {
  readonly #heap: Event[] = []
  #nowMs = 0
  #sequence = 0
  #executed = 0
  #touched: readonly string[] | null = null
  /** `run`s that have not ended. */
  #runs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** Events executed so far. */
  get executed(): number {
    return this.#executed
  }

  /** The machines whose state the last event may have changed; null: any. */
  get touched(): readonly string[] | null {
    return this.#touched
  }

  /** `touches`: names of the machines whose processes run in it; null: any may. */
  at(atMs: number, run: () => void, touches: readonly string[] | null = null): Timer {
    const event: Event = { atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, run, touches, cancelled: false }
    this.#push(event)
    return {
      cancel: () => {
        event.cancelled = true
      },
    }
  }

  after(delayMs: number, run: () => void, touches: readonly string[] | null = null): Timer {
    return this.at(this.#nowMs + Math.max(0, delayMs), run, touches)
  }

  /** Runs until `done` says so, the time is over, or nothing is left to happen. Says whether `done` was reached. */
  run(options: RunOptions = {}): Promise<boolean> {
    const { untilMs = Infinity, done, maxEvents = Infinity, afterEach } = options
    let events = 0
    /** Looks at what the last event did, and makes the next happen; an answer: there is none. */
    const step = (): boolean | null => {
      if (events > 0) afterEach?.()
      if (done?.()) return true
      if (events === maxEvents) return false
      const event = this.#next(untilMs)
      if (event === null) return done?.() ?? false
      events++
      this.#executed++
      this.#touched = event.touches
      event.run()
      return null
    }
    return new Promise((resolve, reject) => {
      let isOver = false
      this.#runs++
      const end = () => {
        isOver = true
        this.#runs--
      }
      const turn = () => {
        if (isOver) return
        try {
          const outcome = step()
          if (outcome === null) return
          end()
          resolve(outcome)
        } catch (error) {
          end()
          reject(error)
        }
      }
      // Runs at the same time alternate: one with an end of its own must come to it before the other has used up the time.
      const more = () => {
        if (this.#runs === 1) turn()
      }
      // Node runs all promise reactions between two immediates: many in one turn of its loop cost less than a turn each.
      const turns = () => {
        if (isOver) return
        setImmediate(turn)
        for (let i = 1; i < stepsPerTurn; i++) setImmediate(more)
        setImmediate(turns)
      }
      setImmediate(turns)
    })
  }

  /** Takes the next event that is not cancelled, and moves time to it; null: there is none until then. */
  #next(untilMs: number): Event | null {
    for (;;) {
      const event = this.#heap[0]
      if (event === undefined || event.atMs > untilMs) {
        if (untilMs !== Infinity) this.#nowMs = Math.max(this.#nowMs, untilMs)
        return null
      }
      this.#pop()
      if (event.cancelled) continue
      this.#nowMs = event.atMs
      return event
    }
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
