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
  #lastFetchMs = Number.NEGATIVE_INFINITY
  #leaderEndAtLastFetch = -1

  /** A member of the in-sync set counts as caught up when the leadership begins. */
  constructor(brokerId: number, lastCaughtUpMs = Number.NEGATIVE_INFINITY) {
    this.brokerId = brokerId
    this.lastCaughtUpMs = lastCaughtUpMs
  }

  /** It fetched from `offset` while the leader's log ended at `leaderEndOffset`: caught up now, or, with what was there at its fetch before, at that time. */
  fetched(fetch: { offset: number; logStartOffset: number; brokerEpoch: number; leaderEndOffset: number; nowMs: number }): void {
    const { offset, leaderEndOffset, nowMs } = fetch
    if (offset >= leaderEndOffset) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, nowMs)
    else if (offset >= this.#leaderEndAtLastFetch) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, this.#lastFetchMs)
    this.logStartOffset = fetch.logStartOffset
    this.logEndOffset = offset
    this.brokerEpoch = fetch.brokerEpoch
    this.#leaderEndAtLastFetch = leaderEndOffset
    this.#lastFetchMs = nowMs
  }

  isCaughtUp(leaderEndOffset: number, nowMs: number, lagTimeMaxMs: number): boolean {
    return this.logEndOffset === leaderEndOffset || nowMs - this.lastCaughtUpMs <= lagTimeMaxMs
  }
}
