import { Stream, type Table } from '../rx/stream.ts'
import { planOf } from './from.ts'

/** The updates of a table as a stream, to go on with as one: deletions have the value null. */
export function toStream<K, U>(): (source: Table<K, any, U>) => Stream<K, U> {
  return source => {
    const { store: _store, ...from } = planOf('toStream', source)
    return new Stream<K, U>(() => from)
  }
}
