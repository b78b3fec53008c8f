import type { FetchRequest } from '@millrace/protocol'

/** A followed partition, as a request names it. */
export interface FollowedPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly lastFetchedEpoch: number
  readonly logStartOffset: number
  readonly logEndOffset: number
}

/** What the leader was told of a partition last. */
interface Told {
  readonly partition: number
  fetchOffset: number
  currentLeaderEpoch: number
  lastFetchedEpoch: number
  logStartOffset: number
}

export type AskedTopic = { topic: string; topicId: string; partitions: FetchRequest['topics'][number]['partitions'][number][] }
type ForgottenTopic = { topic: string; topicId: string; partitions: number[] }

/** The part of a fetch request that names partitions. */
export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: AskedTopic[]
  readonly forgottenTopicsData: ForgottenTopic[]
  /** Whether any partition is fetched by it: those of the session or, without one, those named. */
  readonly isEmpty: boolean
}

const maxEpoch = 2 ** 31 - 1
const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * The follower's side of an incremental fetch session (KIP-227): a request names only the partitions whose position changed since the one before,
 * and those that are fetched no more.
 */
export class ReplicaFetchSession<Follower extends FollowedPartition = FollowedPartition> {
  readonly #maxBytes: number
  #sessionId = 0
  #epoch = 0
  readonly #told = new Map<Follower, Told>()
  /** What the session must forget, by topic id and partition. */
  readonly #forgotten = new Map<string, Follower>()

  /** `maxBytes`: of one partition in one answer. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `fetched` are all partitions to be fetched now; `changed` those of them whose position may differ from what the leader was told. */
  next(fetched: ReadonlySet<Follower>, changed: Iterable<Follower>): SessionRequest {
    const isFull = this.#epoch === 0
    if (isFull) {
      this.#told.clear()
      this.#forgotten.clear()
    }
    const asked = new Map<string, AskedTopic>()
    for (const follower of isFull ? fetched : changed) if (fetched.has(follower)) this.#ask(follower, asked)
    const forgotten = new Map<string, ForgottenTopic>()
    for (const { topic, topicId, partition } of this.#forgotten.values()) {
      let known = forgotten.get(topicId)
      if (known === undefined) forgotten.set(topicId, (known = { topic, topicId, partitions: [] }))
      known.partitions.push(partition)
    }
    this.#forgotten.clear()
    return {
      sessionId: this.#sessionId,
      sessionEpoch: this.#epoch,
      topics: [...asked.values()],
      forgottenTopicsData: [...forgotten.values()],
      isEmpty: this.#told.size === 0,
    }
  }

  /** Whether the leader was asked for exactly what this replica lacks now: only then an answer fits. */
  fits(follower: Follower): boolean {
    const told = this.#told.get(follower)
    return told?.fetchOffset === follower.logEndOffset && told.currentLeaderEpoch === follower.leaderEpoch
  }

  /** The partition is not fetched any more, or not for now. */
  forget(follower: Follower): void {
    if (this.#told.delete(follower) && this.#epoch !== 0) this.#forgotten.set(keyOf(follower), follower)
  }

  /** The leader has answered without an error of the whole request. */
  answered(sessionId: number): void {
    if (sessionId === 0) {
      this.reset()
      return
    }
    if (this.#epoch === 0) this.#sessionId = sessionId
    this.#epoch = this.#epoch === maxEpoch ? 1 : this.#epoch + 1
  }

  /** The next request asks for a new session. */
  reset(): void {
    this.#epoch = 0
    this.#sessionId = 0
    this.#forgotten.clear()
  }

  #ask(follower: Follower, asked: Map<string, AskedTopic>): void {
    const { topic, topicId, partition, leaderEpoch, lastFetchedEpoch, logStartOffset, logEndOffset } = follower
    const told = this.#told.get(follower)
    const isKnown =
      told !== undefined &&
      told.fetchOffset === logEndOffset &&
      told.currentLeaderEpoch === leaderEpoch &&
      told.lastFetchedEpoch === lastFetchedEpoch &&
      told.logStartOffset === logStartOffset
    if (isKnown) return
    const now: Told = { partition, fetchOffset: logEndOffset, currentLeaderEpoch: leaderEpoch, lastFetchedEpoch, logStartOffset }
    this.#told.set(follower, now)
    // A leader forgets after it has added: what is named in both would be gone.
    this.#forgotten.delete(keyOf(follower))
    let known = asked.get(topicId)
    if (known === undefined) asked.set(topicId, (known = { topic, topicId, partitions: [] }))
    known.partitions.push({ ...now, partitionMaxBytes: this.#maxBytes, replicaDirectoryId: zeroUuid, highWatermark: Infinity })
  }
}

/** As an answer names a partition. */
export function keyOf({ topicId, partition }: { readonly topicId: string; readonly partition: number }): string {
  return `${topicId}/${partition}`
}
