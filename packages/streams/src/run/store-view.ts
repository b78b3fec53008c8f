import { ConfigError } from '@millrace/runtime'
import { KeyValueStore, type StoredValue } from '../store/key-value-store.ts'
import type { StateStore } from '../store/state-store.ts'
import { WindowStore } from '../store/window-store.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { Windowed } from '../window/window.ts'

/** Whoever has stores: a task. */
export interface StoreOwner {
  store(name: string): StateStore | undefined
}

/**
 * Reads of a store over the tasks that are here, one after the other: an order of keys holds within a partition. Other instances have the other partitions. Read
 * what you need at once: a read that is kept open over an await may see a task end.
 */
export class StoreView<K, V> {
  readonly #spec: StoreSpec
  readonly #owners: () => Iterable<StoreOwner>

  constructor(spec: StoreSpec, owners: () => Iterable<StoreOwner>) {
    this.#spec = spec
    this.#owners = owners
  }

  /** The value of a key; null if no task here has it. */
  get(key: K): V | null {
    for (const store of this.#keyValue()) {
      const value = store.get(key)
      if (value !== null) return value
    }
    return null
  }

  /** Entries with `from` ≤ key ≤ `to` by the order of key bytes; null is open. */
  *range(from: K | null, to: K | null): Generator<StoredValue<K, V>> {
    for (const store of this.#keyValue()) yield* store.range(from, to)
  }

  /** Of a window store: the value of a key in the window that starts at `start` (milliseconds). */
  getWindow(key: K extends Windowed<infer I> ? I : K, start: number): V | null {
    for (const store of this.#windowed()) {
      const value = store.get(key, start)
      if (value !== null) return value
    }
    return null
  }

  /** Everything; of a window store, windows that start in `fromMs` ≤ start ≤ `toMs`, as far as they are retained. */
  *all(fromMs?: number, toMs?: number): Generator<StoredValue<K, V>> {
    if (this.#spec.windows === null) yield* this.range(null, null)
    else for (const store of this.#windowed()) yield* store.all(fromMs, toMs) as Generator<StoredValue<any, V>>
  }

  *#keyValue(): Generator<KeyValueStore<K, V>> {
    for (const owner of this.#owners()) {
      const store = owner.store(this.#spec.name)
      if (store instanceof KeyValueStore) yield store
      else if (store) throw new ConfigError(`Store ${this.#spec.name} is windowed`, 'use getWindow() or all()')
    }
  }

  *#windowed(): Generator<WindowStore<any, V>> {
    for (const owner of this.#owners()) {
      const store = owner.store(this.#spec.name)
      if (store instanceof WindowStore) yield store
      else if (store) throw new ConfigError(`Store ${this.#spec.name} has no windows`, 'use get() or range()')
    }
  }
}
