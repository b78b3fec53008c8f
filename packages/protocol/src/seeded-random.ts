import type { RandomSource } from './random-value.ts'

/** A small generator (mulberry32) for tests: the same seed gives the same values. */
export function seededRandom(seed: number): RandomSource {
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return { below: bound => Math.floor((next() / 4294967296) * bound), float: () => next() / 4294967296 }
}
