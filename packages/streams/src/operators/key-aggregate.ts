import type { StreamRecord } from '../record.ts'
import type { KeyValueStore } from '../store/key-value-store.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { Fold } from './aggregate-store.ts'
import { updateOf } from './update.ts'

/** An aggregate by key. Results go on when the store is flushed, the last one of each key. */
export class KeyAggregate<A> extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #store: KeyValueStore<any, A>
  readonly #fold: Fold<A>

  constructor(context: TaskContext, node: ProcessorNode, store: StoreSpec<any, A>, fold: Fold<A>) {
    super()
    this.#context = context
    this.#node = node
    this.#store = context.keyValueStore(store)
    this.#fold = fold
  }

  process(record: StreamRecord<any, any>): void {
    const { key, value } = record
    if (key === null || key === undefined || value === null || value === undefined) {
      this.#context.metrics.dropped++
      return
    }
    const entry = this.#store.entry(key)
    let next: A | null
    try {
      next = this.#fold(entry.value, record)
    } catch (error) {
      this.#context.processingFailed(error, this.#node, record)
      return
    }
    this.#store.put(entry, next ?? null, Math.max(entry.value === null ? -1 : entry.timestamp, record.timestamp), record.headers)
  }

  override flush(): void {
    this.#store.flush(entry => this.forward(updateOf(this.#context, entry.key, entry)))
  }
}
