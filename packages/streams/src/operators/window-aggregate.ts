import type { StreamRecord } from '../record.ts'
import type { WindowStore } from '../store/window-store.ts'
import { Processor } from '../task/processor.ts'
import type { ObservedTime, TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { TumblingWindows } from '../window/window.ts'
import type { Fold } from './aggregate-store.ts'
import { updateOf } from './update.ts'

/** An aggregate by key and tumbling window. Its stream time is the greatest timestamp of the records that reach it, and outlives restarts: a closed window stays closed. */
export class WindowAggregate<A> extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #store: WindowStore<any, A>
  readonly #windows: TumblingWindows
  readonly #fold: Fold<A>
  readonly #observed: ObservedTime

  constructor(context: TaskContext, node: ProcessorNode, store: StoreSpec<any, A>, windows: TumblingWindows, fold: Fold<A>) {
    super()
    this.#context = context
    this.#node = node
    this.#store = context.windowStore(store)
    this.#windows = windows
    this.#fold = fold
    this.#observed = context.observedTime(store.name)
    this.#store.observe(this.#observed.valueMs)
  }

  process(record: StreamRecord<any, any>): void {
    const { key, timestamp } = record
    if (key === null || key === undefined) {
      this.#context.metrics.dropped++
      return
    }
    const observed = this.#observed
    if (timestamp > observed.valueMs) {
      observed.valueMs = timestamp
      this.#store.observe(timestamp)
    }
    const { sizeMs, graceMs } = this.#windows
    const start = timestamp - (timestamp % sizeMs)
    if (start + sizeMs <= observed.valueMs - graceMs) {
      this.#context.metrics.late++
      return
    }
    const entry = this.#store.entry(key, start)
    let next: A | null
    try {
      next = this.#fold(entry.value, record)
    } catch (error) {
      this.#context.processingFailed(error, this.#node, record)
      return
    }
    this.#store.put(entry, start, next ?? null, Math.max(entry.value === null ? -1 : entry.timestamp, timestamp), record.headers)
  }

  override flush(): void {
    const { sizeMs } = this.#windows
    this.#store.flush((entry, start) =>
      this.forward(updateOf(this.#context, { key: entry.key, window: { start, end: start + sizeMs } }, entry)),
    )
  }
}
