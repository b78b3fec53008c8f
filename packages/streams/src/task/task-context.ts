import type { Clock } from '@millrace/runtime'
import type { StreamRecord } from '../record.ts'
import type { RxSection } from '../rx/section.ts'
import type { KeyValueStore } from '../store/key-value-store.ts'
import type { WindowStore } from '../store/window-store.ts'
import type { GraphNode } from '../topology/node.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { Outlet } from './outlet.ts'
import type { TaskMetrics } from './task-metrics.ts'

/** What a task gives its processors. */
export interface TaskContext {
  readonly id: string
  readonly partition: number
  readonly clock: Clock
  readonly outlet: Outlet
  readonly metrics: TaskMetrics
  /** The input record that is being processed, null between records: what results fall back on for topic, partition, offset and time. */
  readonly current: StreamRecord<any, any> | null
  keyValueStore<K, V>(spec: StoreSpec<K, V>): KeyValueStore<K, V>
  windowStore<K, V>(spec: StoreSpec<K, V>): WindowStore<K, V>
  /** The greatest event time that the operator of a store has seen, kept over restarts; -1 at first. */
  observedTime(store: string): ObservedTime
  /** A chain of plain rxjs operators tells the task that it is there, as it must be drained before a commit. */
  addSection(section: RxSection): void
  /** A user's function threw: returns when the record is to be skipped, throws when the task is to fail. */
  processingFailed(error: unknown, node: GraphNode, record: StreamRecord<any, any>): void
  /** The same for a record that could not be written. */
  productionFailed(error: unknown, node: GraphNode, record: StreamRecord<any, any>): void
}

export interface ObservedTime {
  valueMs: number
}
