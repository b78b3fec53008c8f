import type { Clock, Logger } from '@millrace/runtime'
import type { Task } from '../task/task.ts'

/**
 * A broker deletes from a windowed changelog by the wall clock: what is logged with times of the past may be gone at once. That is no loss before the state
 * is needed somewhere else, and then one: a store of which this is true is warned of, once.
 */
export class RetentionWarning {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #warned = new Set<string>()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  committed(task: Task): void {
    for (const { name, windows, retentionMs, changelogConfig } of task.subtopology.stores) {
      if (windows === null || this.#warned.has(name) || 'retention.ms' in changelogConfig) continue
      const observedMs = task.observedTime(name).valueMs
      if (observedMs < 0 || this.#clock.now() - observedMs <= retentionMs) continue
      this.#warned.add(name)
      this.#logger.warn('windowed state is older than its changelog is kept', {
        store: name,
        hint: "for records of the past give the aggregate { changelog: { 'retention.ms': '-1' } }",
      })
    }
  }
}
