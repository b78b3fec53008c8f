import type { Clock, Timer } from './world.ts'

/** One timer for many deadlines. It is set to the earliest or before: an end in time does not move it, and it finds out then what is still waited for. */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #check: (nowMs: number) => number
  #timer: Timer | null = null
  #atMs = Infinity

  /** `check` ends what is due at `nowMs` of the monotonic clock and returns the earliest deadline that is left, Infinity for none. */
  constructor(clock: Clock, check: (nowMs: number) => number) {
    this.#clock = clock
    this.#check = check
  }

  /** There is something to end at `deadlineMs` of the monotonic clock. */
  arm(deadlineMs: number): void {
    if (deadlineMs >= this.#atMs) return
    this.#timer?.cancel()
    this.#atMs = deadlineMs
    this.#timer = this.#clock.timer(Math.max(0, deadlineMs - this.#clock.monotonic()), () => {
      this.#timer = null
      this.#atMs = Infinity
      const earliestMs = this.#check(this.#clock.monotonic())
      if (earliestMs < Infinity) this.arm(earliestMs)
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#atMs = Infinity
  }
}
