import { type Disk, DiskError, type File, type World } from '@millrace/runtime'

interface Inode {
  readonly id: number
  bytes: Buffer
}

export type Operation =
  | { readonly kind: 'write'; readonly inode: number; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly inode: number; readonly sizeBytes: number }
  | { readonly kind: 'link'; readonly path: string; readonly inode: number }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** Covers the operations before `since`. */
  | { readonly kind: 'sync'; readonly inode: number; readonly since: number }
  | { readonly kind: 'sync-directory'; readonly path: string }

/** The durable state of a disk. */
export interface Image {
  readonly names: Map<string, number>
  readonly files: Map<number, Buffer>
}

export const emptyImage = (): Image => ({ names: new Map(), files: new Map() })

/** For tests: a disk in memory that records every operation. */
export class RecordingDisk implements Disk {
  readonly operations: Operation[] = []
  readonly #names = new Map<string, Inode>()
  readonly #directories = new Set(['', '/data'])
  #nextInode = 1

  constructor(image: Image) {
    for (const [path, id] of image.names) {
      this.#names.set(path, { id, bytes: Buffer.from(image.files.get(id) ?? '') })
      this.#directories.add(parentOf(path))
      this.#nextInode = Math.max(this.#nextInode, id + 1)
    }
  }

  /** What the process sees, durable or not. */
  image(): Image {
    const image = emptyImage()
    for (const [path, inode] of this.#names) {
      image.names.set(path, inode.id)
      image.files.set(inode.id, Buffer.from(inode.bytes))
    }
    return image
  }

  open(path: string, mode: 'read' | 'write'): File {
    let inode = this.#names.get(path)
    if (inode === undefined) {
      if (mode === 'read' || !this.#directories.has(parentOf(path))) throw new DiskError('ENOENT', path)
      inode = { id: this.#nextInode++, bytes: Buffer.alloc(0) }
      this.#names.set(path, inode)
      this.operations.push({ kind: 'link', path, inode: inode.id })
    }
    return this.#file(path, inode)
  }
  exists(path: string): boolean {
    return this.#names.has(path) || this.#directories.has(path)
  }
  stat(path: string) {
    if (this.#directories.has(path)) return { sizeBytes: 0, modifiedMs: 0, isDirectory: true }
    return { sizeBytes: this.#inode(path).bytes.length, modifiedMs: 0, isDirectory: false }
  }
  list(directory: string): string[] {
    const all = [...this.#names.keys(), ...this.#directories]
    return all
      .filter(path => parentOf(path) === directory)
      .map(path => path.slice(directory.length + 1))
      .sort()
  }
  makeDirectory(directory: string): void {
    this.#directories.add(directory)
  }
  readFile(path: string): Buffer {
    return Buffer.from(this.#inode(path).bytes)
  }
  rename(from: string, to: string): void {
    const inode = this.#inode(from)
    this.#names.delete(from)
    this.#names.set(to, inode)
    this.operations.push({ kind: 'rename', from, to })
  }
  remove(path: string): void {
    if (this.#names.delete(path)) this.operations.push({ kind: 'unlink', path })
  }
  removeDirectory(): void {
    throw new Error('not in the scenario')
  }
  syncDirectory(path: string): void {
    this.operations.push({ kind: 'sync-directory', path })
  }
  lock(path: string): never {
    throw new DiskError('ELOCKED', path)
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw new DiskError('ENOENT', path)
    return inode
  }

  #file(path: string, inode: Inode): File {
    const { operations } = this
    const sync = (since: number) => void operations.push({ kind: 'sync', inode: inode.id, since })
    return {
      path,
      get sizeBytes() {
        return inode.bytes.length
      },
      write: (chunks, position) => {
        const bytes = Buffer.concat(chunks)
        inode.bytes = overwritten(inode.bytes, bytes, position)
        operations.push({ kind: 'write', inode: inode.id, position, bytes })
      },
      read: (into, position) => {
        const part = inode.bytes.subarray(position, position + into.length)
        into.set(part)
        return part.length
      },
      truncate: sizeBytes => {
        inode.bytes = resized(inode.bytes, sizeBytes)
        operations.push({ kind: 'truncate', inode: inode.id, sizeBytes })
      },
      sync: async () => {
        const since = operations.length
        await Promise.resolve()
        sync(since)
      },
      syncNow: () => sync(operations.length),
      close: () => {},
    }
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
export function overwritten(bytes: Buffer, part: Buffer, position: number): Buffer {
  const next = resized(bytes, Math.max(bytes.length, position + part.length))
  part.copy(next, position)
  return next
}
export function resized(bytes: Buffer, sizeBytes: number): Buffer {
  const next = Buffer.alloc(sizeBytes)
  bytes.copy(next, 0, 0, sizeBytes)
  return next
}

/** For tests: a World of that disk alone; time stands still and timers fire when told to. */
export function fakeWorld(disk: Disk): { world: World; fireTimers: () => void } {
  let timers: (() => void)[] = []
  const world = {
    disk,
    clock: {
      now: () => 1_000_000,
      monotonic: () => 0,
      timer: (_: number, fire: () => void) => {
        timers.push(fire)
        return { cancel: () => (timers = timers.filter(timer => timer !== fire)) }
      },
      defer: (run: () => void) => queueMicrotask(run),
    },
    random: { below: () => 0, float: () => 0, bytes: (length: number) => new Uint8Array(length) },
  } as unknown as World
  return {
    world,
    fireTimers: () => {
      for (const fire of timers.splice(0)) fire()
    },
  }
}
