import type { Disk, File } from '@millrace/runtime'
import { finishCheckpoint, readCheckpoint, type SnapshotId, unfinishedPath } from './snapshots.ts'

/** A snapshot that comes from the leader in pieces. What the process leaves unfinished is removed at its next start. */
export class SnapshotDownload {
  readonly id: SnapshotId
  /** From whom: another leader's snapshot of the same name may have other bytes. */
  readonly leaderId: number
  readonly #disk: Disk
  readonly #path: string
  readonly #file: File
  #position = 0

  /** `path`: of the finished snapshot. */
  constructor(disk: Disk, path: string, id: SnapshotId, leaderId: number) {
    this.#disk = disk
    this.#path = path
    this.id = id
    this.leaderId = leaderId
    disk.remove(unfinishedPath(path))
    this.#file = disk.open(unfinishedPath(path), 'write')
  }

  /** Where the next piece begins. */
  get position(): number {
    return this.#position
  }

  append(piece: Uint8Array): void {
    this.#file.write([piece], this.#position)
    this.#position += piece.length
  }

  /** Checks the whole and gives it its name; durable when the promise resolves. Throws a MillraceError CORRUPT_SNAPSHOT for damaged bytes. */
  async finish(): Promise<void> {
    await this.#file.sync()
    this.#file.close()
    readCheckpoint(this.#disk, unfinishedPath(this.#path))
    finishCheckpoint(this.#disk, this.#path)
  }

  /** Never throws: what a failed disk keeps is removed at the next start. */
  abandon(): void {
    try {
      this.#file.close()
      this.#disk.remove(unfinishedPath(this.#path))
    } catch {}
  }
}
