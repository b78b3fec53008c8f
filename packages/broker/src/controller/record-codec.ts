import { decodeMetadataRecord, encodeMetadataRecord, type Message, metadataRecords } from '@millrace/protocol'
import type { MetadataRecord } from './metadata-record.ts'

const messagesByName: ReadonlyMap<string, Message<any>> = new Map(
  [...metadataRecords.values()].map(message => [message.name, message]),
)

/** The value of the record in the log, in the newest version of its type: that of metadata.version 4.3-IV0. */
export function encodeRecord({ type, value }: MetadataRecord): Uint8Array {
  const message = messagesByName.get(type)!
  return encodeMetadataRecord(message, message.versions.max, value)
}

export function decodeRecord(bytes: Uint8Array): MetadataRecord {
  const { message, value } = decodeMetadataRecord(bytes)
  return { type: message.name, value } as MetadataRecord
}
