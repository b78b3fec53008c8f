import type { Clock, Timer } from '@millrace/runtime'

/** Removals of files that wait for their time (`file.delete.delay.ms`). What is still waiting at a stop is removed by the next start. */
export class DelayedRemovals {
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(delayMs: number, remove: () => void): void {
    const timer = this.#clock.timer(delayMs, () => {
      this.#timers.delete(timer)
      remove()
    })
    this.#timers.add(timer)
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}
