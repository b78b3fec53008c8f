import type { Effect } from '@millrace/runtime'
import type { Answer, GroupInput, TimerInput } from './group-input.ts'
import type { GroupRecord } from './group-records.ts'

export type GroupEffect = Effect<GroupInput, GroupRecord>

/**
 * Gathers what one step asks for: all its records are one atomic append, and all its answers come behind it, so that none leaves
 * before what it tells is committed.
 */
export class Step {
  /** Monotonic. */
  readonly nowMs: number
  /** Wall clock, for what is written. */
  readonly wallMs: number
  readonly #records: GroupRecord[] = []
  readonly #timers: GroupEffect[] = []
  readonly #replies: GroupEffect[] = []

  constructor(nowMs: number, wallMs: number) {
    this.nowMs = nowMs
    this.wallMs = wallMs
  }

  append(...records: readonly GroupRecord[]): void {
    this.#records.push(...records)
  }

  get appends(): boolean {
    return this.#records.length > 0
  }

  reply<Response>(answer: Answer<Response>, response: Response): void {
    this.#replies.push({ kind: 'reply', complete: () => answer(response) })
  }

  timer(name: string, atMs: number, input: TimerInput): void {
    this.#timers.push({ kind: 'timer', name, atMs, input })
  }

  cancel(name: string): void {
    this.#timers.push({ kind: 'cancel', name })
  }

  effects(): readonly GroupEffect[] {
    const append: GroupEffect[] = this.#records.length > 0 ? [{ kind: 'append', records: this.#records }] : []
    return [...append, ...this.#timers, ...this.#replies]
  }
}
