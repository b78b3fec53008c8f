import { noHeaders, type RecordHeader } from '../record.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { Windowed } from '../window/window.ts'
import {
  changelogWindowKey,
  changelogWindowKeyParts,
  localWindowKey,
  localWindowKeyParts,
  localWindowStart,
} from '../window/window-key.ts'
import { type CacheEntry, evict, identityOf } from './cache.ts'
import type { ByteStore, StoreWrites } from './environment.ts'
import type { StoredValue } from './key-value-store.ts'
import { keyBytesOf, loadedEntry } from './loaded-entry.ts'
import { settled } from './not-ready.ts'
import { stamped, timestampOf, valueBytesOf } from './stamped.ts'
import type { StateStore, StoreContext } from './state-store.ts'

interface Segment<K, V> {
  readonly start: number
  readonly entries: Map<unknown, CacheEntry<K, V>>
}

/**
 * Values by window and key, with retention: a window whose start is not after the observed stream time less `retentionMs` is gone. Decoded
 * values are cached as in KeyValueStore; a result of a window that closes meanwhile is still logged and handed on.
 */
export class WindowStore<K, V> implements StateStore {
  readonly spec: StoreSpec<K, V>
  readonly bytes: ByteStore
  readonly #context: StoreContext
  readonly #segments = new Map<number, Segment<K, V>>()
  #latest: Segment<K, V> | null = null
  #observedMs = -1
  #dirty: { entry: CacheEntry<K, V>; start: number }[] = []
  #removeBelow: Uint8Array | null = null
  #keys: Uint8Array[] = []
  #values: (Uint8Array | null)[] = []

  constructor(spec: StoreSpec<K, V>, bytes: ByteStore, context: StoreContext) {
    this.spec = spec
    this.bytes = bytes
    this.#context = context
  }

