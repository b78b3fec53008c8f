import type { StreamRecord } from '../record.ts'
import { Stream } from '../rx/stream.ts'
import type { Serde } from '../serde/serde.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'
import { planOf } from './from.ts'

/** A new value for each record; the key stays, and with it the partitioning. `value` is the serde of the new values, where a topic or store comes to need it. */
export function mapValues<K, V, R>(
  map: (value: V, key: K) => R,
  options: { value?: Serde<R> } = {},
): (source: Stream<K, V>) => Stream<K, R> {
  return source => {
    const from = planOf('mapValues', source)
    const node = from.graph.processor('KSTREAM-MAPVALUES', [from.node], (context, self) => new MapValues(context, self, map))
    return new Stream(() => ({ ...from, node, value: options.value ?? null }))
  }
}

class MapValues extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #map: (value: any, key: any) => unknown

  constructor(context: TaskContext, node: ProcessorNode, map: (value: any, key: any) => unknown) {
    super()
    this.#context = context
    this.#node = node
    this.#map = map
  }

  process(record: StreamRecord<any, any>): void {
    let value: unknown
    try {
      value = this.#map(record.value, record.key)
    } catch (error) {
      this.#context.processingFailed(error, this.#node, record)
      return
    }
    this.forward({ ...record, value })
  }
}
