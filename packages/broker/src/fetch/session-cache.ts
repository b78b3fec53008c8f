import type { Random } from '@millrace/runtime'
import { FetchSession } from './session.ts'

/** A session that was not used for so long gives way to a new one; a younger one does not give way to one of its size. */
const evictionMs = 120_000

/** The sessions of a broker, at most `max.incremental.fetch.session.cache.slots` of them. A client that gets no slot goes on without a session. */
export class FetchSessionCache {
  readonly #slots: number
  readonly #random: Random
  readonly #sessions = new Map<number, FetchSession>()

  constructor(slots: number, random: Random) {
    this.#slots = slots
    this.#random = random
  }

  get size(): number {
    return this.#sessions.size
  }

  get(id: number): FetchSession | undefined {
    return this.#sessions.get(id)
  }

  remove(id: number): void {
    this.#sessions.delete(id)
  }

  /** A new session for `partitionCount` partitions, or null when the cache is full of sessions that are worth more. */
  create(options: { usesTopicIds: boolean; isPrivileged: boolean; partitionCount: number; nowMs: number }): FetchSession | null {
    if (options.partitionCount === 0) return null
    if (this.#sessions.size >= this.#slots && !this.#evictFor(options)) return null
    const session = new FetchSession({ ...options, id: this.#freeId() })
    this.#sessions.set(session.id, session)
    return session
  }

  #evictFor({ isPrivileged, partitionCount, nowMs }: { isPrivileged: boolean; partitionCount: number; nowMs: number }): boolean {
    let oldest: FetchSession | null = null
    let least: FetchSession | null = null
    for (const session of this.#sessions.values()) {
      if (oldest === null || session.lastUsedMs < oldest.lastUsedMs) oldest = session
      const mayGiveWay = nowMs - session.createdMs > evictionMs || (isPrivileged && !session.isPrivileged)
      if (mayGiveWay && (least === null || isWorthLess(session, least))) least = session
    }
    if (oldest !== null && nowMs - oldest.lastUsedMs > evictionMs) return this.#sessions.delete(oldest.id)
    if (least === null || !isWorthLess(least, { isPrivileged, partitionCount })) return false
    return this.#sessions.delete(least.id)
  }

  #freeId(): number {
    for (;;) {
      const id = 1 + this.#random.below(2 ** 31 - 1)
      if (!this.#sessions.has(id)) return id
    }
  }
}

interface Worth {
  readonly isPrivileged: boolean
  readonly partitionCount: number
}

function isWorthLess(one: Worth, other: Worth): boolean {
  return one.isPrivileged === other.isPrivileged ? one.partitionCount < other.partitionCount : other.isPrivileged
}
