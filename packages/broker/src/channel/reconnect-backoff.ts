import type { Random } from '@millrace/runtime'

export interface ReconnectBackoffOptions {
  /** Wait before the second attempt, milliseconds. */
  readonly initialMs: number
  /** No wait is longer than this, jitter aside. */
  readonly maxMs: number
}

const jitter = 0.2

/** The wait doubles with each failure in a row, with ±20 % jitter, so that nodes that lost one another at once do not come back at once. */
export class ReconnectBackoff {
  readonly #random: Random
  readonly #options: ReconnectBackoffOptions
  #failures = 0

  constructor(random: Random, options: ReconnectBackoffOptions) {
    this.#random = random
    this.#options = options
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** Milliseconds to wait before the next attempt. */
  failed(): number {
    const { initialMs, maxMs } = this.#options
    const delayMs = Math.min(maxMs, initialMs * 2 ** Math.min(this.#failures++, 30))
    return delayMs * (1 - jitter + this.#random.float() * 2 * jitter)
  }
}
