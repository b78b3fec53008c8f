import { type Disk, DiskError, type File, type FileStat, type Lock } from '@millrace/runtime'
import type { SeededRandom } from './random.ts'

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly sizeBytes: number }

/** Bytes that grow at their end, with room to spare. */
class Content {
  bytes = Buffer.alloc(0)
  sizeBytes = 0

  write(chunk: Uint8Array, position: number): void {
    const end = position + chunk.length
    this.#reserve(end)
    this.bytes.set(chunk, position)
    if (end > this.sizeBytes) this.sizeBytes = end
  }

  truncate(sizeBytes: number): void {
    this.#reserve(sizeBytes)
    if (sizeBytes < this.sizeBytes) this.bytes.fill(0, sizeBytes, this.sizeBytes)
    this.sizeBytes = sizeBytes
  }

  apply(change: Change): void {
    if (change.kind === 'write') this.write(change.bytes, change.position)
    else this.truncate(change.sizeBytes)
  }

  copyOf(other: Content): void {
    this.bytes = Buffer.from(other.bytes.subarray(0, other.sizeBytes))
    this.sizeBytes = other.sizeBytes
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.bytes.length) return
    const grown = Buffer.alloc(Math.max(sizeBytes, this.bytes.length * 2, 512))
    this.bytes.copy(grown, 0, 0, this.sizeBytes)
    this.bytes = grown
  }
}

/** What is in a file: as the process sees it, as the device holds it, and the changes between the two. */
class Inode {
  readonly seen = new Content()
  readonly durable = new Content()
  unsynced: Change[] = []
  modifiedMs = 0

  get sizeBytes(): number {
    return this.seen.sizeBytes
  }

  write(chunk: Uint8Array, position: number): void {
    this.#change({ kind: 'write', position, bytes: chunk.slice() })
  }

  truncate(sizeBytes: number): void {
    this.#change({ kind: 'truncate', sizeBytes })
  }

  sync(): void {
    for (const change of this.unsynced) this.durable.apply(change)
    this.unsynced.length = 0
  }

  /** The device is all that is left. */
  forget(): void {
    this.unsynced.length = 0
    this.seen.copyOf(this.durable)
  }

  #change(change: Change): void {
    this.seen.apply(change)
    this.unsynced.push(change)
  }
}

type MetadataChange =
  | { kind: 'link'; path: string; inode: Inode }
  | { kind: 'unlink'; path: string }
  | { kind: 'rename'; from: string; to: string; inode: Inode }
  /** A directory with all that is in it, as one. */
  | { kind: 'move'; from: string; to: string }

export interface DiskFaults {
  /** Bytes that may be written before ENOSPC; Infinity by default. */
  freeBytes: number
  /** Fails every write and sync with this code while set: EIO, EROFS. */
  failWith: string | null
  /** Mean of the time that a sync takes. */
  syncMs: number
  /** Only paths below this one have the first two: one disk of several. Default `/`: all. */
  under: string
}

/**
 * A disk that forgets what was not synced. A crash of the process keeps everything (the operating system lives on); a power loss keeps,
 * drops or tears each unsynced write (at 512 bytes) and each unsynced change of a directory, independently.
 */
export class SimulatedDisk {
  readonly faults: DiskFaults = { freeBytes: Infinity, failWith: null, syncMs: 0.2, under: '/' }
  readonly #random: SeededRandom
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #changes: MetadataChange[] = []
  #directories = new Set<string>(['/'])
  #locks = new Set<string>()
  #operationsToDeath = Infinity
  #die: () => void = () => {}

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Calls `die` in the place of the operation after the next `operations` that change something; it must end the process that asked for it. */
  dieAfter(operations: number, die: () => void): void {
    this.#operationsToDeath = operations
    this.#die = die
  }

  /** The process died: locks fall, data stays. */
  crashProcess(): void {
    this.#locks.clear()
    this.#operationsToDeath = Infinity
  }

