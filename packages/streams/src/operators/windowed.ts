import type { TumblingWindows } from '../window/window.ts'
import { planOf } from './from.ts'
import { type Grouped, WindowedGroup } from './grouped.ts'

/** Aggregates what follows per key and window of event time. */
export function windowed<K, V>(windows: TumblingWindows): (group: Grouped<K, V>) => WindowedGroup<K, V> {
  return group => {
    planOf('windowed', group)
    return new WindowedGroup(group, windows)
  }
}
