import type { BuiltApplication } from '../streams.ts'
import type { Task } from '../task/task.ts'
import type { AppMetrics, AppState, PartitionLag } from './status.ts'
export class Instance {
  state: AppState = 'created'
  done: Promise<void> = Promise.resolve()
  constructor(_app: BuiltApplication) {}
  async start(): Promise<void> {}
  async close(): Promise<void> {}
  tasks(): Iterable<Task> {
    return []
  }
  metrics(): AppMetrics {
    return { processed: 0, dropped: 0, late: 0, repeated: 0, commits: 0, tasks: 0, restored: 0 }
  }
  lag(): PartitionLag[] {
    return []
  }
}
