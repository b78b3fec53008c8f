import type { Disk } from '@millrace/runtime'

const fileName = 'partition.metadata'

/** The topic id in `partition.metadata`; undefined when the file is missing or was torn by a crash. */
export function readTopicId(disk: Disk, directory: string): string | undefined {
  const path = `${directory}/${fileName}`
  if (!disk.exists(path)) return undefined
  return /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(disk.readFile(path).toString('utf8'))?.[1]
}

/** Not forced to disk: it becomes durable with the log's first flush, and a log without it is asked for its id again. */
export function writeTopicId(disk: Disk, directory: string, topicId: string): void {
  const file = disk.open(`${directory}/${fileName}`, 'write')
  try {
    file.truncate(0)
    file.write([Buffer.from(`version: 0\ntopic_id: ${topicId}`)], 0)
  } finally {
    file.close()
  }
}

/** Forces the file to disk. */
export function syncTopicId(disk: Disk, directory: string): void {
  const path = `${directory}/${fileName}`
  if (!disk.exists(path)) return
  const file = disk.open(path, 'write')
  try {
    file.syncNow()
  } finally {
    file.close()
  }
}
