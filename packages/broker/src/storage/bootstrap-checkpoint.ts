import type { Disk } from '@millrace/runtime'
import { bootstrapRecords } from '../controller/initial-levels.ts'
import type { MetadataRecord } from '../controller/metadata-record.ts'
import { decodeRecord } from '../controller/record-codec.ts'
import { readCheckpoint } from '../raft/snapshots.ts'

/** `bootstrap.checkpoint` of the metadata log's directory: what a new cluster begins with. */
export const bootstrapFile = 'bootstrap.checkpoint'

/** The records that the directory was formatted with; those of this version when it has none. */
export function readBootstrapRecords(disk: Disk, directory: string): MetadataRecord[] {
  const path = `${directory}/${bootstrapFile}`
  if (!disk.exists(path)) return bootstrapRecords()
  const records: MetadataRecord[] = []
  for (const batch of readCheckpoint(disk, path)) {
    if (batch.isControl) continue
    const cursor = batch.records()
    while (cursor.next()) records.push(decodeRecord(cursor.value()!))
  }
  return records
}
