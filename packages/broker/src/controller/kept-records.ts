import { AssertionError } from '@millrace/runtime'
import type { MetadataRecord } from './metadata-record.ts'

/**
 * Metadata that no part of this version reads (ACLs, quotas, SCRAM credentials, tokens): kept as the records that made it,
 * so that a snapshot loses nothing of a log that Apache Kafka wrote.
 */
export class KeptRecords {
  readonly #records = new Map<string, MetadataRecord>()

  apply(record: MetadataRecord): void {
    const key = keyOf(record)
    if (removes(record)) this.#records.delete(key)
    // Byte fields are views into the batch that was read: a copy lives on.
    else this.#records.set(key, record.type === 'UserScramCredentialRecord' ? structuredClone(record) : record)
  }

  records(): Iterable<MetadataRecord> {
    return this.#records.values()
  }
}

function keyOf(record: MetadataRecord): string {
  switch (record.type) {
    case 'AccessControlEntryRecord':
    case 'RemoveAccessControlEntryRecord':
      return `acl ${record.value.id}`
    case 'UserScramCredentialRecord':
    case 'RemoveUserScramCredentialRecord':
      return `scram ${record.value.mechanism} ${record.value.name}`
    case 'DelegationTokenRecord':
    case 'RemoveDelegationTokenRecord':
      return `token ${record.value.tokenId}`
    case 'ClientQuotaRecord': {
      const entity = record.value.entity.map(({ entityType, entityName }) => JSON.stringify([entityType, entityName])).sort()
      return `quota ${entity.join()} ${record.value.key}`
    }
    case 'ZkMigrationStateRecord':
    case 'ProducerIdsRecord':
      return record.type
    default:
      throw new AssertionError(`metadata: nothing keeps ${record.type}`)
  }
}

function removes(record: MetadataRecord): boolean {
  return (
    record.type === 'RemoveAccessControlEntryRecord' ||
    record.type === 'RemoveUserScramCredentialRecord' ||
    record.type === 'RemoveDelegationTokenRecord' ||
    (record.type === 'ClientQuotaRecord' && record.value.remove)
  )
}
