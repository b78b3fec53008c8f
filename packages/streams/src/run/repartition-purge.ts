import type { Admin } from '@millrace/client'
import { type Clock, type Logger, messageOf } from '@millrace/runtime'
import type { TaskSet } from './task-set.ts'

/** Deletes from the application's own repartition topics what is committed, from time to time and one request after the other. */
export class RepartitionPurge {
  readonly #admin: Admin
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #intervalMs: number
  #nextMs = 0
  #isOut = false

  constructor(admin: Admin, clock: Clock, logger: Logger, intervalMs: number) {
    this.#admin = admin
    this.#clock = clock
    this.#logger = logger
    this.#intervalMs = intervalMs
  }

  /** In the background, when it is time; a failure is logged and the next turn tries again. */
  serve(tasks: TaskSet): void {
    const nowMs = this.#clock.monotonic()
    if (this.#isOut || nowMs < this.#nextMs) return
    this.#nextMs = nowMs + this.#intervalMs
    const partitions = tasks.purgeable()
    if (partitions.length === 0) return
    this.#isOut = true
    this.#admin
      .deleteRecords(partitions)
      .catch(error => this.#logger.warn('repartition topics not purged', { error: messageOf(error) }))
      .finally(() => (this.#isOut = false))
  }
}
