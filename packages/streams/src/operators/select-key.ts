import type { StreamRecord } from '../record.ts'
import { Stream } from '../rx/stream.ts'
import type { Serde } from '../serde/serde.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'
import { planOf } from './from.ts'

/** A new key for each record. The stream counts as re-keyed: the next operator that finds records by their key puts a repartition topic in front. */
export function selectKey<K, V, G>(
  select: (record: StreamRecord<K, V>) => G,
  options: { key?: Serde<G> } = {},
): (source: Stream<K, V>) => Stream<G, V> {
  return source => {
    const from = planOf('selectKey', source)
    const node = from.graph.processor('KSTREAM-KEY-SELECT', [from.node], (context, self) => new SelectKey(context, self, select))
    return new Stream(() => ({ ...from, node, key: options.key ?? null, rekeyed: true }))
  }
}

class SelectKey extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #select: (record: StreamRecord<any, any>) => unknown

  constructor(context: TaskContext, node: ProcessorNode, select: (record: StreamRecord<any, any>) => unknown) {
    super()
    this.#context = context
    this.#node = node
    this.#select = select
  }

  process(record: StreamRecord<any, any>): void {
    let key: unknown
    try {
      key = this.#select(record)
    } catch (error) {
      this.#context.processingFailed(error, this.#node, record)
      return
    }
    this.forward({ ...record, key })
  }
}