  /** The power failed: what was not synced is kept, dropped or torn by chance. */
  losePower(): void {
    this.crashProcess()
    for (const change of this.#changes) if (this.#random.chance(0.5)) this.#makeDurable(change)
    this.#changes = []
    this.#names = new Map(this.#durableNames)
    for (const path of this.#names.keys()) this.#addDirectory(parentOf(path))
    for (const inode of new Set(this.#names.values())) this.#tear(inode)
  }

  /** Everything is gone: a new disk. */
  wipe(): void {
    this.#names.clear()
    this.#durableNames.clear()
    this.#changes = []
    this.#locks.clear()
    this.#directories = new Set(['/'])
  }

  /** The disk as one process sees it. `alive` is asked at every call: a dead process does nothing any more. */
  open(now: () => number, alive: () => boolean, later: (delayMs: number, run: () => void) => void): Disk {
    const guard = (path: string) => {
      if (!alive()) throw new DiskError('EDEAD', path)
    }
    /** Before every operation that changes something. */
    const change = (path: string) => {
      guard(path)
      if (this.#operationsToDeath-- > 0) return
      this.#operationsToDeath = Infinity
      this.#die()
      guard(path)
    }
    const find = (path: string): Inode => {
      guard(path)
      const inode = this.#names.get(normal(path))
      if (!inode) throw new DiskError('ENOENT', path)
      return inode
    }
    return {
      open: (path, mode) => this.#openFile(path, mode, { now, guard, change, alive, later }),
      exists: path => this.#names.has(normal(path)) || this.#directories.has(normal(path)),
      stat: (path): FileStat => {
        if (this.#directories.has(normal(path))) return { sizeBytes: 0, modifiedMs: 0, isDirectory: true }
        const inode = find(path)
        return { sizeBytes: inode.sizeBytes, modifiedMs: inode.modifiedMs, isDirectory: false }
      },
      list: directory => this.#list(directory),
      makeDirectory: directory => {
        guard(directory)
        this.#checkWritable(directory)
        this.#addDirectory(normal(directory))
      },
      readFile: path => {
        const inode = find(path)
        return Buffer.from(inode.seen.bytes.subarray(0, inode.sizeBytes))
      },
      rename: (from, to) => {
        change(from)
        this.#checkWritable(from)
        this.#rename(normal(from), normal(to))
      },
      remove: path => {
        change(path)
        if (this.#names.delete(normal(path))) this.#changes.push({ kind: 'unlink', path: normal(path) })
      },
      removeDirectory: directory => {
        guard(directory)
        const prefix = `${normal(directory)}/`
        for (const path of [...this.#names.keys()]) {
          if (!path.startsWith(prefix)) continue
          change(path)
          this.#names.delete(path)
          this.#changes.push({ kind: 'unlink', path })
        }
        for (const path of [...this.#directories])
          if (path === normal(directory) || path.startsWith(prefix)) this.#directories.delete(path)
      },
      syncDirectory: directory => {
        change(directory)
        this.#syncDirectory(normal(directory))
      },
      lock: (path): Lock => {
        guard(path)
        if (this.#locks.has(normal(path))) throw new DiskError('ELOCKED', path)
        this.#locks.add(normal(path))
        return { release: () => void this.#locks.delete(normal(path)) }
      },
    }
  }

  #openFile(
    path: string,
    mode: 'read' | 'write',
    process: {
      now: () => number
      guard: (path: string) => void
      change: (path: string) => void
      alive: () => boolean
      later: (delayMs: number, run: () => void) => void
    },
  ): File {
    process.guard(path)
    const name = normal(path)
    let inode = this.#names.get(name)
    if (!inode) {
      if (mode === 'read') throw new DiskError('ENOENT', path)
      if (!this.#directories.has(parentOf(name))) throw new DiskError('ENOENT', path)
      this.#checkWritable(path)
      process.change(path)
      inode = new Inode()
      this.#names.set(name, inode)
      this.#changes.push({ kind: 'link', path: name, inode })
    }
    const { faults } = this
    const opened = inode
    const checkWritable = () => {
      process.change(path)
      this.#checkWritable(path)
    }
    const syncNow = () => {
      checkWritable()
      opened.sync()
    }
    return {
      path,
      get sizeBytes() {
        return opened.sizeBytes
      },
      write: (chunks, position) => {
        checkWritable()
        for (const chunk of chunks) {
          // A full disk takes what still fits.
          const fits = name.startsWith(faults.under) ? Math.min(chunk.length, faults.freeBytes) : chunk.length
          if (name.startsWith(faults.under)) faults.freeBytes -= fits
          if (fits > 0) opened.write(fits < chunk.length ? chunk.subarray(0, fits) : chunk, position)
          if (fits < chunk.length) throw new DiskError('ENOSPC', path)
          position += fits
        }
        opened.modifiedMs = process.now()
      },
      read: (into, position) => {
        process.guard(path)
        const count = Math.max(0, Math.min(into.length, opened.sizeBytes - position))
        into.set(opened.seen.bytes.subarray(position, position + count))
        return count
      },
      truncate: sizeBytes => {
        checkWritable()
        opened.truncate(sizeBytes)
      },
      sync: () =>
        new Promise((resolve, reject) => {
          process.later(this.#random.exponential(faults.syncMs), () => {
            if (!process.alive()) return
            try {
              syncNow()
              resolve()
            } catch (error) {
              reject(error)
            }
          })
        }),
      syncNow,
      close: () => {},
    }
  }

  #checkWritable(path: string): void {
    if (this.faults.failWith && normal(path).startsWith(this.faults.under)) throw new DiskError(this.faults.failWith, path)
  }

  #list(directory: string): string[] {
    const prefix = normal(directory) === '/' ? '/' : `${normal(directory)}/`
    if (!this.#directories.has(normal(directory))) throw new DiskError('ENOENT', directory)
    const names = new Set<string>()
    for (const path of [...this.#names.keys(), ...this.#directories]) {
      if (path.startsWith(prefix) && path.length > prefix.length) names.add(path.slice(prefix.length).split('/')[0]!)
    }
    return [...names].sort()
  }

  #rename(from: string, to: string): void {
    const inode = this.#names.get(from)
    if (inode) {
      this.#names.delete(from)
      this.#names.set(to, inode)
      this.#changes.push({ kind: 'rename', from, to, inode })
      return
    }
    if (!this.#directories.has(from)) throw new DiskError('ENOENT', from)
    moveNames(this.#names, from, to)
    this.#changes.push({ kind: 'move', from, to })
    for (const path of [...this.#directories]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#directories.delete(path)
      this.#directories.add(to + path.slice(from.length))
    }
  }

  #syncDirectory(directory: string): void {
    this.#changes = this.#changes.filter(change => {
      const paths = 'path' in change ? [change.path] : [change.from, change.to]
      if (!paths.some(path => parentOf(path) === directory)) return true
      this.#makeDurable(change)
      return false
    })
  }

  #makeDurable(change: MetadataChange): void {
    if (change.kind === 'link') this.#durableNames.set(change.path, change.inode)
    else if (change.kind === 'unlink') this.#durableNames.delete(change.path)
    else if (change.kind === 'move') moveNames(this.#durableNames, change.from, change.to)
    else {
      this.#durableNames.delete(change.from)
      this.#durableNames.set(change.to, change.inode)
    }
  }

  #addDirectory(directory: string): void {
    const parts = directory.split('/')
    for (let i = 1; i <= parts.length; i++) this.#directories.add(parts.slice(0, i).join('/') || '/')
  }

  #tear(inode: Inode): void {
    for (const change of inode.unsynced) {
      const fate = this.#random.below(3)
      if (fate === 0) continue
      if (fate === 1 || change.kind === 'truncate') {
        inode.durable.apply(change)
        continue
      }
      const { position, bytes } = change
      inode.durable.write(bytes.subarray(0, 512 * this.#random.below(Math.ceil(bytes.length / 512))), position)
    }
    inode.forget()
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

function moveNames(names: Map<string, Inode>, from: string, to: string): void {
  for (const [path, inode] of [...names]) {
    if (!path.startsWith(`${from}/`)) continue
    names.delete(path)
    names.set(to + path.slice(from.length), inode)
  }
}

/** Paths come again and again: each is looked at once. */
const normalized = new Map<string, string>()

function normal(path: string): string {
  let known = normalized.get(path)
  if (known === undefined) {
    if (normalized.size > 10_000) normalized.clear()
    normalized.set(path, (known = resolved(path)))
  }
  return known
}

function resolved(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
