import type { Clock, Timer } from '@millrace/runtime'

/** Members that come back after a while, each later than the time before as long as it is not let off: from `initialMs`, doubled, up to `maxMs`. One timer for all. */
export class DelayedSet<Member> {
  readonly #clock: Clock
  readonly #limits: { readonly initialMs: number; readonly maxMs: number }
  readonly #back: (members: Member[]) => void
  readonly #dueMs = new Map<Member, number>()
  readonly #delayMs = new Map<Member, number>()
  #timer: Timer | null = null
  #timerDueMs = 0

  constructor(clock: Clock, limits: { initialMs: number; maxMs: number }, back: (members: Member[]) => void) {
    this.#clock = clock
    this.#limits = limits
    this.#back = back
  }

  has(member: Member): boolean {
    return this.#dueMs.has(member)
  }

  /** Returns how long it is away. */
  add(member: Member): number {
    const { initialMs, maxMs } = this.#limits
    const delayMs = Math.min(maxMs, (this.#delayMs.get(member) ?? initialMs / 2) * 2)
    this.#delayMs.set(member, delayMs)
    this.#dueMs.set(member, this.#clock.monotonic() + delayMs)
    this.#arm()
    return delayMs
  }

  /** It did well: the next delay is the first again. */
  letOff(member: Member): void {
    if (this.#delayMs.size > 0) this.#delayMs.delete(member)
  }

  delete(member: Member): void {
    this.#dueMs.delete(member)
    this.#delayMs.delete(member)
  }

  clear(): void {
    this.#dueMs.clear()
    this.#delayMs.clear()
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    const dueMs = Math.min(...this.#dueMs.values())
    if (this.#timer !== null && this.#timerDueMs <= dueMs) return
    this.#timer?.cancel()
    this.#timer = null
    if (dueMs === Infinity) return
    this.#timerDueMs = dueMs
    this.#timer = this.#clock.timer(Math.max(0, dueMs - this.#clock.monotonic()), () => {
      this.#timer = null
      const nowMs = this.#clock.monotonic()
      const back = [...this.#dueMs].flatMap(([member, due]) => (due <= nowMs ? [member] : []))
      for (const member of back) this.#dueMs.delete(member)
      this.#arm()
      if (back.length > 0) this.#back(back)
    })
  }
}
