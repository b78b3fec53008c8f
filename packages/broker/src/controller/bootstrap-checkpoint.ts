import type { Disk } from '@millrace/runtime'
import { readCheckpoint } from '../raft/snapshots.ts'
import { bootstrapRecords } from './features.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { decodeRecord } from './record-codec.ts'

/** The records that a new cluster begins with: those of `bootstrap.checkpoint` in the metadata directory, as it was formatted, else today's feature levels. */
export function readBootstrap(disk: Disk, directory: string): MetadataRecord[] {
  const path = `${directory}/bootstrap.checkpoint`
  if (!disk.exists(path)) return bootstrapRecords()
  const records: MetadataRecord[] = []
  for (const batch of readCheckpoint(disk, path)) {
    if (batch.isControl) continue
    const cursor = batch.records()
    while (cursor.next()) records.push(decodeRecord(cursor.value()!))
  }
  return records
}
