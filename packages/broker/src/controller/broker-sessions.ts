interface Session {
  lastHeardMs: number
  /** Heard by this controller: not only granted when it became active. */
  isHeard: boolean
  metadataOffset: number
  /** Last offset of the records that moved its leaders away; null: not shutting down as far as this controller knows. */
  shutdownOffset: number | null
}

/**
 * When the active controller last heard each broker, how far it has applied the metadata, and from which offset on its leaders are elsewhere.
 * Kept in memory alone: the next controller grants everyone a whole session. All times are of the monotonic clock.
 */
export class BrokerSessions {
  readonly #sessions = new Map<number, Session>()
  readonly timeoutMs: number

  /** `timeoutMs`: `broker.session.timeout.ms`. */
  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
  }

  /** A whole session for a broker that this controller has not heard yet. */
  grant(brokerId: number, nowMs: number): void {
    this.#sessions.set(brokerId, { lastHeardMs: nowMs, isHeard: false, metadataOffset: -1, shutdownOffset: null })
  }

  /** A broker has registered as a new process: what was known of the one before is of no interest. */
  begin(brokerId: number, nowMs: number): void {
    this.#sessions.set(brokerId, { lastHeardMs: nowMs, isHeard: true, metadataOffset: -1, shutdownOffset: null })
  }

  /** A heartbeat. */
  touch(brokerId: number, nowMs: number, metadataOffset: number): void {
    const session = this.#sessions.get(brokerId)
    if (!session) {
      this.#sessions.set(brokerId, { lastHeardMs: nowMs, isHeard: true, metadataOffset, shutdownOffset: null })
      return
    }
    session.lastHeardMs = nowMs
    session.isHeard = true
    session.metadataOffset = Math.max(session.metadataOffset, metadataOffset)
  }

  end(brokerId: number): void {
    this.#sessions.delete(brokerId)
  }

  /** -Infinity for a broker that this controller has not heard. */
  lastHeardMs(brokerId: number): number {
    const session = this.#sessions.get(brokerId)
    return session?.isHeard ? session.lastHeardMs : Number.NEGATIVE_INFINITY
  }

  /** Heard by this controller, and not longer ago than the timeout. */
  isAlive(brokerId: number, nowMs: number): boolean {
    const session = this.#sessions.get(brokerId)
    if (!session) return false
    return session.isHeard && nowMs < session.lastHeardMs + this.timeoutMs
  }

  /** When the session of a broker ends unless it is heard; null for one without a session. */
  deadlineMs(brokerId: number): number | null {
    const session = this.#sessions.get(brokerId)
    return session ? session.lastHeardMs + this.timeoutMs : null
  }

  /** Offset that the broker has applied, -1 before its first heartbeat. */
  metadataOffset(brokerId: number): number {
    return this.#sessions.get(brokerId)?.metadataOffset ?? -1
  }

  shutdownOffset(brokerId: number): number | null {
    return this.#sessions.get(brokerId)?.shutdownOffset ?? null
  }

  setShutdownOffset(brokerId: number, offset: number): void {
    const session = this.#sessions.get(brokerId)
    if (session) session.shutdownOffset = offset
  }
}
