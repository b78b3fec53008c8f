import type { Checkpoint } from '../task/checkpoint.ts'

/**
 * The durable state of one task: its stores and the checkpoint that says what they contain, changed together or not at all.
 * Two forms, one contract (`environment.test.ts`): memory and LMDB.
 */
export interface StoreEnvironment {
  /** The store of that name, created empty. */
  store(name: string): ByteStore
  /** What the last commit said; null if there was none. */
  readonly checkpoint: Checkpoint | null
  /**
   * All writes and the checkpoint as one: after a crash at any point either all of it is there or nothing. Where a promise comes back, the commit is visible
   * and atomic when it resolves; the next one waits for that.
   */
  commit(writes: readonly StoreWrites[], checkpoint: Checkpoint): void | Promise<void>
  /** Empties one store, its entry in the checkpoint included. */
  clear(name: string): void | Promise<void>
  close(): Promise<void>
}

/** Reads of one store, as of the last commit. Keys are ordered by unsigned bytes. */
export interface ByteStore {
  /** The bytes belong to the caller. */
  get(key: Uint8Array): Uint8Array | undefined
  /** Entries with `from` ≤ key < `to`, ascending; null is open. Read to the end or leave with `break`. */
  range(from: Uint8Array | null, to: Uint8Array | null): Iterable<ByteEntry>
  /** Number of entries. */
  count(): number
}

export interface ByteEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface StoreWrites {
  readonly store: string
  /** Removes every key below this one, before the entries are written. */
  readonly removeBelow: Uint8Array | null
  /** Pairs; a null value removes the key. The arrays and bytes must not change before the commit is done. */
  readonly keys: readonly Uint8Array[]
  readonly values: readonly (Uint8Array | null)[]
}

/** Opens the environment of a task; `memory` keeps nothing, `LMDB` a directory. */
export interface StateDirectory {
  open(taskId: string): StoreEnvironment
  /** Tasks of which there is state here. */
  taskIds(): string[]
  close(): void
}
