/** When a fetcher of another broker has fetched last, whatever it asked for. */
export interface FetcherLiveness {
  readonly lastFetchMs: number
}

export interface ReplicaPosition {
  /** The replica has everything before. */
  readonly offset: number
  readonly logStartOffset: number
  readonly brokerEpoch: number
  readonly leaderEndOffset: number
  readonly nowMs: number
  readonly fetcher: FetcherLiveness
}

/** What a leader knows of another replica, by the fetches that it made in this leadership. Times are of the monotonic clock. */
export class ReplicaProgress {
  readonly brokerId: number
  /** Of the process that fetches; -1 before it has fetched, or when it does not say. */
  brokerEpoch = -1
  /** -1 before the first fetch. */
  logStartOffset = -1
  /** Everything before it is in the replica's log; -1 before the first fetch. */
  logEndOffset = -1
  /** When it last had everything that the leader had. */
  lastCaughtUpMs: number
  #fetcher: FetcherLiveness = { lastFetchMs: Number.NEGATIVE_INFINITY }
  #lastFetchMs = Number.NEGATIVE_INFINITY
  #leaderEndAtLastFetch = -1

  /** A member of the in-sync set counts as caught up when the leadership begins. */
  constructor(brokerId: number, lastCaughtUpMs = Number.NEGATIVE_INFINITY) {
    this.brokerId = brokerId
    this.lastCaughtUpMs = lastCaughtUpMs
  }

  /** It fetched from `offset` while the leader's log ended at `leaderEndOffset`: caught up now, or, with what was there at its fetch before, at that time. */
  fetched(fetch: ReplicaPosition): void {
    const { offset, leaderEndOffset, nowMs } = fetch
    this.#fetcher = fetch.fetcher
    if (offset >= leaderEndOffset) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, nowMs)
    else if (offset >= this.#leaderEndAtLastFetch) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, this.#lastFetchMs)
    this.logStartOffset = fetch.logStartOffset
    this.logEndOffset = offset
    this.brokerEpoch = fetch.brokerEpoch
    this.#leaderEndAtLastFetch = leaderEndOffset
    this.#lastFetchMs = nowMs
  }

  /** The leader's log grows beyond `leaderEndOffset`: who had everything was caught up at the last fetch of its fetcher, which did not name this partition again. */
  leftBehind(leaderEndOffset: number): void {
    if (this.logEndOffset === leaderEndOffset) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, this.#fetcher.lastFetchMs)
  }

  isCaughtUp(leaderEndOffset: number, nowMs: number, lagTimeMaxMs: number): boolean {
    return this.logEndOffset === leaderEndOffset || nowMs - this.lastCaughtUpMs <= lagTimeMaxMs
  }
}
