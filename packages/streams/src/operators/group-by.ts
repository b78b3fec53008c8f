import type { StreamRecord } from '../record.ts'
import type { Stream } from '../rx/stream.ts'
import type { Serde } from '../serde/serde.ts'
import { planOf } from './from.ts'
import { Grouped } from './grouped.ts'
import { selectKey } from './select-key.ts'

export interface GroupOptions<K, V> {
  /** Label: `<application>-<name>-repartition`, and the beginning of derived store names. Default: from the structure. */
  name?: string
  /** Serdes of the repartition topic and, for the key, of the stores. */
  key?: Serde<K>
  value?: Serde<V>
}

/** Groups by a new key, through a repartition topic: records of one key come together, wherever they were. Records whose new key is null are dropped. */
export function groupBy<K, V, G>(
  select: (record: StreamRecord<K, V>) => G,
  options: GroupOptions<G, V> = {},
): (source: Stream<K, V>) => Grouped<G, V> {
  return source => {
    const { base } = planOf('groupBy', source)
    const stream = planOf('groupBy', selectKey<K, V, G>(select)(source))
    return new Grouped<G, V>({ stream, name: options.name ?? `${base}-grouped`, key: options.key, value: options.value })
  }
}

/** Groups by the key that the records have; a repartition topic is made only if an operator changed it. */
export function groupByKey<K, V>(options: GroupOptions<K, V> = {}): (source: Stream<K, V>) => Grouped<K, V> {
  return source => {
    const stream = planOf('groupByKey', source)
    return new Grouped<K, V>({
      stream,
      name: options.name ?? (stream.rekeyed ? `${stream.base}-grouped` : stream.base),
      key: options.key,
      value: options.value,
    })
  }
}
