import { ConfigError } from '@millrace/runtime'
import type { StreamRecord } from '../record.ts'
import { Stream, type Table } from '../rx/stream.ts'
import type { Serde } from '../serde/serde.ts'
import type { KeyValueStore } from '../store/key-value-store.ts'
import { Processor } from '../task/processor.ts'
import type { TaskContext } from '../task/task-context.ts'
import type { ProcessorNode } from '../topology/node.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import { planOf } from './from.ts'
import { partitionedByKey } from './repartition.ts'
import { selectKey } from './select-key.ts'

export interface JoinOptions<K, V, T> {
  /** Takes the table's key out of the record. The stream is re-keyed by it, through a repartition topic: leave it out where the stream's key is the table's. */
  by?: (record: StreamRecord<K, V>) => T
  /** Label of the repartition topic, if one is needed. Default: from the structure. */
  name?: string
  /** Serde of the value in the repartition topic. */
  value?: Serde<V>
}

/**
 * Puts to each record the table's row of the same key, as it is when the record is processed; a record without a row is dropped. The result has
 * the record's key, timestamp and headers. Stream and table must have equally many partitions.
 */
export function join<K, V, T, R>(
  table: Table<K, T, any>,
  joiner: (value: V, row: T, key: K) => R,
): (source: Stream<K, V>) => Stream<K, R>
export function join<K, V, T, R, G>(
  table: Table<K, T, any>,
  options: JoinOptions<G, V, K>,
  joiner: (value: V, row: T, key: K) => R,
): (source: Stream<G, V>) => Stream<K, R>
export function join(table: Table<any, any, any>, ...rest: any[]): (source: Stream<any, any>) => Stream<any, any> {
  return source => joined('join', source, table, rest, true)
}

/** As `join`, but a record without a row is kept: the row is null. Records without a key are kept too. */
export function leftJoin<K, V, T, R>(
  table: Table<K, T, any>,
  joiner: (value: V, row: T | null, key: K) => R,
): (source: Stream<K, V>) => Stream<K, R>
export function leftJoin<K, V, T, R, G>(
  table: Table<K, T, any>,
  options: JoinOptions<G, V, K>,
  joiner: (value: V, row: T | null, key: K) => R,
): (source: Stream<G, V>) => Stream<K, R>
export function leftJoin(table: Table<any, any, any>, ...rest: any[]): (source: Stream<any, any>) => Stream<any, any> {
  return source => joined('leftJoin', source, table, rest, false)
}

type Joiner = (value: any, row: any, key: any) => unknown

function joined(
  operator: string,
  source: Stream<any, any>,
  table: Table<any, any, any>,
  rest: any[],
  isInner: boolean,
): Stream<any, any> {
  const [options, joiner]: [JoinOptions<any, any, any>, Joiner] = rest.length === 1 ? [{}, rest[0]] : [rest[0], rest[1]]
  const right = planOf(operator, table)
  const { graph } = right
  if (planOf(operator, source).graph !== graph)
    throw new ConfigError(`${operator}() of a stream and a table of two applications`, 'write to a topic that both know')
  const left = planOf(operator, options.by ? selectKey(options.by)(source) : source)
  const { node: parent, key } = partitionedByKey(left, options.name ?? `${left.base}-${right.store.name}-join`, {
    key: left.key ?? right.key ?? undefined,
    value: options.value,
  })
  const node = graph.processor(
    isInner ? 'KSTREAM-JOIN' : 'KSTREAM-LEFTJOIN',
    [parent],
    (context, self) => new StreamTableJoin(context, self, right.store, joiner, isInner),
    { stores: [right.store], coPartitioned: [parent, right.node] },
  )
  return new Stream(() => ({ graph, node, key, value: null, rekeyed: false, base: left.base }))
}

class StreamTableJoin extends Processor {
  readonly #context: TaskContext
  readonly #node: ProcessorNode
  readonly #store: KeyValueStore<any, any>
  readonly #joiner: Joiner
  readonly #isInner: boolean

  constructor(context: TaskContext, node: ProcessorNode, store: StoreSpec, joiner: Joiner, isInner: boolean) {
    super()
    this.#context = context
    this.#node = node
    this.#store = context.keyValueStore(store)
    this.#joiner = joiner
    this.#isInner = isInner
  }

  process(record: StreamRecord<any, any>): void {
    const { key, value } = record
    const hasKey = key !== null && key !== undefined
    if (value === null || value === undefined || (!hasKey && this.#isInner)) {
      this.#context.metrics.dropped++
      return
    }
    const row = hasKey ? this.#store.get(key) : null
    if (row === null && this.#isInner) return
    let joined: unknown
    try {
      joined = this.#joiner(value, row, key)
    } catch (error) {
      this.#context.processingFailed(error, this.#node, record)
      return
    }
    this.forward({ ...record, value: joined })
  }
}
