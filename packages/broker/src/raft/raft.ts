import { zeroUuid } from '@millrace/protocol'
import { assert, type Effect, type Machine } from '@millrace/runtime'
import { Ballot } from './ballot.ts'
import type { ElectionTiming } from './election-timing.ts'
import { QuorumProgress } from './quorum-progress.ts'
import type { ElectionState } from './quorum-state.ts'
import type { LogEnd, RaftInput, RaftMessage, RaftVoteRequest } from './raft-input.ts'
import { type Endpoint, isSameVoter, nobody, type Voter, voterOf } from './voter.ts'

/**
 * `prospective` asks whether it would get the votes, `candidate` asks for them in a new epoch (KIP-996); `resigned` led this epoch and does
 * so no longer. An observer is `unattached` or `follower` for ever.
 */
export type RaftRole = 'unattached' | 'prospective' | 'candidate' | 'leader' | 'follower' | 'resigned'

export interface RaftOptions {
  readonly self: Voter
  readonly voters: readonly Voter[]
  /** Without it this node observes whatever the voter set says. */
  readonly canVote: boolean
  readonly timing: ElectionTiming
  /** Where a voter listens; null when not known. */
  readonly endpointOf: (voterId: number) => Endpoint | null
}

type RaftEffect = Effect<RaftInput, ElectionState, RaftMessage>

/**
 * KRaft's election and commit rules. What must not be forgotten is the `ElectionState`, applied from `quorum-state`; everything else
 * is rebuilt in each epoch. The owner (`RaftNode`) looks at `role`, `epoch`, `leaderId` and `highWatermark` after each step and acts on what changed.
 */
export class Raft implements Machine<RaftInput, ElectionState, RaftMessage> {
  readonly #options: RaftOptions
  /** As it is on disk. */
  #state: ElectionState
  /** As it will be at the end of the step. */
  #next: ElectionState
  #effects: RaftEffect[] = []
  #nowMs = 0
  #voters: readonly Voter[]
  #role: RaftRole = 'unattached'
  #log: LogEnd = { endOffset: 0, epoch: 0 }
  #highWatermark = 0
  /** When the role ends by itself. */
  #deadlineMs = Infinity
  #armedMs = Infinity
  #ballot: Ballot | null = null
  #lostElections = 0
  #leaderEndpoint: Endpoint | null = null
  /** This follower's leader has answered it: then it sees no reason for an election. */
  #leaderAnswered = false
  /** How often it was not there since it answered last. */
  #suspicions = 0
  #progress: QuorumProgress | null = null
  #grantingVoters: readonly Voter[] = []

  constructor(options: RaftOptions, state: ElectionState) {
    this.#options = options
    this.#voters = options.voters
    this.#state = state
    this.#next = state
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
    return this.#role === 'leader' || this.#role === 'follower' || this.#role === 'prospective' ? this.#state.leaderId : nobody
  }
  /** Where the leader that this node follows listens. */
  get leaderEndpoint(): Endpoint | null {
    return this.#leaderEndpoint
  }
  /** Everything below it is committed, as far as this node knows. */
  get highWatermark(): number {
    return this.#highWatermark
  }
  get isVoter(): boolean {
    return this.#options.canVote && voterOf(this.#voters, this.#options.self) !== undefined
  }
  get voters(): readonly Voter[] {
    return this.#voters
  }
  /** Who voted for this leader. */
  get grantingVoters(): readonly Voter[] {
    return this.#grantingVoters
  }
  /** What this leader knows of the others; null when this node does not lead. */
  get progress(): QuorumProgress | null {
    return this.#progress
  }

