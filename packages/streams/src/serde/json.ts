import type { Serde } from './serde.ts'

/** JSON text; the default for values. As a key it needs values whose members always come in the same order. */
export function json<T = unknown>(): Serde<T> {
  return {
    serialize: (_topic, value) => Buffer.from(JSON.stringify(value), 'utf8'),
    deserialize: (_topic, bytes) =>
      JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as T,
  }
}
