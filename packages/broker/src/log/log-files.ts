import type { Disk } from '@millrace/runtime'

/** `offset` as Kafka names files by it: 20 digits. */
export function offsetName(offset: number): string {
  return String(offset).padStart(20, '0')
}

/** What a segment consists of. */
export const segmentSuffixes = ['.log', '.index', '.timeindex', '.txnindex'] as const
/** A file that waits for its removal. */
export const deletedSuffix = '.deleted'

export interface PartitionFiles {
  /** Base offsets of the segments, growing. */
  readonly segments: number[]
  /** Offsets of the producer snapshots, growing. */
  readonly snapshots: number[]
  /** Names of what an earlier run left behind in the middle of something and nobody needs. */
  readonly leftovers: string[]
}

/** What is in a partition's directory, after `finishSwaps`. */
export function partitionFiles(disk: Disk, directory: string): PartitionFiles {
  const files: PartitionFiles = { segments: [], snapshots: [], leftovers: [] }
  const names = disk.list(directory)
  const segments = new Set(names.filter(name => /^\d{20}\.log$/.test(name)).map(name => name.slice(0, 20)))
  for (const name of names) {
    const [, digits, suffix] = /^(\d{20})(\..+)$/.exec(name) ?? []
    if (name.endsWith(deletedSuffix) || name.endsWith('.cleaned') || name.endsWith('.tmp')) files.leftovers.push(name)
    else if (suffix === '.log') files.segments.push(Number(digits))
    else if (suffix === '.snapshot') files.snapshots.push(Number(digits))
    else if (/^\.(index|timeindex|txnindex)$/.test(suffix ?? '') && !segments.has(digits!)) files.leftovers.push(name)
  }
  return files
}

/** Topic and partition of a directory's name, null when it is no partition's. */
export function parsePartitionDirectory(name: string): { readonly topic: string; readonly partition: number } | null {
  const [, topic, partition] = /^(.+)-(\d+)$/.exec(name) ?? []
  return topic === undefined ? null : { topic, partition: Number(partition) }
}
