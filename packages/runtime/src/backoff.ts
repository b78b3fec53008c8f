import type { Random } from './world.ts'

export interface BackoffOptions {
  /** Wait before the second attempt, milliseconds. */
  readonly initialMs: number
  /** No wait is longer than this (before jitter). */
  readonly maxMs: number
}

const multiplier = 2
const jitter = 0.2

/** Exponential back-off with ±20 % jitter, so that those that failed together do not come back together (KIP-580). */
export class Backoff {
  readonly #options: BackoffOptions
  readonly #random: Random

  constructor(random: Random, options: BackoffOptions) {
    this.#random = random
    this.#options = options
  }

  /** Milliseconds to wait after `failures` failed attempts in a row; zero when there was none. */
  delayMs(failures: number): number {
    const { initialMs, maxMs } = this.#options
    if (failures <= 0 || maxMs <= 0) return 0
    // The exponent is capped: 2^30 times a millisecond is already beyond every limit.
    const exponential = Math.min(maxMs, initialMs * multiplier ** Math.min(failures - 1, 30))
    return exponential * (1 - jitter + this.#random.float() * 2 * jitter)
  }
}
