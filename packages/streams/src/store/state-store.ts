import type { Outlet } from '../task/outlet.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { CacheBudget } from './cache.ts'
import type { ByteStore, StoreWrites } from './environment.ts'

/** What a task needs of its stores, whatever they hold. */
export interface StateStore {
  readonly spec: StoreSpec
  readonly bytes: ByteStore
  /** What flushed entries add to the environment since the last call, for the task's next commit; null for nothing. */
  takeWrites(): StoreWrites | null
  /** Drops clean entries above the store's share of the budget. */
  evict(): void
  /** The form of a changelog record in the local store. */
  restored(key: Uint8Array, value: Uint8Array | null, timestamp: number): { key: Uint8Array; value: Uint8Array | null }
  /** The changelog record of what the local store has for a changelog key now: null for nothing. */
  changelogValue(key: Uint8Array): { value: Uint8Array | null; timestamp: number }
  /** Gives the cache's room back. */
  close(): void
}

export interface StoreContext {
  readonly partition: number
  readonly outlet: Outlet
  readonly budget: CacheBudget
}
