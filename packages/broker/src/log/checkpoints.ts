import { type Disk, replaceFile } from '@millrace/runtime'

/** Files of a log directory that hold an offset for each partition. */
export const checkpointFiles = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
  logStart: 'log-start-offset-checkpoint',
} as const

export interface CheckpointEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export class CorruptCheckpointError extends Error {}

/** Offsets by `topic-partition`; empty without a file. Throws CorruptCheckpointError. */
export function readCheckpoint(disk: Disk, path: string): Map<string, number> {
  const offsets = new Map<string, number>()
  if (!disk.exists(path)) return offsets
  const [version, count, ...lines] = disk.readFile(path).toString('utf8').trimEnd().split('\n')
  if (version !== '0') throw new CorruptCheckpointError(`${path}: version ${version} instead of 0`)
  if (Number(count) !== lines.length) throw new CorruptCheckpointError(`${path}: ${lines.length} entries instead of ${count}`)
  for (const line of lines) {
    const [, topic, partition, offset] = /^(\S+) (\d+) (\d+)$/.exec(line) ?? []
    if (topic === undefined) throw new CorruptCheckpointError(`${path}: unreadable entry`)
    offsets.set(`${topic}-${partition}`, Number(offset))
  }
  return offsets
}

/** Replaces the file, durable when it returns. */
export function writeCheckpoint(disk: Disk, path: string, entries: Iterable<CheckpointEntry>): void {
  replaceFile(disk, path, checkpointText(entries))
}

/**
 * The same without blocking, for what may as well be found in its former state after a crash: the directory is not forced to disk.
 * One writing of a file at a time. When `isOutdated` says so before the end, the file stays as it is.
 */
export async function writeCheckpointSoon(
  disk: Disk,
  path: string,
  entries: Iterable<CheckpointEntry>,
  isOutdated: () => boolean = () => false,
): Promise<void> {
  const temporary = `${path}.soon.tmp`
  disk.remove(temporary)
  const file = disk.open(temporary, 'write')
  try {
    file.write([Buffer.from(checkpointText(entries))], 0)
    await file.sync()
  } finally {
    file.close()
  }
  if (isOutdated()) disk.remove(temporary)
  else disk.rename(temporary, path)
}

function checkpointText(entries: Iterable<CheckpointEntry>): string {
  let count = 0
  let lines = ''
  for (const { topic, partition, offset } of entries) {
    lines += `${topic} ${partition} ${offset}\n`
    count++
  }
  return `0\n${count}\n${lines}`
}
