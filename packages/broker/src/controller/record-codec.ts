import { decodeMetadataRecord, encodeMetadataRecord, type Message, metadataRecords } from '@millrace/protocol'
import { metadataVersion } from './features.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { MetadataVersion } from './metadata-version.ts'

const messagesByName: ReadonlyMap<string, Message<any>> = new Map(
  [...metadataRecords.values()].map(message => [message.name, message]),
)

/** Records that have more than one version, with the level of metadata.version from which each is written. */
const versionSince: Readonly<Record<string, readonly number[]>> = {
  RegisterBrokerRecord: [0, MetadataVersion.minimum, 8, MetadataVersion.directories, MetadataVersion.cordonedDirectories],
  BrokerRegistrationChangeRecord: [0, MetadataVersion.minimum, MetadataVersion.directories, MetadataVersion.cordonedDirectories],
  PartitionRecord: [0, MetadataVersion.directories, MetadataVersion.eligibleLeaderReplicas],
  PartitionChangeRecord: [0, MetadataVersion.directories, MetadataVersion.eligibleLeaderReplicas],
}

/** What an older version cannot hold is left out of it. */
const withoutEligibleReplicas = { eligibleLeaderReplicas: null, lastKnownElr: null }

/** The value of the record in the log, in the version that the level of metadata.version allows. */
export function encodeRecord({ type, value }: MetadataRecord, level: number = metadataVersion): Uint8Array {
  const message = messagesByName.get(type)!
  const since = versionSince[type]
  if (!since || level >= since.at(-1)!) return encodeMetadataRecord(message, message.versions.max, value)
  const version = since.findLastIndex(from => level >= from)
  const known = {
    ...value,
    ...(level < MetadataVersion.cordonedDirectories ? { cordonedLogDirs: null } : {}),
    ...(level < MetadataVersion.eligibleLeaderReplicas ? withoutEligibleReplicas : {}),
    ...(level < MetadataVersion.directories ? { logDirs: [], directories: type === 'PartitionRecord' ? [] : null } : {}),
  }
  return encodeMetadataRecord(message, version, known)
}

export function decodeRecord(bytes: Uint8Array): MetadataRecord {
  const { message, value } = decodeMetadataRecord(bytes)
  return { type: message.name, value } as MetadataRecord
}
