import type { Effect, Machine } from '@millrace/runtime'
import { committedOffset, isMajority } from './majority.ts'
import type { ElectionState } from './quorum-state.ts'

export type RaftRole = 'unattached' | 'candidate' | 'leader' | 'follower'

/** A voter is the node together with its directory: a node that lost its disk is another voter (KIP-853). */
export interface Voter {
  readonly id: number
  /** Zero uuid in a static quorum. */
  readonly directoryId: string
}

export type RaftInput =
  /** The log is open and durable up to `logEndOffset`; `lastEpoch` is the epoch of its last batch, 0 without one. */
  | { readonly kind: 'started'; readonly logEndOffset: number; readonly lastEpoch: number }
  | { readonly kind: 'election-timeout'; readonly epoch: number }
  | { readonly kind: 'vote-answered'; readonly from: number; readonly epoch: number; readonly granted: boolean }
  /** This node's log is durable up to `endOffset`. */
  | { readonly kind: 'flushed'; readonly endOffset: number }
  /** A voter fetches from `endOffset`: its log is durable up to there. */
  | { readonly kind: 'fetched'; readonly from: number; readonly endOffset: number }

export interface VoteRequest {
  readonly kind: 'vote'
  readonly epoch: number
  readonly candidate: Voter
  readonly lastEpoch: number
  readonly logEndOffset: number
}

export interface RaftOptions {
  readonly self: Voter
  readonly voters: readonly Voter[]
  readonly electionTimeoutMs: number
  /** Added to the election timeout so that candidates do not collide. */
  readonly jitterMs: () => number
}

/**
 * KRaft's election and commit rules. What must not be forgotten is the `ElectionState`, applied from `quorum-state`; everything else
 * is rebuilt in each epoch. The owner (`RaftNode`) looks at `role`, `epoch` and `highWatermark` after each step and acts on what changed.
 */
export class Raft implements Machine<RaftInput, ElectionState, VoteRequest> {
  readonly #options: RaftOptions
  #state: ElectionState
  #role: RaftRole = 'unattached'
  #logEndOffset = 0
  #lastEpoch = 0
  #epochStartOffset = -1
  #highWatermark = -1
  #granted = new Set<number>()
  readonly #durableUpTo = new Map<number, number>()

  constructor(options: RaftOptions, state: ElectionState) {
    this.#options = options
    this.#state = state
  }

  get role(): RaftRole {
    return this.#role
  }
  get epoch(): number {
    return this.#state.epoch
  }
  /** Who got this node's vote in the epoch; -1: nobody, or not known. */
  get votedId(): number {
    return this.#state.votedId
  }
  /** -1: not known. */
  get leaderId(): number {
    return this.#role === 'leader' ? this.#options.self.id : this.#role === 'follower' ? this.#state.leaderId : -1
  }
  /** Everything below it is committed; -1 before anything is. */
  get highWatermark(): number {
    return this.#highWatermark
  }
  /** Who voted for this leader. */
  get grantingVoters(): readonly Voter[] {
    return this.#options.voters.filter(voter => this.#granted.has(voter.id))
  }
  get voters(): readonly Voter[] {
    return this.#options.voters
  }
  /** Where a voter's log is known to be durable, -1 when not known. Meaningful at the leader. */
  durableUpTo(voterId: number): number {
    return this.#durableUpTo.get(voterId) ?? -1
  }

  step(input: RaftInput, nowMs: number): readonly Effect<RaftInput, ElectionState, VoteRequest>[] {
    switch (input.kind) {
      case 'started':
        this.#logEndOffset = input.logEndOffset
        this.#lastEpoch = input.lastEpoch
        return this.#isOnlyVoter() ? this.#standForElection(nowMs) : [this.#electionTimer(nowMs, this.epoch)]
      case 'election-timeout':
        return this.#role === 'leader' || input.epoch !== this.epoch ? [] : this.#standForElection(nowMs)
      case 'vote-answered':
        return this.#countVote(input)
      case 'flushed':
        this.#logEndOffset = Math.max(this.#logEndOffset, input.endOffset)
        this.#progress(this.#options.self.id, input.endOffset)
        return []
      case 'fetched':
        this.#progress(input.from, input.endOffset)
        return []
    }
  }

  apply(state: ElectionState): void {
    this.#state = state
  }

  #standForElection(nowMs: number): Effect<RaftInput, ElectionState, VoteRequest>[] {
    const { self, voters } = this.#options
    const epoch = Math.max(this.epoch, this.#lastEpoch) + 1
    this.#role = 'candidate'
    this.#granted = new Set([self.id])
    const vote: ElectionState = { epoch, leaderId: -1, votedId: self.id, votedDirectoryId: self.directoryId }
    if (isMajority(voters, this.#granted)) return this.#lead([vote], epoch)
    const request: VoteRequest = {
      kind: 'vote',
      epoch,
      candidate: self,
      lastEpoch: this.#lastEpoch,
      logEndOffset: this.#logEndOffset,
    }
    return [
      { kind: 'append', records: [vote] },
      ...voters.filter(voter => voter.id !== self.id).map(voter => ({ kind: 'send' as const, to: voter.id, message: request })),
      this.#electionTimer(nowMs, epoch),
    ]
  }

  #countVote(answer: RaftInput & { kind: 'vote-answered' }): Effect<RaftInput, ElectionState, VoteRequest>[] {
    if (this.#role !== 'candidate' || answer.epoch !== this.epoch || !answer.granted) return []
    this.#granted.add(answer.from)
    return isMajority(this.#options.voters, this.#granted) ? this.#lead([], this.epoch) : []
  }

  #lead(before: readonly ElectionState[], epoch: number): Effect<RaftInput, ElectionState, VoteRequest>[] {
    const { self } = this.#options
    this.#role = 'leader'
    this.#epochStartOffset = this.#logEndOffset
    this.#durableUpTo.clear()
    this.#durableUpTo.set(self.id, this.#logEndOffset)
    const elected: ElectionState = { epoch, leaderId: self.id, votedId: -1, votedDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA' }
    return [
      { kind: 'append', records: [...before, elected] },
      { kind: 'cancel', name: 'election' },
    ]
  }

  #progress(voterId: number, endOffset: number): void {
    if (this.#role !== 'leader' || !this.#options.voters.some(voter => voter.id === voterId)) return
    this.#durableUpTo.set(voterId, Math.max(this.durableUpTo(voterId), endOffset))
    const offset = committedOffset(this.#options.voters, this.#durableUpTo)
    // A majority may hold batches of former epochs that another leader could still replace: only an own batch commits them (Raft §5.4.2).
    if (offset > this.#epochStartOffset && offset > this.#highWatermark) this.#highWatermark = offset
  }

  #isOnlyVoter(): boolean {
    const { self, voters } = this.#options
    return voters.length === 1 && voters[0]!.id === self.id
  }

  #electionTimer(nowMs: number, epoch: number): Effect<RaftInput, ElectionState, VoteRequest> {
    const { electionTimeoutMs, jitterMs } = this.#options
    const input: RaftInput = { kind: 'election-timeout', epoch }
    return { kind: 'timer', name: 'election', atMs: nowMs + electionTimeoutMs + jitterMs(), input }
  }
}
