import { type Draft, ErrorCode, type FetchRequest, zeroUuid } from '@millrace/protocol'

/** What is asked of one partition. */
export interface FetchTarget {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  readonly partitionMaxBytes: number
}

type SessionFields = Pick<Draft<FetchRequest>, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>

const initialEpoch = 0
/** Asks the broker to forget the session. */
const finalEpoch = -1
const maxEpoch = 2 ** 31 - 1

/**
 * The client's half of an incremental fetch session with one broker (KIP-227): after a full request only what changed is sent. Any doubt, such as
 * a lost answer or a broker that forgot, starts a new session.
 */
export class FetchSession {
  #id = 0
  #epoch = initialEpoch
  /** What the broker knows, by topic and partition. */
  #known = new Map<string, FetchTarget>()
  #pending = new Map<string, FetchTarget>()

  /** The session's part of the next request, for everything that is to be fetched now. */
  next(targets: readonly FetchTarget[]): SessionFields {
    const wanted = new Map(targets.map(target => [keyOf(target), target]))
    this.#pending = wanted
    const isFull = this.#epoch === initialEpoch
    const sent = isFull ? targets : targets.filter(target => !isSame(this.#known.get(keyOf(target)), target))
    const forgotten = isFull ? [] : [...this.#known].filter(([key]) => !wanted.has(key)).map(([, target]) => target)
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: grouped(sent, target => ({
        partition: target.partition,
        currentLeaderEpoch: target.currentLeaderEpoch,
        fetchOffset: target.fetchOffset,
        lastFetchedEpoch: target.lastFetchedEpoch,
        partitionMaxBytes: target.partitionMaxBytes,
      })),
      forgottenTopicsData: grouped(forgotten, ({ partition }) => partition),
    }
  }

  /** Takes over what the broker said of the session. */
  answered(errorCode: number, sessionId: number): void {
    if (errorCode !== ErrorCode.NONE || sessionId === 0) {
      // Where the broker still has the session, the request that starts the next one closes it. Session 0: the broker keeps none for us, each
      // request stands alone and asks for one again.
      const isGone =
        errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND ||
        errorCode === ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR ||
        sessionId === 0
      this.#restart(isGone ? 0 : this.#id)
      return
    }
    const isNew = this.#epoch === initialEpoch
    this.#id = sessionId
    this.#epoch = isNew || this.#epoch === maxEpoch ? 1 : this.#epoch + 1
    this.#known = this.#pending
  }

  /** The session's part of a request that ends it; null: the broker has none for us. No further request in it. */
  end(): SessionFields | null {
    const id = this.#id
    this.#restart(0)
    return id === 0 ? null : { sessionId: id, sessionEpoch: finalEpoch, topics: [], forgottenTopicsData: [] }
  }

  /** The request or its answer was lost. */
  failed(): void {
    this.#restart(this.#id)
  }

  #restart(id: number): void {
    this.#id = id
    this.#epoch = initialEpoch
    this.#known = new Map()
  }
}

function isSame(a: FetchTarget | undefined, b: FetchTarget): boolean {
  return (
    a !== undefined &&
    a.fetchOffset === b.fetchOffset &&
    a.currentLeaderEpoch === b.currentLeaderEpoch &&
    a.lastFetchedEpoch === b.lastFetchedEpoch &&
    a.partitionMaxBytes === b.partitionMaxBytes
  )
}

/** A topic that was deleted and made again is another one. */
function keyOf({ topic, topicId, partition }: FetchTarget): string {
  return `${topic}/${topicId}/${partition}`
}

function grouped<T>(
  targets: readonly FetchTarget[],
  each: (target: FetchTarget) => T,
): { topic: string; topicId: string; partitions: T[] }[] {
  const topics = new Map<string, { topic: string; topicId: string; partitions: T[] }>()
  for (const target of targets) {
    const { topic, topicId } = target
    const key = topicId === zeroUuid ? topic : topicId
    let entry = topics.get(key)
    if (!entry) topics.set(key, (entry = { topic, topicId, partitions: [] }))
    entry.partitions.push(each(target))
  }
  return [...topics.values()]
}
