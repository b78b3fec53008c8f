import type { RecordHeader } from '../record.ts'

/** A decoded value in a store's cache. It stays until it is written and evicted; reads and updates happen here. */
export interface CacheEntry<K, V> {
  readonly key: K
  keyBytes: Uint8Array | null
  /** null: deleted, or not there. */
  value: V | null
  timestamp: number
  /** Of the record that changed it last. */
  headers: readonly RecordHeader[]
  /** Changed since the last flush. */
  dirty: boolean
  /** Whether the flushed state has the key; undefined when nobody has looked. */
  stored: boolean | undefined
  /** Used since the last eviction ran. */
  used: boolean
}

/** How many entries the caches of one instance may hold together; above, clean ones go, and then a commit makes dirty ones clean. */
export class CacheBudget {
  readonly maxEntries: number
  entries = 0

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries
  }

  get isExceeded(): boolean {
    return this.entries > this.maxEntries
  }
}

/**
 * Evicts clean entries of one map until at most `keep` are left, unused ones first: an entry that was used since the last time goes to the
 * back once more (the clock algorithm). Returns how many went.
 */
export function evict<K, V>(entries: Map<unknown, CacheEntry<K, V>>, keep: number): number {
  let gone = 0
  for (let steps = entries.size * 2; entries.size > keep && steps > 0; steps--) {
    const [id, entry] = entries.entries().next().value!
    entries.delete(id)
    if (entry.dirty || entry.used) {
      entry.used = false
      entries.set(id, entry)
    } else {
      gone++
    }
  }
  return gone
}

/** A value that Map can compare: primitives are themselves, anything else is its bytes. */
export function identityOf(key: unknown, bytesOf: () => Uint8Array): unknown {
  if (typeof key !== 'object' || key === null) return key
  const bytes = bytesOf()
  return `\u0000${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`
}
