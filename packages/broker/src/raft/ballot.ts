import type { Voter } from './voter.ts'

/** Votes of one election. */
export class Ballot {
  readonly #voters: readonly Voter[]
  readonly #granted = new Set<number>()
  readonly #rejected = new Set<number>()

  constructor(voters: readonly Voter[]) {
    this.#voters = voters
  }

  /** The last word of a voter counts; others are not asked. */
  record(voterId: number, isGranted: boolean): void {
    if (!this.#voters.some(({ id }) => id === voterId)) return
    const [to, from] = isGranted ? [this.#granted, this.#rejected] : [this.#rejected, this.#granted]
    to.add(voterId)
    from.delete(voterId)
  }

  get granting(): readonly Voter[] {
    return this.#voters.filter(({ id }) => this.#granted.has(id))
  }
  get isWon(): boolean {
    return this.#granted.size > this.#voters.length / 2
  }
  /** So many said no that it cannot be won any more. */
  get isLost(): boolean {
    return this.#rejected.size >= this.#voters.length / 2
  }
}
