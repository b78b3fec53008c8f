import type { StreamRecord } from '../record.ts'
import type { Stream, Table } from '../rx/stream.ts'
import { isText, type Serde } from '../serde/serde.ts'
import type { WindowedSerde } from '../serde/windowed.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { SinkNode } from '../topology/node.ts'
import { checkTopicName } from '../topology/topic-name.ts'
import { planOf } from './from.ts'

type KeyOf<S> = S extends Stream<infer K, any> ? K : S extends Table<infer K, any, any> ? K : never
type ValueOf<S> = S extends Stream<any, infer V> ? V : S extends Table<any, infer V, any> ? V : never

export interface ToOptions<S> {
  /** Serdes of the topic; where left out, those known from before, else the defaults. */
  key?: Serde<KeyOf<S>>
  value?: Serde<NonNullable<ValueOf<S>>>
}

/**
 * Writes the records, or a table's updates, to a topic, which must be there. Timestamps and headers go along; a null value is a tombstone. Partitions are by the
 * key's hash, for windowed keys without the window. What comes back is what went in, to go on with.
 */
export function to<S extends Stream<any, any> | Table<any, any, any>>(
  topic: string,
  options: ToOptions<S> = {},
): (source: S) => S {
  checkTopicName(topic)
  return source => {
    const from = planOf('to', source)
    const { graph } = from
    const key = options.key ?? from.key ?? graph.defaults.key
    const value = options.value ?? from.value ?? graph.defaults.value
    graph.sink('KSTREAM-SINK', from.node, { topic, key, value }, (context, self) => new Sink(context, self))
    return source
  }
}

class Sink extends Processor {
  readonly #context: TaskContext
  readonly #node: SinkNode
  readonly #inner: Serde<any> | null

  constructor(context: TaskContext, node: SinkNode) {
    super()
    this.#context = context
    this.#node = node
    this.#inner = 'inner' in node.key ? (node.key as WindowedSerde<any>).inner : null
  }

  process(record: StreamRecord<any, any>): void {
    const { key, value } = record
    const { outlet } = this.#context
    const { topic, key: keySerde, value: valueSerde } = this.#node
    try {
      const keyBytes =
        key === null || key === undefined
          ? null
          : isText(keySerde) && typeof key === 'string'
            ? key
            : keySerde.serialize(topic, key)
      const valueBytes = value === null || value === undefined ? null : valueSerde.serialize(topic, value)
      const partition =
        this.#inner === null || keyBytes === null ? undefined : outlet.partitionOf(topic, this.#inner.serialize(topic, key.key))
      outlet.send(topic, partition, keyBytes, valueBytes, record.timestamp, record.headers)
    } catch (error) {
      this.#context.productionFailed(error, this.#node, record)
    }
  }
}
