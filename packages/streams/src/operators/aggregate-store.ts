import { ConfigError } from '@millrace/runtime'
import { shortDuration } from '../durations.ts'
import type { StreamRecord } from '../record.ts'
import { plan } from '../rx/piping.ts'
import { Table } from '../rx/stream.ts'
import { timeWindowed } from '../serde/windowed.ts'
import type { AggregateOptions } from './aggregate.ts'
import { type Grouped, WindowedGroup } from './grouped.ts'
import { KeyAggregate } from './key-aggregate.ts'
import { WindowAggregate } from './window-aggregate.ts'

/** The next aggregate from the last one, null if there is none, and a record. */
export type Fold<A> = (aggregate: A | null, record: StreamRecord<any, any>) => A | null

/** Puts an aggregate and its store behind a group. */
export function materialized<A>(
  group: Grouped<any, any> | WindowedGroup<any, any>,
  operator: string,
  fold: Fold<A>,
  options: AggregateOptions<A>,
): Table<any, A> {
  const windows = group instanceof WindowedGroup ? group.windows : null
  const { node: from, key } = (group instanceof WindowedGroup ? group.group : group).partitioned()
  const { stream, name: groupName } = group[plan]
  const { graph } = stream
  const leastRetentionMs = windows === null ? 0 : windows.sizeMs + windows.graceMs
  const retentionMs = options.retention ?? leastRetentionMs
  if (retentionMs < leastRetentionMs)
    throw new ConfigError(
      `A retention of ${retentionMs} ms`,
      `windows are open for size + grace, which is ${leastRetentionMs} ms`,
    )
  const derived =
    windows === null ? `${groupName}-${operator}` : `${groupName}-${windows.kind}-${shortDuration(windows.sizeMs)}-${operator}`
  const name = options.name ?? derived
  const store = graph.store<any, A>({
    name,
    key,
    value: options.value ?? graph.defaults.value,
    windows,
    retentionMs,
    changelogConfig: options.changelog ?? {},
  })
  const label = `KSTREAM-${operator.toUpperCase()}`
  const node = graph.processor(
    label,
    [from],
    (context, self) =>
      windows === null ? new KeyAggregate(context, self, store, fold) : new WindowAggregate(context, self, store, windows, fold),
    { stores: [store] },
  )
  return new Table<any, A>(() => ({
    graph,
    node,
    key: windows === null ? key : timeWindowed(key, windows.sizeMs),
    value: store.value,
    rekeyed: false,
    base: name,
    store,
  }))
}
