import type { Disk } from '@millrace/runtime'
import { BatchScanner } from './batch-scanner.ts'
import { offsetName, segmentSuffixes } from './log-files.ts'

/**
 * Ends what a cleaner was doing when the process died, as Apache Kafka does: `.swap` files are complete and take the place of the segments
 * that they were made from, unless one that the same cleaning was still writing (`.cleaned`) says that it had not got so far.
 * Call before `leftovers` are removed and the directory is read. Returns whether anything was changed.
 */
export function finishSwaps(disk: Disk, directory: string): boolean {
  const names = disk.list(directory)
  const cleaned = names.filter(name => name.endsWith('.cleaned')).map(name => Number(name.slice(0, 20)))
  const firstCleaned = Math.min(...cleaned, Infinity)
  const swaps = names.filter(name => /^\d{20}\.\w+\.swap$/.test(name))
  if (swaps.length === 0) return false
  for (const name of swaps) {
    const baseOffset = Number(name.slice(0, 20))
    if (baseOffset >= firstCleaned) disk.remove(`${directory}/${name}`)
    else if (name.endsWith('.log.swap')) removeReplaced(disk, directory, baseOffset)
  }
  for (const name of swaps)
    if (disk.exists(`${directory}/${name}`)) disk.rename(`${directory}/${name}`, `${directory}/${name.slice(0, -'.swap'.length)}`)
  disk.syncDirectory(directory)
  return true
}

/** Removes the segments whose batches are in the finished one. */
function removeReplaced(disk: Disk, directory: string, baseOffset: number): void {
  const endOffset = endOf(disk, `${directory}/${offsetName(baseOffset)}.log.swap`, baseOffset)
  for (const name of disk.list(directory)) {
    const [, digits] = /^(\d{20})\.log$/.exec(name) ?? []
    const replaced = Number(digits)
    if (digits === undefined || replaced < baseOffset || replaced >= endOffset) continue
    for (const suffix of segmentSuffixes) disk.remove(`${directory}/${digits}${suffix}`)
  }
}

function endOf(disk: Disk, path: string, baseOffset: number): number {
  const file = disk.open(path, 'read')
  try {
    const scanner = new BatchScanner(file, 0, file.sizeBytes)
    let endOffset = baseOffset + 1
    for (let batch = scanner.next(); batch !== null; batch = scanner.next()) endOffset = batch.nextOffset
    return endOffset
  } finally {
    file.close()
  }
}
