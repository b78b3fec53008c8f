import type { Clock, Timer } from './world.ts'

/**
 * A Machine is synchronous and pure: `step` looks at the input and the state and returns effects; the state that must outlive the process
 * changes in `apply` alone, which is also how it is rebuilt from its log.
 */
export interface Machine<Input, Record, Message = never> {
  step(input: Input, nowMs: number): readonly Effect<Input, Record, Message>[]
  apply(record: Record): void
}

/**
 * What a machine asks of the World. A `send` or `reply` that follows an `append` in the same list leaves only when the append is
 * durable, or, in a replicated log, committed.
 */
export type Effect<Input, Record, Message = never> =
  | { readonly kind: 'append'; readonly records: readonly Record[] }
  /** Calls `complete` (an answer to whoever asked). */
  | { readonly kind: 'reply'; readonly complete: () => void }
  | { readonly kind: 'send'; readonly to: number; readonly message: Message }
  /** Steps `input` at `atMs` of the monotonic clock; a timer of the same name is replaced. */
  | { readonly kind: 'timer'; readonly name: string; readonly atMs: number; readonly input: Input }
  | { readonly kind: 'cancel'; readonly name: string }

/** The log under a machine, as the shell sees it. */
export interface MachineLog<Record> {
  /** Appends as one atomic unit. Returns a position that grows with every append. Throws if this node may not append (not the leader, disk lost). */
  append(records: readonly Record[]): number
  /** Calls `done` when everything up to `position` is committed, with an error when it never will be (leadership or disk lost). */
  whenCommitted(position: number, done: (error?: Error) => void): void
}

export interface ShellOptions<Input, Record, Message> {
  readonly machine: Machine<Input, Record, Message>
  readonly log: MachineLog<Record>
  readonly clock: Clock
  readonly send?: (to: number, message: Message) => void
  /** An append was refused or will never commit: the machine's state must be rebuilt or dropped by the owner; waiting replies got no answer. */
  readonly failed: (error: Error) => void
}

/** The one loop that owns a machine. Inputs are stepped one at a time in the order of `submit`; a step that submits is queued behind. */
export class Shell<Input, Record, Message = never> {
  readonly #options: ShellOptions<Input, Record, Message>
  readonly #timers = new Map<string, Timer>()
  readonly #inputs: Input[] = []
  #stepping = false
  #stopped = false

  constructor(options: ShellOptions<Input, Record, Message>) {
    this.#options = options
  }

  submit(input: Input): void {
    if (this.#stopped) return
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined && !this.#stopped; next = this.#inputs.shift()) this.#step(next)
    } finally {
      this.#stepping = false
    }
  }

  /** Drops all timers and inputs; replies that wait for a commit are still completed or failed by the log. */
  stop(): void {
    this.#stopped = true
    this.#inputs.length = 0
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #step(input: Input): void {
    const { machine, log, clock, failed } = this.#options
    const effects = machine.step(input, clock.monotonic())
    let position = -1
    const afterCommit: Effect<Input, Record, Message>[] = []
    for (const effect of effects) {
      if (effect.kind === 'append') {
        try {
          position = log.append(effect.records)
        } catch (error) {
          this.stop()
          failed(error as Error)
          return
        }
        for (const record of effect.records) machine.apply(record)
      } else if (effect.kind === 'timer') {
        this.#arm(effect.name, effect.atMs, effect.input)
      } else if (effect.kind === 'cancel') {
        this.#timers.get(effect.name)?.cancel()
        this.#timers.delete(effect.name)
      } else if (position < 0) {
        this.#release(effect)
      } else {
        afterCommit.push(effect)
      }
    }
    if (afterCommit.length === 0) return
    log.whenCommitted(position, error => {
      if (error) failed(error)
      else for (const effect of afterCommit) this.#release(effect)
    })
  }

  #release(effect: Effect<Input, Record, Message>): void {
    if (effect.kind === 'reply') effect.complete()
    else if (effect.kind === 'send') this.#options.send?.(effect.to, effect.message)
  }

  #arm(name: string, atMs: number, input: Input): void {
    this.#timers.get(name)?.cancel()
    const { clock } = this.#options
    const timer = clock.timer(Math.max(0, atMs - clock.monotonic()), () => {
      this.#timers.delete(name)
      this.submit(input)
    })
    this.#timers.set(name, timer)
  }
}