  /** Moves the store's time on; it never goes back. */
  observe(streamTimeMs: number): void {
    if (streamTimeMs > this.#observedMs) this.#observedMs = streamTimeMs
  }

  /** Windows that start at or before this are gone. */
  get expiredStartMs(): number {
    return this.#observedMs - this.spec.retentionMs
  }

  /** The entry of a key in the window from `start` on; see KeyValueStore.entry. */
  entry(key: K, start: number): CacheEntry<K, V> {
    let segment = this.#latest
    if (segment === null || segment.start !== start) segment = this.#segmentOf(start)
    const id = typeof key === 'string' ? key : this.#identityOf(key)
    const entry = segment.entries.get(id)
    if (entry !== undefined) {
      entry.used = true
      return entry
    }
    return this.#loaded(segment, id, key)
  }

  /** Sets the value of an entry that `entry` gave; null deletes. */
  put(entry: CacheEntry<K, V>, start: number, value: V | null, timestamp: number, headers: readonly RecordHeader[]): void {
    entry.value = value
    entry.timestamp = timestamp
    entry.headers = headers
    if (!entry.dirty) {
      entry.dirty = true
      this.#dirty.push({ entry, start })
    }
  }

  /** The value of a key in a window; null when there is none or the window is gone. */
  get(key: K, start: number): V | null {
    return start <= this.expiredStartMs ? null : this.entry(key, start).value
  }

  flush(forward: (entry: CacheEntry<K, V>, start: number) => void): void {
    const { spec } = this
    const context = this.#context
    const dirty = this.#dirty
    this.#dirty = []
    for (const { entry, start } of dirty) {
      entry.dirty = false
      const keyBytes = this.#bytesOf(entry)
      if (entry.value === null) {
        if (!entry.stored) continue
        context.outlet.send(
          spec.changelog,
          context.partition,
          changelogWindowKey(keyBytes, start),
          null,
          entry.timestamp,
          noHeaders,
        )
        this.#keys.push(localWindowKey(keyBytes, start))
        this.#values.push(null)
        entry.stored = false
      } else {
        const valueBytes = spec.value.serialize(spec.serdeTopic, entry.value)
        context.outlet.send(
          spec.changelog,
          context.partition,
          changelogWindowKey(keyBytes, start),
          valueBytes,
          entry.timestamp,
          noHeaders,
        )
        if (start > this.expiredStartMs) {
          this.#keys.push(localWindowKey(keyBytes, start))
          this.#values.push(stamped(entry.timestamp, valueBytes))
        }
        entry.stored = true
      }
      forward(entry, start)
    }
    this.#expire()
  }

  takeWrites(): StoreWrites | null {
    if (this.#keys.length === 0 && this.#removeBelow === null) return null
    const writes = { store: this.spec.name, removeBelow: this.#removeBelow, keys: this.#keys, values: this.#values }
    this.#removeBelow = null
    this.#keys = []
    this.#values = []
    return writes
  }

  evict(): void {
    const { budget } = this.#context
    const kept = Math.min(1, (budget.maxEntries * 0.75) / Math.max(1, budget.entries))
    for (const [start, { entries }] of this.#segments) {
      budget.entries -= evict(entries, Math.floor(entries.size * kept))
      if (entries.size > 0) continue
      this.#segments.delete(start)
      if (this.#latest?.start === start) this.#latest = null
    }
  }

  /** All that is there of windows that start in `fromMs` ≤ start ≤ `toMs`, by start and then by key bytes. */
  *all(fromMs = 0, toMs = Number.MAX_SAFE_INTEGER - 1): Generator<StoredValue<Windowed<K>, V>> {
    const { spec } = this
    const sizeMs = spec.windows!.sizeMs
    const first = Math.max(fromMs, this.expiredStartMs + 1, 0)
    const pending = [...this.#segments.values()]
      .filter(({ start }) => start >= first && start <= toMs)
      .flatMap(({ start, entries }) =>
        [...entries.values()].map(entry => ({ entry, key: localWindowKey(this.#bytesOf(entry), start), start })),
      )
      .sort((a, b) => Buffer.compare(a.key, b.key))
    let next = 0
    const cached = ({ entry, start }: (typeof pending)[number]): StoredValue<Windowed<K>, V> => ({
      key: { key: entry.key, window: { start, end: start + sizeMs } },
      value: entry.value!,
      timestamp: entry.timestamp,
    })
    for (const { key, value } of this.bytes.range(localWindowStart(first), localWindowStart(toMs + 1))) {
      let order = -1
      while (next < pending.length && (order = Buffer.compare(pending[next]!.key, key)) <= 0) {
        const found = pending[next++]!
        if (found.entry.value !== null) yield cached(found)
        if (order === 0) break
      }
      if (order === 0) continue
      const { key: innerBytes, start } = localWindowKeyParts(key)
      yield {
        key: {
          key: settled(spec.name, spec.key.deserialize(spec.serdeTopic, innerBytes)),
          window: { start, end: start + sizeMs },
        },
        value: settled(spec.name, spec.value.deserialize(spec.serdeTopic, valueBytesOf(value))),
        timestamp: timestampOf(value),
      }
    }
    for (; next < pending.length; next++) if (pending[next]!.entry.value !== null) yield cached(pending[next]!)
  }

  restored(key: Uint8Array, value: Uint8Array | null, timestamp: number): { key: Uint8Array; value: Uint8Array | null } {
    const { key: innerBytes, start } = changelogWindowKeyParts(key)
    return { key: localWindowKey(innerBytes, start), value: value === null ? null : stamped(timestamp, value) }
  }

  changelogValue(key: Uint8Array): { value: Uint8Array | null; timestamp: number } {
    const { key: innerBytes, start } = changelogWindowKeyParts(key)
    const stored = this.bytes.get(localWindowKey(innerBytes, start))
    return stored === undefined ? { value: null, timestamp: -1 } : { value: valueBytesOf(stored), timestamp: timestampOf(stored) }
  }

  close(): void {
    for (const { entries } of this.#segments.values()) this.#context.budget.entries -= entries.size
    this.#segments.clear()
    this.#latest = null
  }

  #expire(): void {
    const expired = this.expiredStartMs
    if (expired < 0) return
    for (const [start, { entries }] of this.#segments) {
      if (start > expired) continue
      this.#context.budget.entries -= entries.size
      this.#segments.delete(start)
      if (this.#latest?.start === start) this.#latest = null
    }
    this.#removeBelow = localWindowStart(expired + 1)
  }

  #segmentOf(start: number): Segment<K, V> {
    let segment = this.#segments.get(start)
    if (segment === undefined) this.#segments.set(start, (segment = { start, entries: new Map() }))
    this.#latest = segment
    return segment
  }

  #loaded(segment: Segment<K, V>, id: unknown, key: K): CacheEntry<K, V> {
    const { spec } = this
    const keyBytes = keyBytesOf(spec, key)
    const stored = segment.start <= this.expiredStartMs ? undefined : this.bytes.get(localWindowKey(keyBytes, segment.start))
    const entry = loadedEntry(spec, key, keyBytes, stored)
    segment.entries.set(id, entry)
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
