/** Counted by a task, summed over the instance by `app.metrics()`. */
export interface TaskMetrics {
  /** Input records pushed through the pipeline. */
  processed: number
  /** Dropped: null keys or values where they mean nothing, negative timestamps, records a handler let go. */
  dropped: number
  /** Dropped as their window had closed. */
  late: number
  /** Came a second time through a repartition topic after a crash, and were let go. */
  repeated: number
  commits: number
}

export function newTaskMetrics(): TaskMetrics {
  return { processed: 0, dropped: 0, late: 0, repeated: 0, commits: 0 }
}
