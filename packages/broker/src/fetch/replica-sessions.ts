import { ErrorCode, type FetchRequest } from '@millrace/protocol'
import type { Clock, Random } from '@millrace/runtime'
import { type FollowedLeader, ReplicaSession } from './replica-session.ts'
import { type FetchTarget, newSessionEpoch, sessionlessEpoch } from './session.ts'

/**
 * The sessions of followers. A session ends with its connection, so there are never more than other brokers have fetchers; `maxSessions` bounds what
 * a broken one could do.
 */
export class ReplicaSessions<Leader extends FollowedLeader> {
  readonly #random: Random
  readonly #clock: Clock
  #isNudging = false
  readonly #sessions = new Map<number, ReplicaSession<Leader>>()

  constructor({ random, clock }: { readonly random: Random; readonly clock: Clock }) {
    this.#random = random
    this.#clock = clock
  }

  get size(): number {
    return this.#sessions.size
  }

  /**
   * The session of a request, brought up to date; one that asks for none gets one that nobody keeps, with id 0. A number is the error code to answer.
   * `opened` is called with a new one that is kept.
   */
  of(
    request: FetchRequest,
    { targets, usesTopicIds, opened }: { targets: readonly FetchTarget[]; usesTopicIds: boolean; opened: (id: number) => void },
  ): ReplicaSession<Leader> | number {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === sessionlessEpoch || sessionEpoch === newSessionEpoch) {
      this.remove(sessionId)
      const isKept = sessionEpoch === newSessionEpoch && targets.length > 0 && this.#sessions.size < maxSessions
      const session = new ReplicaSession<Leader>(isKept ? this.#freeId() : 0, usesTopicIds)
      if (isKept) {
        this.#sessions.set(session.id, session)
        opened(session.id)
      }
      for (const target of targets) session.update(target)
      return session
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    if (session.expectedEpoch !== sessionEpoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH
    if (session.usesTopicIds !== usesTopicIds) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    session.advance()
    for (const target of targets) session.update(target)
    for (const { topic, topicId, partitions } of request.forgottenTopicsData)
      for (const partition of partitions) session.forget(topic, topicId, partition)
    if (session.partitionCount === 0) this.remove(sessionId)
    return session
  }

  /**
   * A partition is led here from now on: its followers hear of that about now too, but one whose fetch waits here for something else could not ask for
   * it before the wait is over. Ends all waits, twice, as nobody knows who hears first.
   */
  leadershipBegan(): void {
    if (this.#isNudging || this.#sessions.size === 0) return
    this.#isNudging = true
    const wakeAll = () => {
      for (const { wait } of this.#sessions.values()) wait?.wake()
    }
    this.#clock.timer(firstNudgeMs, () => {
      this.#isNudging = false
      wakeAll()
    })
    this.#clock.timer(secondNudgeMs, wakeAll)
  }

  remove(id: number): void {
    this.#sessions.get(id)?.close()
    this.#sessions.delete(id)
  }

  has(id: number): boolean {
    return this.#sessions.has(id)
  }

  #freeId(): number {
    for (;;) {
      const id = 1 + this.#random.below(2 ** 31 - 1)
      if (!this.#sessions.has(id)) return id
    }
  }
}

const maxSessions = 10_000
const firstNudgeMs = 5
const secondNudgeMs = 40
