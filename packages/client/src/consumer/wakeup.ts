import type { Clock, Timer } from '@millrace/runtime'

/** One waiter, woken by the first of a notification and its time. A notification without a waiter is kept. */
export class Wakeup {
  readonly #clock: Clock
  #resolve: (() => void) | undefined
  #timer: Timer | undefined
  #isNotified = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  notify(): void {
    this.#isNotified = true
    this.#wake()
  }

  /** Forgets a notification: call it before looking at what notifications are about. */
  reset(): void {
    this.#isNotified = false
  }

  wait(timeoutMs: number): Promise<void> {
    if (this.#isNotified) return Promise.resolve()
    return new Promise(resolve => {
      this.#resolve = resolve
      this.#timer = this.#clock.timer(timeoutMs, () => this.#wake())
    })
  }

  #wake(): void {
    this.#timer?.cancel()
    const resolve = this.#resolve
    this.#resolve = undefined
    resolve?.()
  }
}