  step(input: RaftInput, nowMs: number): readonly RaftEffect[] {
    this.#next = this.#state
    this.#effects = []
    this.#nowMs = nowMs
    this.#handle(input)
    if (this.#next === this.#state) return this.#effects
    assert(this.#next.epoch >= this.#state.epoch, `epoch ${this.#next.epoch} after ${this.#state.epoch}`)
    // First: what is sent or answered may rest on it.
    return [{ kind: 'append', records: [this.#next] }, ...this.#effects]
  }

  apply(state: ElectionState): void {
    this.#state = state
  }

  #handle(input: RaftInput): void {
    switch (input.kind) {
      case 'started':
        this.#started(input.log, input.highWatermark)
        break
      case 'timeout':
        this.#timedOut()
        break
      case 'announce':
        this.#announce(input.epoch)
        break
      case 'log-changed':
        this.#log = input.log
        break
      case 'flushed':
        this.#progress?.flushed(input.endOffset)
        this.#commit()
        break
      case 'voters-changed':
        this.#votersChanged(input.voters)
        break
      case 'vote-requested':
        this.#voteRequested(input.request, input.answer)
        break
      case 'vote-answered':
        this.#voteAnswered(input)
        break
      case 'leader-heard':
        this.#leaderHeard(input.epoch, input.leaderId, input.endpoint, input.byItself)
        break
      case 'leader-ended':
        this.#leaderHeard(input.epoch, input.leaderId, input.endpoint, true)
        this.#leaderEnded(input.epoch, input.leaderId, input.candidates)
        break
      case 'leader-answered':
        this.#leaderHasAnswered(input.epoch, input.highWatermark)
        break
      case 'leader-unreachable':
        this.#leaderUnreachable(input.epoch)
        break
      case 'fetched':
        if (input.endOffset >= 0) this.#progress?.fetched(input.replica, input.endOffset, this.#log.endOffset, this.#nowMs)
        if (this.#progress?.heard(input.replica)) this.#expireAfter(this.#options.timing.checkQuorumMs)
        this.#commit()
        break
      case 'resign':
        this.#resign()
        break
    }
  }

  #started(log: LogEnd, highWatermark: number): void {
    const { timing, endpointOf } = this.#options
    this.#log = log
    this.#highWatermark = highWatermark
    if (log.epoch > this.#next.epoch) this.#setEpoch(log.epoch)
    const { leaderId } = this.#next
    const endpoint = this.#isAnother(leaderId) ? endpointOf(leaderId) : null
    if (this.#isOnlyVoter()) this.#standForElection()
    else if (endpoint) this.#follow(leaderId, endpoint)
    else {
      // What it led before its start it can lead no longer: what it knew of the others is lost.
      this.#role = leaderId === this.#options.self.id && this.isVoter ? 'resigned' : 'unattached'
      this.#expireAfter(timing.startMs())
    }
  }

  #timedOut(): void {
    this.#armedMs = Infinity
    if (this.#nowMs < this.#deadlineMs) this.#arm()
    else if (this.#role === 'leader') this.#resign()
    else if (!this.isVoter) this.#detach(Infinity)
    else if (this.#role === 'prospective') this.#losePreVote()
    else {
      if (this.#role === 'candidate') this.#lostElections++
      // Its own epoch is over, and in it nobody else can be elected.
      if (this.#role === 'resigned') this.#setEpoch(this.#next.epoch + 1)
      this.#askForElection()
    }
  }

  /** Pre-vote: would a majority vote for this node? */
  #askForElection(): void {
    this.#role = 'prospective'
    this.#openBallot()
    if (this.#ballot!.isWon) this.#standForElection()
    else this.#requestVotes(true)
  }

  #standForElection(): void {
    const { self } = this.#options
    this.#role = 'candidate'
    this.#leaderEndpoint = null
    this.#next = { epoch: this.#next.epoch + 1, leaderId: nobody, votedId: self.id, votedDirectoryId: self.directoryId }
    this.#openBallot()
    if (this.#ballot!.isWon) this.#lead()
    else this.#requestVotes(false)
  }

  #openBallot(): void {
    this.#ballot = new Ballot(this.#voters)
    this.#ballot.record(this.#options.self.id, true)
    this.#expireAfter(this.#options.timing.electionTimeoutMs())
  }

  #requestVotes(preVote: boolean): void {
    const { self } = this.#options
    const request: RaftVoteRequest = { epoch: this.#next.epoch, candidate: self, log: this.#log, preVote }
    for (const { id } of this.#voters)
      if (id !== self.id) this.#effects.push({ kind: 'send', to: id, message: { kind: 'vote', request } })
  }

  #voteAnswered({ from, epoch, preVote, granted }: RaftInput & { kind: 'vote-answered' }): void {
    const isAwaited = this.#role === (preVote ? 'prospective' : 'candidate') && epoch === this.#next.epoch
    if (!isAwaited) return
    const ballot = this.#ballot!
    ballot.record(from, granted)
    if (ballot.isWon) {
      if (preVote) this.#standForElection()
      else this.#lead()
    } else if (ballot.isLost) {
      const backoffMs = this.#options.timing.backoffMs(this.#lostElections)
      if (preVote) this.#losePreVote()
      else if (this.#nowMs + backoffMs < this.#deadlineMs) this.#expireAfter(backoffMs)
    }
  }

  #losePreVote(): void {
    const { leaderId } = this.#next
    this.#ballot = null
    if (this.#isAnother(leaderId) && this.#leaderEndpoint) {
      this.#follow(leaderId, this.#leaderEndpoint)
      return
    }
    this.#detach(this.#options.timing.backoffMs(this.#lostElections++))
  }

  #voteRequested({ epoch, candidate, log, preVote }: RaftVoteRequest, answer: (granted: boolean) => void): void {
    if (epoch > this.#next.epoch) this.#enterEpoch(epoch)
    const isUpToDate = log.epoch > this.#log.epoch || (log.epoch === this.#log.epoch && log.endOffset >= this.#log.endOffset)
    const granted = epoch === this.#next.epoch && this.#wouldGrant(candidate, isUpToDate, preVote)
    if (granted && !preVote && this.#next.votedId === nobody) {
      this.#next = { ...this.#next, votedId: candidate.id, votedDirectoryId: candidate.directoryId }
      this.#detach(this.#options.timing.electionTimeoutMs())
    }
    this.#effects.push({ kind: 'reply', complete: () => answer(granted) })
  }

  #wouldGrant(candidate: Voter, isUpToDate: boolean, preVote: boolean): boolean {
    if (this.#role === 'leader') return false
    if (preVote) return isUpToDate && !(this.#role === 'follower' && this.#leaderAnswered)
    if (this.#role !== 'unattached' && this.#role !== 'prospective') return false
    const { votedId: id, votedDirectoryId: directoryId, leaderId } = this.#next
    if (id !== nobody) return isSameVoter({ id, directoryId }, candidate)
    return leaderId === nobody && isUpToDate
  }

  #lead(): void {
    const { self, timing } = this.#options
    this.#role = 'leader'
    this.#next = { epoch: this.#next.epoch, leaderId: self.id, votedId: nobody, votedDirectoryId: zeroUuid }
    this.#grantingVoters = this.#ballot!.granting
    this.#ballot = null
    this.#lostElections = 0
    this.#leaderEndpoint = null
    this.#progress = new QuorumProgress(self, this.#voters, this.#log.endOffset)
    this.#expireAfter(timing.checkQuorumMs)
    this.#announce(this.#next.epoch)
  }

  /** Tells the voters that do not fetch who leads. */
  #announce(epoch: number): void {
    if (this.#role !== 'leader' || epoch !== this.#next.epoch) return
    const { announceMs } = this.#options.timing
    for (const { id } of this.#progress!.silentSince(this.#nowMs - announceMs))
      this.#effects.push({ kind: 'send', to: id, message: { kind: 'begin', epoch } })
    this.#effects.push({ kind: 'timer', name: 'announce', atMs: this.#nowMs + announceMs, input: { kind: 'announce', epoch } })
  }

  #resign(): void {
    if (this.#role !== 'leader') return
    const candidates = this.#progress!.successors()
    for (const { id } of candidates)
      this.#effects.push({ kind: 'send', to: id, message: { kind: 'end', epoch: this.#next.epoch, candidates } })
    this.#stopLeading()
    this.#role = 'resigned'
    this.#expireAfter(this.#options.timing.electionTimeoutMs())
  }

  #leaderHeard(epoch: number, leaderId: number, endpoint: Endpoint | null, byItself: boolean): void {
    if (epoch < this.#next.epoch) return
    const isNewEpoch = epoch > this.#next.epoch
    if (!this.#isAnother(leaderId)) {
      // It may be told what it led before it lost its disk.
      if (isNewEpoch) this.#enterEpoch(epoch)
      return
    }
    const known = this.#next.leaderId
    assert(isNewEpoch || known === nobody || known === leaderId, `epoch ${epoch} is led by ${known} and by ${leaderId}`)
    // Who answers a pre-vote names the leader of old as well: that ends no ballot, unless it is the leader who answers.
    const isKnown = this.#role === 'follower' || (this.#role === 'prospective' && known === leaderId && !byItself)
    if (!isNewEpoch && isKnown) {
      if (endpoint) this.#leaderEndpoint = endpoint
    } else if (endpoint) {
      if (isNewEpoch) this.#setEpoch(epoch)
      this.#follow(leaderId, endpoint)
    } else if (isNewEpoch) this.#enterEpoch(epoch)
  }

  #follow(leaderId: number, endpoint: Endpoint): void {
    this.#stopLeading()
    this.#role = 'follower'
    this.#ballot = null
    this.#lostElections = 0
    if (this.#next.leaderId !== leaderId) this.#next = { ...this.#next, leaderId }
    this.#leaderEndpoint = endpoint
    this.#leaderAnswered = false
    this.#expireAfter(this.#options.timing.fetchTimeoutMs)
  }

  #leaderHasAnswered(epoch: number, highWatermark: number): void {
    if (this.#role !== 'follower' || epoch !== this.#next.epoch) return
    this.#leaderAnswered = true
    this.#suspicions = 0
    this.#expireAfter(this.#options.timing.fetchTimeoutMs)
    this.#highWatermark = Math.max(this.#highWatermark, Math.min(highWatermark, this.#log.endOffset))
  }

  /** A process that is gone leads no longer, even if it comes back: no reason to wait for the whole fetch timeout, and pre-vote asks the others. */
  #leaderUnreachable(epoch: number): void {
    if (this.#role !== 'follower' || epoch !== this.#next.epoch || !this.isVoter) return
    this.#leaderAnswered = false
    const waitMs = this.#options.timing.backoffMs(this.#suspicions++)
    if (this.#nowMs + waitMs < this.#deadlineMs) this.#expireAfter(waitMs)
  }

  #leaderEnded(epoch: number, leaderId: number, candidates: readonly Voter[]): void {
    if (this.#role !== 'follower' || epoch !== this.#next.epoch || leaderId !== this.#next.leaderId || !this.isVoter) return
    this.#leaderAnswered = false
    const waitMs = this.#options.timing.successionMs(this.#options.self, candidates)
    // The leader itself asks for it: nobody has to be asked before.
    if (waitMs === 0) this.#standForElection()
    else if (this.#nowMs + waitMs < this.#deadlineMs) this.#expireAfter(waitMs)
  }

  #votersChanged(voters: readonly Voter[]): void {
    this.#voters = voters
    this.#progress?.setVoters(voters)
    if (this.#role === 'leader') {
      this.#expireAfter(this.#options.timing.checkQuorumMs)
      this.#commit()
      return
    }
    const isElecting = this.#role === 'prospective' || this.#role === 'candidate'
    if (isElecting) this.#detach(this.#options.timing.electionTimeoutMs())
    else if (this.isVoter && this.#deadlineMs === Infinity) this.#expireAfter(this.#options.timing.electionTimeoutMs())
  }

  #commit(): void {
    this.#highWatermark = Math.max(this.#highWatermark, this.#progress?.committedOffset() ?? -1)
  }

  /** An epoch of which no leader is known. The wait for an election that was under way goes on. */
  #enterEpoch(epoch: number): void {
    const isWaiting = this.#role !== 'leader' && this.#role !== 'follower' && this.#deadlineMs !== Infinity
    const remainingMs = isWaiting ? Math.max(0, this.#deadlineMs - this.#nowMs) : this.#options.timing.electionTimeoutMs()
    this.#setEpoch(epoch)
    this.#detach(remainingMs)
  }

  #setEpoch(epoch: number): void {
    this.#next = { epoch, leaderId: nobody, votedId: nobody, votedDirectoryId: zeroUuid }
  }

  #detach(waitMs: number): void {
    this.#stopLeading()
    this.#role = 'unattached'
    this.#ballot = null
    this.#leaderEndpoint = null
    this.#expireAfter(this.isVoter ? waitMs : Infinity)
  }

  #stopLeading(): void {
    this.#progress = null
    this.#grantingVoters = []
  }

  /** A leader that this node can follow. Who never stands for election and yet is named has another process's number, and is told so by that one when it registers. */
  #isAnother(leaderId: number): boolean {
    const { self, canVote } = this.#options
    return leaderId !== nobody && (leaderId !== self.id || !canVote)
  }

  #isOnlyVoter(): boolean {
    return this.#voters.length === 1 && this.isVoter
  }

  /** The timer is armed anew only when it would come too late: a deadline moves with every fetch. */
  #expireAfter(delayMs: number): void {
    const isAlone = this.#role === 'leader' && this.#isOnlyVoter()
    this.#deadlineMs = isAlone ? Infinity : this.#nowMs + delayMs
    this.#arm()
  }

  #arm(): void {
    if (this.#deadlineMs >= this.#armedMs || this.#deadlineMs === Infinity) return
    this.#armedMs = this.#deadlineMs
    this.#effects.push({ kind: 'timer', name: 'role', atMs: this.#deadlineMs, input: { kind: 'timeout' } })
  }
}
