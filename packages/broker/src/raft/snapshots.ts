import { type BatchView, batchesIn } from '@millrace/protocol'
import { type Disk, MillraceError, messageOf } from '@millrace/runtime'
import { controlRecordsIn } from './control-records.ts'

/** A snapshot holds everything below `endOffset`; `epoch` is that of the last batch in it. */
export interface SnapshotId {
  readonly endOffset: number
  readonly epoch: number
}

const suffix = '.checkpoint'
const unfinishedSuffix = '.checkpoint.part'

export function snapshotName({ endOffset, epoch }: SnapshotId): string {
  return `${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}${suffix}`
}

/** Removes what a process that ended was still writing. */
export function removeUnfinished(disk: Disk, directory: string): void {
  for (const name of disk.list(directory)) if (name.endsWith(unfinishedSuffix)) disk.remove(`${directory}/${name}`)
}

/** The snapshots in the directory, oldest first. */
export function listSnapshots(disk: Disk, directory: string): SnapshotId[] {
  const ids: SnapshotId[] = []
  for (const name of disk.list(directory)) {
    const match = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name)
    if (match) ids.push({ endOffset: Number(match[1]), epoch: Number(match[2]) })
  }
  return ids.sort((a, b) => a.endOffset - b.endOffset || a.epoch - b.epoch)
}

/** All batches of a checkpoint file, header and footer included. Throws a MillraceError CORRUPT_SNAPSHOT. */
export function readCheckpoint(disk: Disk, path: string): BatchView[] {
  const bytes = disk.readFile(path)
  try {
    const batches = [...batchesIn(bytes)]
    const length = batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
    if (length !== bytes.length) throw new Error(`${bytes.length - length} bytes at its end are no batch`)
    if (!batches.every(batch => batch.isCrcValid())) throw new Error('a batch has another CRC than it says')
    const [first, last] = [batches[0], batches.at(-1)]
    if (!first?.isControl || controlRecordsIn(first)[0]?.type !== 'SnapshotHeader')
      throw new Error('it does not begin with a header')
    if (!last?.isControl || controlRecordsIn(last).at(-1)?.type !== 'SnapshotFooter')
      throw new Error('it does not end with a footer')
    return batches
  } catch (error) {
    throw new MillraceError('CORRUPT_SNAPSHOT', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'restore the file from a copy',
      cause: error,
    })
  }
}

/** Writes a checkpoint file whole or not at all; durable when the promise resolves. */
export async function writeCheckpoint(disk: Disk, path: string, batches: readonly Uint8Array[]): Promise<void> {
  const unfinished = unfinishedPath(path)
  disk.remove(unfinished)
  const file = disk.open(unfinished, 'write')
  try {
    file.write(batches, 0)
    await file.sync()
  } finally {
    file.close()
  }
  finishCheckpoint(disk, path)
}

/** The same, blocking: for formatting and shutdown. */
export function writeCheckpointNow(disk: Disk, path: string, batches: readonly Uint8Array[]): void {
  const unfinished = unfinishedPath(path)
  disk.remove(unfinished)
  const file = disk.open(unfinished, 'write')
  try {
    file.write(batches, 0)
    file.syncNow()
  } finally {
    file.close()
  }
  finishCheckpoint(disk, path)
}

/** Where a snapshot grows until it is whole. */
export function unfinishedPath(path: string): string {
  return path.replace(/\.checkpoint$/, unfinishedSuffix)
}

/** Gives a whole and synced snapshot its name, durably. */
export function finishCheckpoint(disk: Disk, path: string): void {
  disk.rename(unfinishedPath(path), path)
  disk.syncDirectory(path.slice(0, path.lastIndexOf('/')))
}
