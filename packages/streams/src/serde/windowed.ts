import { MillraceError } from '@millrace/runtime'
import type { Windowed } from '../window/window.ts'
import { readTime, writeTime } from '../window/window-key.ts'
import type { Serde } from './serde.ts'

/** Kafka Streams' time-windowed key in a topic: key, then the window's start (int64). The size is not in the bytes: the reader must know it. */
export function timeWindowed<K>(inner: Serde<K>, sizeMs: number): WindowedSerde<K> {
  return {
    inner,
    ...(inner.prepare && { prepare: (topic, part) => inner.prepare!(topic, part) }),
    serialize(topic, { key, window }) {
      const keyBytes = inner.serialize(topic, key)
      const bytes = new Uint8Array(keyBytes.length + 8)
      bytes.set(keyBytes)
      writeTime(bytes, keyBytes.length, window.start)
      return bytes
    },
    deserialize(topic, bytes) {
      const length = bytes.length - 8
      if (length < 0)
        throw new MillraceError('DESERIALIZATION', `${bytes.length} bytes are no windowed key, which has at least 8`)
      const start = readTime(bytes, length)
      const window = { start, end: start + sizeMs }
      const key = inner.deserialize(topic, bytes.subarray(0, length))
      return key instanceof Promise ? key.then(fetched => ({ key: fetched, window })) : { key, window }
    },
  }
}

/** Knows the serde of the key without its window, by which such records are partitioned. */
export interface WindowedSerde<K> extends Serde<Windowed<K>> {
  readonly inner: Serde<K>
}
