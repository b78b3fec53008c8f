import fs from 'node:fs'
import path from 'node:path'
import { DiskError } from '../errors.ts'
import type { Disk, File, FileStat, Lock } from '../world.ts'

function guarded<T>(where: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw error instanceof DiskError ? error : new DiskError((error as NodeJS.ErrnoException).code ?? 'EIO', where, error)
  }
}

export const nodeDisk: Disk = {
  open: (where, mode) => guarded(where, () => new NodeFile(where, mode)),
  exists: where => fs.existsSync(where),
  stat: (where): FileStat =>
    guarded(where, () => {
      const stat = fs.statSync(where)
      return { sizeBytes: stat.size, modifiedMs: stat.mtimeMs, isDirectory: stat.isDirectory() }
    }),
  list: directory => guarded(directory, () => fs.readdirSync(directory).sort()),
  makeDirectory: directory => guarded(directory, () => makeDirectory(path.resolve(directory))),
  readFile: where => guarded(where, () => fs.readFileSync(where)),
  rename: (from, to) => guarded(from, () => fs.renameSync(from, to)),
  remove: where => guarded(where, () => fs.rmSync(where, { force: true })),
  removeDirectory: directory => guarded(directory, () => fs.rmSync(directory, { recursive: true, force: true })),
  syncDirectory: directory =>
    guarded(directory, () => {
      const handle = fs.openSync(directory, 'r')
      try {
        fs.fsyncSync(handle)
      } finally {
        fs.closeSync(handle)
      }
    }),
  space: directory =>
    guarded(directory, () => {
      const { bsize, blocks, bavail } = fs.statfsSync(directory)
      return { totalBytes: blocks * bsize, freeBytes: bavail * bsize }
    }),
  lock: where => guarded(where, () => lockFile(where)),
}

/** Not Node's own recursion: that one never ends where a parent exists and the system still says ENOENT, as in /proc. */
function makeDirectory(directory: string): void {
  if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = path.dirname(directory)
  if (!fs.existsSync(parent)) makeDirectory(parent)
  try {
    fs.mkdirSync(directory)
  } catch (error) {
    // Somebody else may have been quicker.
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST' && fs.statSync(directory).isDirectory()
    if (!isThere) throw error
  }
}

/**
 * Node has no flock: the file holds the owner's process id and, where the system tells it, when that process started, since ids come again
 * (a container's first process has the same one each time). A lock whose owner no longer lives is taken over.
 */
function lockFile(where: string): Lock {
  const held = path.resolve(where)
  if (heldHere.has(held)) throw new DiskError('ELOCKED', where)
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = fs.openSync(where, 'wx')
      fs.writeSync(handle, `${process.pid} ${startOf(process.pid) ?? ''}\n`)
      fs.closeSync(handle)
      heldHere.add(held)
      return {
        release: () => {
          if (heldHere.delete(held)) fs.rmSync(where, { force: true })
        },
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const [owner, start] = fs.readFileSync(where, 'utf8').trim().split(' ')
      if (attempt > 0 || isHeldBy(Number(owner), start)) throw new DiskError('ELOCKED', where)
      fs.rmSync(where, { force: true })
    }
  }
}

const heldHere = new Set<string>()

function isHeldBy(pid: number, start: string | undefined): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  const found = startOf(pid)
  if (found !== undefined) return found !== null && (start === undefined || start === found)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When a process started, in ticks since the system did; null when it has ended and only nobody has waited for it yet; undefined where the system does not tell. */
function startOf(pid: number): string | null | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    // The name may hold spaces and parentheses: the fields are counted from behind it.
    const fields = fs
      .readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19]!
  } catch {
    return undefined
  }
}

class NodeFile implements File {
  readonly path: string
  readonly #handle: number
  #sizeBytes: number

  constructor(where: string, mode: 'read' | 'write') {
    this.path = path.normalize(where)
    this.#handle = fs.openSync(where, mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR | fs.constants.O_CREAT)
    this.#sizeBytes = fs.fstatSync(this.#handle).size
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  write(chunks: readonly Uint8Array[], position: number): void {
    guarded(this.path, () => {
      let written =
        chunks.length === 1
          ? fs.writeSync(this.#handle, chunks[0]!, 0, chunks[0]!.length, position)
          : fs.writevSync(this.#handle, chunks, position)
      let total = 0
      for (const chunk of chunks) total += chunk.length
      // A short write is legal (a nearly full disk, a signal): go on from where it stopped, until the system gives the reason.
      while (written < total) {
        const rest = Buffer.concat(chunks).subarray(written)
        written += fs.writeSync(this.#handle, rest, 0, rest.length, position + written)
      }
      if (position + total > this.#sizeBytes) this.#sizeBytes = position + total
    })
  }

  read(into: Uint8Array, position: number): number {
    return guarded(this.path, () => {
      let filled = 0
      while (filled < into.length) {
        const count = fs.readSync(this.#handle, into, filled, into.length - filled, position + filled)
        if (count === 0) break
        filled += count
      }
      return filled
    })
  }

  truncate(sizeBytes: number): void {
    guarded(this.path, () => fs.ftruncateSync(this.#handle, sizeBytes))
    this.#sizeBytes = sizeBytes
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#handle, error => (error ? reject(new DiskError(error.code ?? 'EIO', this.path, error)) : resolve()))
    })
  }

  syncNow(): void {
    guarded(this.path, () => fs.fdatasyncSync(this.#handle))
  }

  close(): void {
    guarded(this.path, () => fs.closeSync(this.#handle))
  }
}
