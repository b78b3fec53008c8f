import { noHeaders } from '../record.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { CacheEntry } from './cache.ts'
import { settled } from './not-ready.ts'
import { timestampOf, valueBytesOf } from './stamped.ts'

/** A clean cache entry for a key from the bytes that the store has; undefined: none. */
export function loadedEntry<K, V>(
  spec: StoreSpec<K, V>,
  key: K,
  keyBytes: Uint8Array,
  stored: Uint8Array | undefined,
): CacheEntry<K, V> {
  return {
    key,
    keyBytes,
    value: stored === undefined ? null : settled(spec.name, spec.value.deserialize(spec.serdeTopic, valueBytesOf(stored))),
    timestamp: stored === undefined ? -1 : timestampOf(stored),
    headers: noHeaders,
    dirty: false,
    stored: stored !== undefined,
    used: true,
  }
}

/** A key's bytes to keep: a serde may use its buffer again. */
export function keyBytesOf<K>(spec: StoreSpec<K, any>, key: K): Uint8Array {
  return Uint8Array.prototype.slice.call(spec.key.serialize(spec.serdeTopic, key))
}
