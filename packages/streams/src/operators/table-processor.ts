import type { StreamRecord } from '../record.ts'
import type { KeyValueStore } from '../store/key-value-store.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import { updateOf } from './update.ts'

/** Keeps the latest value of each key, in the order of offsets: an older timestamp overwrites. Joins see it at once; updates go on at the flush. */
export class TableProcessor extends Processor {
  readonly #context: TaskContext
  readonly #store: KeyValueStore<any, any>

  constructor(context: TaskContext, store: StoreSpec) {
    super()
    this.#context = context
    this.#store = context.keyValueStore(store)
  }

  process(record: StreamRecord<any, any>): void {
    const { key, value } = record
    if (key === null || key === undefined) {
      this.#context.metrics.dropped++
      return
    }
    this.#store.set(key, value ?? null, record.timestamp, record.headers)
  }

  override flush(): void {
    this.#store.flush(entry => this.forward(updateOf(this.#context, entry.key, entry)))
  }
}
