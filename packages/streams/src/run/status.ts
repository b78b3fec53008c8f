import type { TaskMetrics } from '../task/task-metrics.ts'

/**
 * `created` → `rebalancing` (tasks are being given out, or their state is restored) ⇄ `running` → `closing` → `closed`; `failed` when a record, the broker or
 * the disk ended it.
 */
export type AppState = 'created' | 'rebalancing' | 'running' | 'closing' | 'closed' | 'failed'

export interface AppMetrics extends TaskMetrics {
  /** At present. */
  readonly tasks: number
  /** Records read from changelogs to rebuild state. */
  readonly restored: number
}

export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** The next offset to process. */
  readonly position: number
  /** The end, as of the latest fetch. */
  readonly endOffset: number
}
