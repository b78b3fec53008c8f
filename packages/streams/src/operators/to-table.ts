import { type Stream, Table } from '../rx/stream.ts'
import type { Serde } from '../serde/serde.ts'
import { planOf } from './from.ts'
import { partitionedByKey } from './repartition.ts'
import { TableProcessor } from './table-processor.ts'

export interface TableOptions<K, V> {
  /** Label of the store. Default: from the structure. */
  name?: string
  key?: Serde<K>
  value?: Serde<V>
  /** Topic configuration of the changelog, above the defaults. */
  changelog?: Record<string, string>
}

/** The latest value of each key: a record with a value sets it, one with null deletes it. Records without a key are dropped. */
export function toTable<K, V>(
  options: TableOptions<K, NonNullable<V>> = {},
): (source: Stream<K, V>) => Table<K, NonNullable<V>, V> {
  return source => {
    const from = planOf('toTable', source)
    const { graph } = from
    const name = options.name ?? `${from.base}-table`
    const { node: parent, key, value } = partitionedByKey(from, name, options)
    const store = graph.store({ name, key, value, windows: null, retentionMs: 0, changelogConfig: options.changelog ?? {} })
    const node = graph.processor('KSTREAM-TOTABLE', [parent], context => new TableProcessor(context, store), { stores: [store] })
    return new Table(() => ({ graph, node, key, value, rekeyed: false, base: name, store }))
  }
}
