import type { Random } from '@millrace/runtime'

/**
 * A seeded generator (sfc32). Every concern forks its own stream by name, so that one more draw in one of them does not shift the others.
 */
export class SeededRandom implements Random {
  readonly #seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string | number) {
    this.#seed = String(seed)
    // FNV-1a over the seed's text, with three offsets, gives the three words of state.
    const hash = (offset: number) => {
      let h = 0x811c9dc5 ^ offset
      for (let i = 0; i < this.#seed.length; i++) h = Math.imul(h ^ this.#seed.charCodeAt(i), 0x01000193)
      return h >>> 0
    }
    this.#a = hash(0x9e3779b9)
    this.#b = hash(0x243f6a88)
    this.#c = hash(0xb7e15162)
    for (let i = 0; i < 15; i++) this.uint32()
  }

  /** An independent stream; the same name gives the same stream. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${name}`)
  }

  uint32(): number {
    const t = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    return (this.#c | 0) >>> 0
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  float(): number {
    return this.uint32() / 2 ** 32
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32()
    return bytes
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.float() < probability
  }

  /** Uniform in min ≤ n ≤ max. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** Exponential with the given mean: latencies. */
  exponential(mean: number): number {
    return -Math.log(1 - this.float()) * mean
  }
}
