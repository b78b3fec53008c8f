import { type Voter, voterOf } from './voter.ts'

/** How far a replica of the log has come, as its leader knows it. Times are of the monotonic clock, -Infinity: never. */
export interface ReplicaProgress {
  readonly replica: Voter
  /** Everything below is durable there; -1 when not known. */
  readonly endOffset: number
  readonly lastFetchMs: number
  /** When it last had all that the leader had at that time. */
  readonly lastCaughtUpMs: number
}

interface Progress extends ReplicaProgress {
  endOffset: number
  lastFetchMs: number
  lastCaughtUpMs: number
  /** The end of the leader's log at the last fetch. */
  leaderEndOffset: number
}

/** An observer that was silent for so long is forgotten. */
const observerTimeoutMs = 300_000
/** Beyond so many the ones that were heard first are forgotten. */
const maxObservers = 10_000

/** What a leader knows of the others in its epoch: who has how much, who was heard, and what that commits. */
export class QuorumProgress {
  readonly #self: Voter
  readonly #epochStartOffset: number
  #voters: readonly Progress[] = []
  readonly #observers = new Map<string, Progress>()
  /** Voters that fetched since a majority was heard last. */
  readonly #heard = new Set<number>()

  constructor(self: Voter, voters: readonly Voter[], epochStartOffset: number) {
    this.#self = self
    this.#epochStartOffset = epochStartOffset
    this.setVoters(voters)
  }

  /** The first offset of the leader's epoch. */
  get epochStartOffset(): number {
    return this.#epochStartOffset
  }
  get voters(): readonly ReplicaProgress[] {
    return this.#voters
  }

  /** Those that fetched within the last five minutes. */
  observers(nowMs: number): ReplicaProgress[] {
    for (const [key, { lastFetchMs }] of this.#observers)
      if (nowMs - lastFetchMs >= observerTimeoutMs) this.#observers.delete(key)
    return [...this.#observers.values()]
  }

  progressOf(replica: Voter): ReplicaProgress | undefined {
    return this.#find(replica)
  }

  /** Another voter set; what is known of those that stay, come or go is kept. */
  setVoters(voters: readonly Voter[]): void {
    const before = this.#voters
    this.#voters = voters.map(voter => {
      const key = keyOf(voter)
      // A voter of a static quorum had no directory, and may have one now.
      const known = before.find(({ replica }) => voterOf([replica], voter)) ?? this.#observers.get(key)
      this.#observers.delete(key)
      return known ? { ...known, replica: voter } : newProgress(voter)
    })
    for (const progress of before)
      if (!this.#voters.some(({ replica }) => voterOf([progress.replica], replica)) && progress.replica.id !== this.#self.id)
        this.#observers.set(keyOf(progress.replica), progress)
    for (const id of this.#heard) if (!voters.some(voter => voter.id === id)) this.#heard.delete(id)
  }

  /** The leader's own log is durable up to `endOffset`. */
  flushed(endOffset: number): void {
    const progress = this.#voters.find(({ replica }) => replica.id === this.#self.id)
    if (progress) progress.endOffset = Math.max(progress.endOffset, endOffset)
  }

  /** A replica fetches from `endOffset`, where its log agrees with the leader's. */
  fetched(replica: Voter, endOffset: number, leaderEndOffset: number, nowMs: number): void {
    let progress = this.#find(replica)
    if (!progress) {
      progress = newProgress(replica)
      if (this.#observers.size >= maxObservers) this.#observers.delete(this.#observers.keys().next().value!)
      this.#observers.set(keyOf(replica), progress)
    }
    if (endOffset >= leaderEndOffset) progress.lastCaughtUpMs = nowMs
    else if (progress.leaderEndOffset > 0 && endOffset >= progress.leaderEndOffset) progress.lastCaughtUpMs = progress.lastFetchMs
    progress.leaderEndOffset = leaderEndOffset
    progress.endOffset = endOffset
    progress.lastFetchMs = nowMs
  }

  /** A replica was heard. Says whether that makes a majority of the voters since the last time it did. */
  heard(replica: Voter): boolean {
    const voter = this.#find(replica)
    if (!voter || !this.#voters.includes(voter)) return false
    this.#heard.add(replica.id)
    const others = Math.floor(this.#voters.length / 2) + (this.#hasSelf() ? 0 : 1)
    if (this.#heard.size < others) return false
    this.#heard.clear()
    return true
  }

  /** Voters other than the leader that did not fetch since `sinceMs`. */
  silentSince(sinceMs: number): Voter[] {
    return this.#others()
      .filter(({ lastFetchMs }) => lastFetchMs < sinceMs)
      .map(({ replica }) => replica)
  }

  /** The other voters, the one with most of the log first. */
  successors(): Voter[] {
    return this.#others()
      .sort((a, b) => b.endOffset - a.endOffset || a.replica.id - b.replica.id)
      .map(({ replica }) => replica)
  }

  /**
   * Everything below it is committed; -1 while that is not known. A majority may hold batches of former epochs that another leader could
   * still replace: only a batch of the leader's own epoch commits them (Raft §5.4.2).
   */
  committedOffset(): number {
    const offsets = this.#voters.map(({ endOffset }) => endOffset).sort((a, b) => b - a)
    const offset = offsets[Math.floor(offsets.length / 2)] ?? -1
    return offset > this.#epochStartOffset ? offset : -1
  }

  #hasSelf(): boolean {
    return this.#voters.some(({ replica }) => replica.id === this.#self.id)
  }

  #others(): Progress[] {
    return this.#voters.filter(({ replica }) => replica.id !== this.#self.id)
  }

  #find(replica: Voter): Progress | undefined {
    const voter = voterOf(
      this.#voters.map(({ replica }) => replica),
      replica,
    )
    return voter ? this.#voters.find(progress => progress.replica === voter) : this.#observers.get(keyOf(replica))
  }
}

const keyOf = ({ id, directoryId }: Voter) => `${id}/${directoryId}`

function newProgress(replica: Voter): Progress {
  return { replica, endOffset: -1, lastFetchMs: -Infinity, lastCaughtUpMs: -Infinity, leaderEndOffset: -1 }
}
