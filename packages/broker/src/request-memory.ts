/** What a connection does when it is told to stop or go on reading. */
export interface MemoryUser {
  pauseReading(): void
  resumeReading(): void
}

/**
 * Bounds the bytes of all requests that were received and not yet answered, those of half-received frames included.
 * Above the limit connections stop reading as they receive more, and go on in the order in which they stopped. One of them, the holder, may
 * always finish the frame it is receiving: without it, half frames that fill the limit would wait for one another for ever.
 */
export class RequestMemory {
  readonly limitBytes: number
  #usedBytes = 0
  #holder: MemoryUser | null = null
  readonly #waiting = new Set<MemoryUser>()

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** The connection that may read above the limit: a server closes it when it makes no progress. */
  get holder(): MemoryUser | null {
    return this.#holder
  }

  /** Accounts received bytes; pauses the user when the limit is passed and another one holds the right to go on. */
  take(user: MemoryUser, bytes: number): void {
    this.#usedBytes += bytes
    if (this.#usedBytes <= this.limitBytes || this.#holder === user) return
    if (this.#holder === null) this.#holder = user
    else if (!this.#waiting.has(user)) {
      this.#waiting.add(user)
      user.pauseReading()
    }
  }

  /** Gives back the bytes of an answered request. */
  release(user: MemoryUser, bytes: number): void {
    this.#usedBytes -= bytes
    if (this.#holder === user) this.#holder = null
    this.#admit()
  }

  /** Gives back all that a closed connection still had. */
  leave(user: MemoryUser, bytes: number): void {
    this.#waiting.delete(user)
    this.release(user, bytes)
  }

  #admit(): void {
    for (const user of this.#waiting) {
      const fits = this.#usedBytes <= this.limitBytes
      if (!fits && this.#holder !== null) return
      this.#waiting.delete(user)
      if (!fits) this.#holder = user
      user.resumeReading()
    }
  }
}
