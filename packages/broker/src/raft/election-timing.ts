import type { RaftTimeouts } from './raft-node-options.ts'
import { isSameVoter, type Voter } from './voter.ts'

/** First wait after a lost election; doubles with each further one. */
const backoffBaseMs = 50

/** The waits of an election, drawn anew each time so that candidates do not collide. */
export class ElectionTiming {
  readonly #timeouts: RaftTimeouts
  readonly #below: (bound: number) => number

  /** `below`: uniform in 0 ≤ n < bound. */
  constructor(timeouts: RaftTimeouts, below: (bound: number) => number) {
    this.#timeouts = timeouts
    this.#below = below
  }

  electionTimeoutMs(): number {
    const { electionTimeoutMs } = this.#timeouts
    return electionTimeoutMs + this.#below(electionTimeoutMs + 1)
  }

  /** After a start: to ask for votes disturbs no leader that lives (KIP-996), and where none is nobody should wait. */
  startMs(): number {
    const { electionTimeoutMs } = this.#timeouts
    return Math.floor(electionTimeoutMs / 10) + this.#below(Math.floor(electionTimeoutMs / 5) + 1)
  }

  /** After `lost` elections in a row. */
  backoffMs(lost: number): number {
    const maxMs = Math.min(this.#timeouts.electionBackoffMaxMs, backoffBaseMs * 2 ** Math.min(lost, 16))
    return Math.ceil(maxMs / 4) + this.#below(maxMs + 1)
  }

  /** How long a voter lets those before it in the list of a leader that resigned go first; 0 for the first. */
  successionMs(self: Voter, candidates: readonly Voter[]): number {
    const position = candidates.findIndex(candidate => isSameVoter(candidate, self))
    const maxMs = this.#timeouts.electionBackoffMaxMs
    if (position === 0) return 0
    if (position < 0) return maxMs
    return Math.min(maxMs, (maxMs >> (candidates.length - 1)) << (position - 1))
  }

  get fetchTimeoutMs(): number {
    return this.#timeouts.fetchTimeoutMs
  }
  /** A leader that did not hear a majority for so long resigns. */
  get checkQuorumMs(): number {
    return this.#timeouts.fetchTimeoutMs * 1.5
  }
  /** A voter that did not fetch for so long is told again who leads. */
  get announceMs(): number {
    return this.#timeouts.fetchTimeoutMs / 2
  }
}
