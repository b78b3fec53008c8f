/** What a consumer asks of one partition. */
export interface FetchTarget {
  /** Empty when the request names an id that this broker does not know. */
  readonly topic: string
  /** The zero uuid in requests that name topics. */
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  /** Where the log of a follower starts; -1 from consumers. */
  readonly logStartOffset: number
  readonly maxBytes: number
}

/** What decides whether a partition must appear in an incremental answer. */
export interface FetchOutcome {
  readonly errorCode: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly recordBytes: number
  readonly diverges: boolean
  /** -1: none. */
  readonly preferredReadReplica?: number
}

export const newSessionEpoch = 0
export const sessionlessEpoch = -1
const maxEpoch = 2 ** 31 - 1

/** The epoch of the request after `epoch`: wraps to 1, as 0 asks for a new session. */
export function nextSessionEpoch(epoch: number): number {
  return epoch === maxEpoch ? 1 : epoch + 1
}

interface Entry {
  readonly key: string
  target: FetchTarget
  /** -1 makes the next answer include the partition. */
  sentHighWatermark: number
  sentLogStartOffset: number
}

/**
 * An incremental fetch session (KIP-227): the partitions a consumer fetches, so that its requests carry changes only, and what it was told last,
 * so that answers do. Partitions are kept in the order in which they are served: one that gave data goes to the end, so that none starves.
 */
export class FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  /** Follower sessions may push out those of consumers. */
  readonly isPrivileged: boolean
  readonly createdMs: number
  lastUsedMs: number
  /** Of the next request. */
  expectedEpoch = 1
  readonly #entries = new Map<string, Entry>()

  constructor(options: { id: number; usesTopicIds: boolean; isPrivileged: boolean; nowMs: number }) {
    this.id = options.id
    this.usesTopicIds = options.usesTopicIds
    this.isPrivileged = options.isPrivileged
    this.createdMs = options.nowMs
    this.lastUsedMs = options.nowMs
  }

  get partitionCount(): number {
    return this.#entries.size
  }

  /** Adds the partition at the end of the order, or gives it its new position and limits. */
  update(target: FetchTarget): void {
    const key = this.#keyOf(target.topic, target.topicId, target.partition)
    const entry = this.#entries.get(key)
    if (entry) entry.target = target
    else this.#entries.set(key, { key, target, sentHighWatermark: -1, sentLogStartOffset: -1 })
  }

  forget(topic: string, topicId: string, partition: number): void {
    this.#entries.delete(this.#keyOf(topic, topicId, partition))
  }

  /** In the order of service. `nameOf` gives the name that a topic id has by now, empty for none: topics come and go while a session lives. */
  targets(nameOf: (topicId: string) => string): FetchTarget[] {
    const targets: FetchTarget[] = []
    for (const entry of this.#entries.values()) {
      if (this.usesTopicIds) {
        const topic = nameOf(entry.target.topicId)
        if (topic !== entry.target.topic) entry.target = { ...entry.target, topic }
      }
      targets.push(entry.target)
    }
    return targets
  }

  /** Notes what the partition's turn came to. True: the answer must include it. */
  note(target: FetchTarget, outcome: FetchOutcome): boolean {
    const entry = this.#entries.get(this.#keyOf(target.topic, target.topicId, target.partition))
    if (!entry) return true
    const changed = entry.sentHighWatermark !== outcome.highWatermark || entry.sentLogStartOffset !== outcome.logStartOffset
    const repeats = outcome.errorCode !== 0 || outcome.diverges || (outcome.preferredReadReplica ?? -1) >= 0
    entry.sentHighWatermark = repeats ? -1 : outcome.highWatermark
    entry.sentLogStartOffset = outcome.logStartOffset
    if (outcome.recordBytes > 0) {
      this.#entries.delete(entry.key)
      this.#entries.set(entry.key, entry)
    }
    return changed || repeats || outcome.recordBytes > 0
  }

  #keyOf(topic: string, topicId: string, partition: number): string {
    return `${this.usesTopicIds ? topicId : topic}/${partition}`
  }
}
