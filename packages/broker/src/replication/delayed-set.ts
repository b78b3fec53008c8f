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
    const dueMs = this.#clock.monotonic() + delayMs
    this.#dueMs.set(member, dueMs)
    this.#arm(dueMs)
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

  #arm(dueMs: number): void {
    if (this.#timer !== null && this.#timerDueMs <= dueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#clock.timer(Math.max(0, dueMs - this.#clock.monotonic()), () => this.#fire())
  }

  #fire(): void {
    this.#timer = null
    const nowMs = this.#clock.monotonic()
    const back: Member[] = []
    let nextMs = Infinity
    for (const [member, dueMs] of this.#dueMs) {
      if (dueMs <= nowMs) back.push(member)
      else nextMs = Math.min(nextMs, dueMs)
    }
    for (const member of back) this.#dueMs.delete(member)
    if (nextMs < Infinity) this.#arm(nextMs)
    if (back.length > 0) this.#back(back)
  }
}
