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
  /** Names ending in `.swap`: files that a cleaner had finished and was putting in place. */
  readonly swaps: string[]
}

/** What is in a partition's directory. */
export function partitionFiles(disk: Disk, directory: string): PartitionFiles {
  const files: PartitionFiles = { segments: [], snapshots: [], leftovers: [], swaps: [] }
  for (const name of disk.list(directory)) {
    const [, digits, suffix] = /^(\d{20})(\..+)$/.exec(name) ?? []
    if (name.endsWith(deletedSuffix) || name.endsWith('.cleaned') || name.endsWith('.tmp')) files.leftovers.push(name)
    else if (name.endsWith('.swap')) files.swaps.push(name)
    else if (suffix === '.log') files.segments.push(Number(digits))
    else if (suffix === '.snapshot') files.snapshots.push(Number(digits))
  }
  const segments = new Set(files.segments)
  for (const name of disk.list(directory)) {
    const [, digits] = /^(\d{20})\.(index|timeindex|txnindex)$/.exec(name) ?? []
    if (digits !== undefined && !segments.has(Number(digits))) files.leftovers.push(name)
  }
  return files
}

/** Topic and partition of a directory's name, null when it is no partition's. */
export function parsePartitionDirectory(name: string): { readonly topic: string; readonly partition: number } | null {
  const [, topic, partition] = /^(.+)-(\d+)$/.exec(name) ?? []
  return topic === undefined ? null : { topic, partition: Number(partition) }
}
