import type { StreamRecord } from '../record.ts'
import type { CacheEntry } from '../store/cache.ts'
import type { TaskContext } from '../task/task-context.ts'

/** A table's update as a record. It comes from many input records, so it names none: its offset is -1. */
export function updateOf<K, V>(context: TaskContext, key: K, entry: CacheEntry<any, V>): StreamRecord<K, V | null> {
  return {
    key,
    value: entry.value,
    timestamp: entry.timestamp,
    headers: entry.headers,
    topic: '',
    partition: context.partition,
    offset: -1,
  }
}
