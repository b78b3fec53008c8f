import { describe, expect, it } from 'vitest'
import { Backoff } from './backoff.ts'

describe('back-off', () => {
  let drawn = 0
  const random = { float: () => (drawn++ % 50) / 49.001, below: () => 0, bytes: (length: number) => new Uint8Array(length) }
  const backoff = new Backoff(random, { initialMs: 100, maxMs: 1_000 })

  it('doubles from failure to failure up to its limit, give or take a fifth', () => {
    for (const [failures, expected] of [
      [1, 100],
      [2, 200],
      [3, 400],
      [4, 800],
      [5, 1_000],
      [5_000, 1_000],
    ] as const)
      for (let i = 0; i < 50; i++) {
        const delayMs = backoff.delayMs(failures)
        expect(delayMs).toBeGreaterThanOrEqual(expected * 0.8)
        expect(delayMs).toBeLessThanOrEqual(expected * 1.2)
      }
  })

  it('does not wait without a failure', () => {
    expect(backoff.delayMs(0)).toBe(0)
  })
})
