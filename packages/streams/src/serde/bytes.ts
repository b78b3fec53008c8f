import type { Serde } from './serde.ts'

/** The bytes themselves, copied when read. */
export function bytes(): Serde<Uint8Array> {
  return { serialize: (_topic, value) => value, deserialize: (_topic, view) => new Uint8Array(view) }
}
