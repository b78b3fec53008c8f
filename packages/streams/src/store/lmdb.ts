import { type Disk, type Lock, MillraceError } from '@millrace/runtime'
import { type Database, open, type RootDatabase } from 'lmdb'
import { type Checkpoint, parseCheckpoint } from '../task/checkpoint.ts'
import type { ByteEntry, ByteStore, StateDirectory, StoreEnvironment, StoreWrites } from './environment.ts'

/** LMDB takes no longer key. */
export const maxLmdbKeyBytes = 1978
const maxStoresPerTask = 1000
const checkpointKey = Buffer.from('checkpoint')
const binary = { keyEncoding: 'binary', encoding: 'binary', cache: false } as const

/**
 * One LMDB environment: a named database a store, and one for the checkpoint. A commit is one transaction, written off the loop, so nothing can come apart. After a
 * power failure LMDB shows the last transaction that had reached the device, whole, and the changelogs have the rest.
 */
export class LmdbEnvironment implements StoreEnvironment {
  readonly #root: RootDatabase<Buffer, Uint8Array>
  readonly #meta: Database<Buffer, Uint8Array>
  readonly #stores = new Map<string, LmdbStore>()
  checkpoint: Checkpoint | null

  constructor(directory: string) {
    try {
      this.#root = open({ path: directory, maxDbs: maxStoresPerTask, noSubdir: false, ...binary })
      this.#meta = this.#root.openDB<Buffer, Uint8Array>({ name: 'millrace.checkpoint', ...binary })
    } catch (cause) {
      throw new MillraceError('STATE_DIRECTORY', `State can't be opened in ${directory}`, {
        hint: 'look at the permissions and the room left, or give another stateDirectory',
        cause,
      })
    }
    this.checkpoint = parseCheckpoint(this.#meta.get(checkpointKey)?.toString() ?? '')
  }

  store(name: string): LmdbStore {
    let store = this.#stores.get(name)
    if (!store) this.#stores.set(name, (store = new LmdbStore(this.#root.openDB<Buffer, Uint8Array>({ name, ...binary }))))
    return store
  }

  async commit(writes: readonly StoreWrites[], checkpoint: Checkpoint): Promise<void> {
    for (const { keys } of writes) for (const key of keys) checkKey(key)
    const stores = writes.map(({ store }) => this.store(store))
    const text = Buffer.from(JSON.stringify(checkpoint))
    await this.#root.transaction(() => {
      for (const [index, write] of writes.entries()) stores[index]!.write(write)
      void this.#meta.put(checkpointKey, text)
    })
    this.checkpoint = checkpoint
  }

  async clear(name: string): Promise<void> {
    await this.store(name).database.clearAsync()
    if (!this.checkpoint) return
    const { [name]: _gone, ...changelogs } = this.checkpoint.changelogs
    await this.commit([], { ...this.checkpoint, changelogs })
  }

  async close(): Promise<void> {
    await this.#root.flushed
    await this.#root.close()
  }
}

function checkKey(key: Uint8Array): void {
  if (key.length <= maxLmdbKeyBytes) return
  throw new MillraceError('STORE_KEY_TOO_LONG', `A key of ${key.length} bytes`, {
    hint: `LMDB takes keys of up to ${maxLmdbKeyBytes} bytes; use stores: 'memory' or shorter keys`,
  })
}

class LmdbStore implements ByteStore {
  readonly database: Database<Buffer, Uint8Array>

  constructor(database: Database<Buffer, Uint8Array>) {
    this.database = database
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return key.length > maxLmdbKeyBytes ? undefined : this.database.get(key)
  }

  *range(from: Uint8Array | null, to: Uint8Array | null): Iterable<ByteEntry> {
    for (const { key, value } of this.database.getRange(bounds(from, to))) yield { key: key as Uint8Array, value }
  }

  count(): number {
    return this.database.getCount()
  }

  /** Within a transaction, where puts take effect at once. */
  write({ removeBelow, keys, values }: StoreWrites): void {
    const { database } = this
    if (removeBelow !== null) for (const key of [...database.getKeys(bounds(null, removeBelow))]) void database.remove(key)
    for (let i = 0; i < keys.length; i++) {
      const value = values[i]!
      if (value === null) void database.remove(keys[i] as Buffer)
      else void database.put(keys[i] as Buffer, value as Buffer)
    }
  }
}

function bounds(from: Uint8Array | null, to: Uint8Array | null): { start?: Uint8Array; end?: Uint8Array } {
  return { ...(from !== null && { start: from }), ...(to !== null && { end: to }) }
}

/** The lock file knows processes only. */
const inThisProcess = new Set<string>()

/** `<stateDirectory>/<applicationId>/<taskId>`, locked against a second process. */
export class LmdbStateDirectory implements StateDirectory {
  readonly #directory: string
  readonly #disk: Disk
  readonly #lock: Lock

  constructor(disk: Disk, stateDirectory: string, applicationId: string) {
    this.#directory = `${stateDirectory}/${applicationId}`
    this.#disk = disk
    disk.makeDirectory(this.#directory)
    try {
      if (inThisProcess.has(this.#directory)) throw new Error('it is open in this process')
      this.#lock = disk.lock(`${this.#directory}/.lock`)
      inThisProcess.add(this.#directory)
    } catch (cause) {
      throw new MillraceError('STATE_DIRECTORY_LOCKED', `Another instance uses the state in ${this.#directory}`, {
        hint: 'give each instance a stateDirectory of its own',
        cause,
      })
    }
  }

  open(taskId: string): LmdbEnvironment {
    return new LmdbEnvironment(`${this.#directory}/${taskId}`)
  }

  taskIds(): string[] {
    return this.#disk.list(this.#directory).filter(name => /^\d+_\d+$/.test(name))
  }

  close(): void {
    inThisProcess.delete(this.#directory)
    this.#lock.release()
  }
}
