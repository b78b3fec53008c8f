import { noHeaders, type RecordHeader } from '../record.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import { type CacheEntry, evict, identityOf } from './cache.ts'
import type { ByteStore, StoreWrites } from './environment.ts'
import { keyBytesOf, loadedEntry } from './loaded-entry.ts'
import { settled } from './not-ready.ts'
import { stamped, timestampOf, valueBytesOf } from './stamped.ts'
import type { StateStore, StoreContext } from './state-store.ts'

/** An entry as reads give it. */
export interface StoredValue<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
}

/**
 * A table: decoded values in a write-back cache over the bytes of the task's environment. Between two commits a key is serialized, logged and
 * handed on once, with its last value.
 */
export class KeyValueStore<K, V> implements StateStore {
  readonly spec: StoreSpec<K, V>
  readonly bytes: ByteStore
  readonly #context: StoreContext
  readonly #cache = new Map<unknown, CacheEntry<K, V>>()
  #dirty: CacheEntry<K, V>[] = []
  #keys: Uint8Array[] = []
  #values: (Uint8Array | null)[] = []

  constructor(spec: StoreSpec<K, V>, bytes: ByteStore, context: StoreContext) {
    this.spec = spec
    this.bytes = bytes
    this.#context = context
  }

  get(key: K): V | null {
    return this.entry(key).value
  }

  /** The entry of a key in the cache, read from the store first if need be; its value is null when there is none. Change it by `put` only. */
  entry(key: K): CacheEntry<K, V> {
    const id = typeof key === 'string' ? key : this.#identityOf(key)
    const entry = this.#cache.get(id)
    if (entry !== undefined) {
      entry.used = true
      return entry
    }
    return this.#loaded(id, key)
  }

  /** Sets the value of an entry that `entry` gave; null deletes. */
  put(entry: CacheEntry<K, V>, value: V | null, timestamp: number, headers: readonly RecordHeader[]): void {
    entry.value = value
    entry.timestamp = timestamp
    entry.headers = headers
    if (!entry.dirty) {
      entry.dirty = true
      this.#dirty.push(entry)
    }
  }

  /** Sets the value of a key without reading what was there. */
  set(key: K, value: V | null, timestamp: number, headers: readonly RecordHeader[]): void {
    const id = typeof key === 'string' ? key : this.#identityOf(key)
    let entry = this.#cache.get(id)
    if (entry === undefined) {
      entry = { key, keyBytes: null, value: null, timestamp: -1, headers: noHeaders, dirty: false, stored: undefined, used: true }
      this.#cache.set(id, entry)
      this.#context.budget.entries++
    }
    this.put(entry, value, timestamp, headers)
  }

  /** Logs what has changed and gives each changed entry to `forward`, in the order of first change. A key that came and went in between is not mentioned. */
  flush(forward: (entry: CacheEntry<K, V>) => void): void {
    const { spec, bytes } = this
    const context = this.#context
    const dirty = this.#dirty
    this.#dirty = []
    for (const entry of dirty) {
      entry.dirty = false
      const keyBytes = this.#bytesOf(entry)
      if (entry.value === null) {
        entry.stored ??= bytes.get(keyBytes) !== undefined
        if (!entry.stored) continue
        this.#write(keyBytes, null, entry.timestamp)
        entry.stored = false
      } else {
        const valueBytes = spec.value.serialize(spec.serdeTopic, entry.value)
        if (!spec.isSourceTopic)
          context.outlet.send(spec.changelog, context.partition, keyBytes, valueBytes, entry.timestamp, noHeaders)
        this.#keys.push(keyBytes)
        this.#values.push(stamped(entry.timestamp, valueBytes))
        entry.stored = true
      }
      forward(entry)
    }
  }

  #write(keyBytes: Uint8Array, value: null, timestamp: number): void {
    const { spec } = this
    const context = this.#context
    if (!spec.isSourceTopic) context.outlet.send(spec.changelog, context.partition, keyBytes, value, timestamp, noHeaders)
    this.#keys.push(keyBytes)
    this.#values.push(value)
  }

  takeWrites(): StoreWrites | null {
    if (this.#keys.length === 0) return null
    const writes = { store: this.spec.name, removeBelow: null, keys: this.#keys, values: this.#values }
    this.#keys = []
    this.#values = []
    return writes
  }

  evict(): void {
    const { budget } = this.#context
    const share = Math.floor((budget.maxEntries * 0.75 * this.#cache.size) / Math.max(1, budget.entries))
    budget.entries -= evict(this.#cache, share)
  }

  /** Entries by key bytes, those in the cache included. `from` and `to` are inclusive, as in Kafka Streams. */
  *range(from: K | null, to: K | null): Generator<StoredValue<K, V>> {
    const { spec } = this
    const start = from === null ? null : keyBytesOf(spec, from)
    const last = to === null ? null : keyBytesOf(spec, to)
    const pending = [...this.#cache.values()]
      .filter(entry => {
        const key = this.#bytesOf(entry)
        return (start === null || Buffer.compare(key, start) >= 0) && (last === null || Buffer.compare(key, last) <= 0)
      })
      .sort((a, b) => Buffer.compare(a.keyBytes!, b.keyBytes!))
    // The first key behind the last one, as the byte store's end is exclusive.
    const end = last === null ? null : Buffer.concat([last, Buffer.of(0)])
    let next = 0
    for (const { key, value } of this.bytes.range(start, end)) {
      let order = -1
      while (next < pending.length && (order = Buffer.compare(pending[next]!.keyBytes!, key)) <= 0) {
        const entry = pending[next++]!
        if (entry.value !== null) yield { key: entry.key, value: entry.value, timestamp: entry.timestamp }
        if (order === 0) break
      }
      if (order === 0) continue
      yield {
        key: settled(spec.name, spec.key.deserialize(spec.serdeTopic, key)),
        value: settled(spec.name, spec.value.deserialize(spec.serdeTopic, valueBytesOf(value))),
        timestamp: timestampOf(value),
      }
    }
    for (; next < pending.length; next++) {
      const entry = pending[next]!
      if (entry.value !== null) yield { key: entry.key, value: entry.value, timestamp: entry.timestamp }
    }
  }

  restored(key: Uint8Array, value: Uint8Array | null, timestamp: number): { key: Uint8Array; value: Uint8Array | null } {
    return { key: Uint8Array.prototype.slice.call(key), value: value === null ? null : stamped(timestamp, value) }
  }

  changelogValue(key: Uint8Array): { value: Uint8Array | null; timestamp: number } {
    const stored = this.bytes.get(key)
    return stored === undefined ? { value: null, timestamp: -1 } : { value: valueBytesOf(stored), timestamp: timestampOf(stored) }
  }

  close(): void {
    this.#context.budget.entries -= this.#cache.size
    this.#cache.clear()
  }

  #loaded(id: unknown, key: K): CacheEntry<K, V> {
    const { spec } = this
    const keyBytes = keyBytesOf(spec, key)
    const entry = loadedEntry(spec, key, keyBytes, this.bytes.get(keyBytes))
    this.#cache.set(id, entry)
    this.#context.budget.entries++
    return entry
  }

  #bytesOf(entry: CacheEntry<K, V>): Uint8Array {
    return (entry.keyBytes ??= keyBytesOf(this.spec, entry.key))
  }

  #identityOf(key: K): unknown {
    return identityOf(key, () => this.spec.key.serialize(this.spec.serdeTopic, key))
  }
}
