import type { Checkpoint } from '../task/checkpoint.ts'
import type { ByteEntry, ByteStore, StateDirectory, StoreEnvironment, StoreWrites } from './environment.ts'

/** State that lives as long as the process; rebuilt from changelogs. Nothing is written anywhere, so the simulator can use it. */
export class MemoryEnvironment implements StoreEnvironment {
  readonly #stores = new Map<string, MemoryStore>()
  checkpoint: Checkpoint | null = null

  store(name: string): MemoryStore {
    let store = this.#stores.get(name)
    if (!store) this.#stores.set(name, (store = new MemoryStore()))
    return store
  }

  commit(writes: readonly StoreWrites[], checkpoint: Checkpoint): void {
    for (const write of writes) this.store(write.store).write(write)
    this.checkpoint = checkpoint
  }

  clear(name: string): void {
    this.#stores.set(name, new MemoryStore())
    if (this.checkpoint) {
      const { [name]: _gone, ...changelogs } = this.checkpoint.changelogs
      this.checkpoint = { ...this.checkpoint, changelogs }
    }
  }

  async close(): Promise<void> {}
}

class MemoryStore implements ByteStore {
  /** By the key's bytes as Latin-1 text, whose order is that of the bytes. */
  readonly #entries = new Map<string, ByteEntry>()
  /** Keys in order; null after one came or went. */
  #ordered: string[] | null = []

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(nameOf(key))?.value
  }

  *range(from: Uint8Array | null, to: Uint8Array | null): Iterable<ByteEntry> {
    const names = (this.#ordered ??= [...this.#entries.keys()].sort())
    const end = to === null ? null : nameOf(to)
    for (let i = from === null ? 0 : lowerBound(names, nameOf(from)); i < names.length; i++) {
      if (end !== null && names[i]! >= end) return
      const entry = this.#entries.get(names[i]!)
      if (entry) yield entry
    }
  }

  count(): number {
    return this.#entries.size
  }

  write({ removeBelow, keys, values }: StoreWrites): void {
    if (removeBelow !== null) {
      const names = (this.#ordered ??= [...this.#entries.keys()].sort())
      const gone = names.splice(0, lowerBound(names, nameOf(removeBelow)))
      for (const name of gone) this.#entries.delete(name)
    }
    for (let i = 0; i < keys.length; i++) {
      const name = nameOf(keys[i]!)
      const value = values[i]!
      if (value === null) {
        if (this.#entries.delete(name)) this.#ordered = null
      } else {
        if (!this.#entries.has(name)) this.#ordered = null
        this.#entries.set(name, { key: keys[i]!, value })
      }
    }
  }
}

function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The first place in sorted `names` that is not below `name`. */
function lowerBound(names: readonly string[], name: string): number {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (names[middle]! < name) low = middle + 1
    else high = middle
  }
  return low
}

/** Environments by task, kept while the process lives, so that a task that comes back finds its state. */
export class MemoryStateDirectory implements StateDirectory {
  readonly #environments = new Map<string, MemoryEnvironment>()

  open(taskId: string): MemoryEnvironment {
    let environment = this.#environments.get(taskId)
    if (!environment) this.#environments.set(taskId, (environment = new MemoryEnvironment()))
    return environment
  }

  taskIds(): string[] {
    return [...this.#environments.keys()]
  }

  close(): void {}
}
