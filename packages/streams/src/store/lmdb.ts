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
 * One LMDB environment: a named database a store, and one for the checkpoint. A commit is one transaction, so nothing can come apart, and it
 * does not wait for the device: after a power failure LMDB shows the last transaction that had reached it, whole, and the changelog has the rest.
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

  commit(writes: readonly StoreWrites[], checkpoint: Checkpoint): void {
    this.#root.transactionSync(() => {
      for (const write of writes) this.store(write.store).write(write)
      this.#meta.putSync(checkpointKey, Buffer.from(JSON.stringify(checkpoint)))
    }, abortableWithoutFlush)
    this.checkpoint = checkpoint
  }

  clear(name: string): void {
    this.store(name).database.clearSync()
    if (!this.checkpoint) return
    const { [name]: _gone, ...changelogs } = this.checkpoint.changelogs
    this.commit([], { ...this.checkpoint, changelogs })
  }

  async close(): Promise<void> {
    await this.#root.flushed
    await this.#root.close()
  }
}

/** TransactionFlags of lmdb, a const enum that does not exist at run time: ABORTABLE | NO_SYNC_FLUSH. */
const abortableWithoutFlush = 0x1 | 0x10000

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

  write({ removeBelow, keys, values }: StoreWrites): void {
    const { database } = this
    if (removeBelow !== null) {
      const gone = [...database.getKeys(bounds(null, removeBelow))]
      for (const key of gone) database.removeSync(key)
    }
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      if (key.length > maxLmdbKeyBytes)
        throw new MillraceError('STORE_KEY_TOO_LONG', `A key of ${key.length} bytes`, {
          hint: `LMDB takes keys of up to ${maxLmdbKeyBytes} bytes; use stores: 'memory' or shorter keys`,
        })
      const value = values[i]!
      if (value === null) database.removeSync(key)
      else database.putSync(key, value as Buffer)
    }
  }
}

function bounds(from: Uint8Array | null, to: Uint8Array | null): { start?: Uint8Array; end?: Uint8Array } {
  return { ...(from !== null && { start: from }), ...(to !== null && { end: to }) }
}

/** `<stateDirectory>/<applicationId>/<taskId>`, locked against a second process. */
export class LmdbStateDirectory implements StateDirectory {
  readonly #directory: string
  readonly #lock: Lock

  constructor(disk: Disk, stateDirectory: string, applicationId: string) {
    this.#directory = `${stateDirectory}/${applicationId}`
    disk.makeDirectory(this.#directory)
    try {
      this.#lock = disk.lock(`${this.#directory}/.lock`)
    } catch (cause) {
      throw new MillraceError('STATE_DIRECTORY_LOCKED', `Another process uses the state in ${this.#directory}`, {
        hint: 'give each instance a stateDirectory of its own',
        cause,
      })
    }
  }

  open(taskId: string): LmdbEnvironment {
    return new LmdbEnvironment(`${this.#directory}/${taskId}`)
  }

  close(): void {
    this.#lock.release()
  }
}
