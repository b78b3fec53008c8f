import type { StreamRecord } from '../record.ts'
import type { Table } from '../rx/stream.ts'
import { int64 } from '../serde/numbers.ts'
import type { Serde } from '../serde/serde.ts'
import type { Windowed } from '../window/window.ts'
import { materialized } from './aggregate-store.ts'
import { planOf } from './from.ts'
import type { Grouped, WindowedGroup } from './grouped.ts'

type AnyGroup = Grouped<any, any> | WindowedGroup<any, any>

/** The records of a group. */
export type RecordOf<G> =
  G extends WindowedGroup<infer K, infer V>
    ? StreamRecord<K, V>
    : G extends Grouped<infer K, infer V>
      ? StreamRecord<K, V>
      : never

/** A group's aggregate: by key, or by key and window. */
export type TableOf<G, A> =
  G extends WindowedGroup<infer K, any> ? Table<Windowed<K>, A> : G extends Grouped<infer K, any> ? Table<K, A> : never

export interface AggregateOptions<A> {
  /** Label of the store: `app.store(name)`, `<application>-<name>-changelog`. Default: from the structure. */
  name?: string
  /** Serde of the aggregate, in the store and its changelog. */
  value?: Serde<A>
  /** How long the store keeps a window beyond its start, milliseconds; at least, and by default, size + grace. */
  retention?: number
  /** Topic configuration of the changelog, above the defaults. */
  changelog?: Record<string, string>
}

/**
 * Folds the records of each key (and window): `fold` takes what there was and the next record and gives what there is; null deletes. It must not
 * change its first argument. The result has the greatest timestamp of the records in it. Records without a key are dropped, and, unless windowed, those
 * without a value: Kafka Streams' rules.
 */
export function aggregate<G extends AnyGroup, A>(
  initial: () => A,
  fold: (sum: A, record: RecordOf<G>) => A | null,
  options: AggregateOptions<A> = {},
): (group: G) => TableOf<G, A> {
  return group => {
    planOf('aggregate', group)
    return materialized(
      group,
      'aggregate',
      (sum, record) => fold(sum === null ? initial() : sum, record as RecordOf<G>),
      options,
    ) as TableOf<G, A>
  }
}

/** The number of records of each key (and window). */
export function count<G extends AnyGroup>(options: AggregateOptions<number> = {}): (group: G) => TableOf<G, number> {
  return group => {
    planOf('count', group)
    return materialized<number>(group, 'count', sum => (sum ?? 0) + 1, { value: int64(), ...options }) as TableOf<G, number>
  }
}

/** The value type of a group. */
export type GroupValueOf<G> = RecordOf<G> extends StreamRecord<any, infer V> ? V : never

/** Reduces the values of each key (and window) to one of the same type. The first value is taken as it is; null deletes. */
export function reduce<G extends AnyGroup>(
  reducer: (reduced: GroupValueOf<G>, value: GroupValueOf<G>) => GroupValueOf<G> | null,
  options: AggregateOptions<GroupValueOf<G>> = {},
): (group: G) => TableOf<G, GroupValueOf<G>> {
  return group => {
    const { value } = planOf('reduce', group)
    const known = value ?? planOf('reduce', group).stream.value
    return materialized<any>(
      group,
      'reduce',
      (reduced, record) => (reduced === null ? record.value : reducer(reduced, record.value)),
      {
        ...(known && { value: known }),
        ...options,
      },
    ) as TableOf<G, GroupValueOf<G>>
  }
}
