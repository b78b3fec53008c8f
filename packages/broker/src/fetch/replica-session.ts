import type { ReplicaFeed } from '../partition/replica-feed.ts'
import type { FetchWait } from './fetch-wait.ts'
import { type FetchOutcome, type FetchTarget, nextSessionEpoch } from './session.ts'

/** What a partition led here is to a session that follows it. */
export interface FollowedLeader {
  addFeed(feed: ReplicaFeed): void
  removeFeed(feed: ReplicaFeed): void
}

/** Mostly the next records bring the high watermark; without any it is told within this time. */
const highWatermarkLingerMs = 20

/**
 * What another broker follows of this one (KIP-227). A session of a follower holds thousands of partitions of which few have news at a time: leaders
 * tell it of news, and a fetch looks at those alone.
 */
export class ReplicaSession<Leader extends FollowedLeader> {
  readonly id: number
  readonly usesTopicIds: boolean
  /** Of the next request. */
  expectedEpoch = 1
  /** Of the monotonic clock. */
  lastFetchMs = 0
  #brokerEpoch = -1
  /** The fetch that waits for news. */
  wait: FetchWait | null = null
  readonly #entries = new Map<string, ReplicaEntry<Leader>>()
  /** In the order in which they are served: those that gave data come back last. */
  readonly #withNews = new Set<ReplicaEntry<Leader>>()

  constructor(id: number, usesTopicIds: boolean) {
    this.id = id
    this.usesTopicIds = usesTopicIds
  }

  get partitionCount(): number {
    return this.#entries.size
  }

  advance(): void {
    this.expectedEpoch = nextSessionEpoch(this.expectedEpoch)
  }

  /** Adds the partition, or gives it its new position. */
  update(target: FetchTarget): void {
    const key = this.#keyOf(target.topic, target.topicId, target.partition)
    const entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, new ReplicaEntry(this, target))
    else {
      entry.target = target
      entry.isRetargeted = true
      this.#withNews.delete(entry)
    }
    this.#withNews.add(entry ?? this.#entries.get(key)!)
  }

  forget(topic: string, topicId: string, partition: number): void {
    const key = this.#keyOf(topic, topicId, partition)
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.detach()
    this.#entries.delete(key)
    this.#withNews.delete(entry)
  }

  /** A fetch of the broker in that epoch: in another one than before its positions count anew. */
  fetched(brokerEpoch: number, nowMs: number): void {
    this.lastFetchMs = nowMs
    if (brokerEpoch === this.#brokerEpoch) return
    this.#brokerEpoch = brokerEpoch
    for (const entry of this.#entries.values()) {
      entry.isRetargeted = true
      this.#withNews.add(entry)
    }
  }

  /** Those that may have something to tell. Whoever looks at one notes what came of it. */
  get news(): Iterable<ReplicaEntry<Leader>> {
    return this.#withNews
  }

  /** An entry has news that are worth ending a wait, at once or before long. */
  hasNews(entry: ReplicaEntry<Leader>, bytes: number | 'soon' | 'now'): void {
    this.#withNews.add(entry)
    if (this.wait === null) return
    if (bytes === 'now') this.wait.wake()
    else if (bytes === 'soon') this.wait.wakeWithin(highWatermarkLingerMs)
    else this.wait.readable(bytes)
  }

  /** Nothing to tell of it any more until its leader or its follower says so. */
  settle(entry: ReplicaEntry<Leader>): void {
    this.#withNews.delete(entry)
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.detach()
    this.#entries.clear()
    this.#withNews.clear()
  }

  #keyOf(topic: string, topicId: string, partition: number): string {
    return `${this.usesTopicIds ? topicId : topic}/${partition}`
  }
}

/** One partition of a session: the follower's position, and what it was told. */
export class ReplicaEntry<Leader extends FollowedLeader> implements ReplicaFeed {
  target: FetchTarget
  /** The position came with the request that is being served. */
  isRetargeted = true
  #sentHighWatermark = -1
  #sentLogStartOffset = -1
  #leader: Leader | null = null
  readonly #session: ReplicaSession<Leader>

  constructor(session: ReplicaSession<Leader>, target: FetchTarget) {
    this.#session = session
    this.target = target
  }

  /** The leader that tells of news. */
  get leader(): Leader | null {
    return this.#leader
  }

  attach(leader: Leader): void {
    if (this.#leader === leader) return
    this.detach()
    this.#leader = leader
    leader.addFeed(this)
  }

  detach(): void {
    this.#leader?.removeFeed(this)
    this.#leader = null
  }

  recordsWritten(bytes: number): void {
    this.#session.hasNews(this, bytes)
  }
  highWatermarkMoved(): void {
    this.#session.hasNews(this, 'soon')
  }
  leaderChanged(): void {
    this.#session.hasNews(this, 'now')
  }

  /** Whether an answer would tell more than the one before. */
  isNews({ errorCode, diverges, recordBytes, highWatermark, logStartOffset }: FetchOutcome): boolean {
    if (errorCode !== 0 || diverges || recordBytes > 0) return true
    return this.#sentHighWatermark !== highWatermark || this.#sentLogStartOffset !== logStartOffset
  }

  /** Notes what the follower is told. */
  told({ errorCode, diverges, highWatermark, logStartOffset }: FetchOutcome): void {
    const repeats = errorCode !== 0 || diverges
    this.#sentHighWatermark = repeats ? -1 : highWatermark
    this.#sentLogStartOffset = logStartOffset
  }
}
