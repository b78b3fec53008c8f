import type { ControllerState, Decision } from './decision.ts'
import { checkFeatures } from './features.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { minInsyncReplicasOfCluster } from './min-insync-replicas.ts'

/**
 * What a controller writes when it becomes active: in a new cluster the records that it was formatted with, once; the end of a transaction
 * that the one before left open. Throws a MillraceError UNSUPPORTED_FEATURE.
 */
export function activate(
  { image, config }: ControllerState,
  inTransaction: boolean,
  bootstrap: () => readonly MetadataRecord[],
): Decision<null> {
  const records: MetadataRecord[] = []
  if (inTransaction) records.push({ type: 'AbortTransactionRecord', value: { reason: 'another controller became active' } })
  const levels = new Map(image.features())
  if (!levels.has('metadata.version')) {
    for (const record of bootstrap()) {
      records.push(record)
      if (record.type === 'FeatureLevelRecord') levels.set(record.value.name, record.value.featureLevel)
    }
  }
  checkFeatures(levels)
  if (levels.get('eligible.leader.replicas.version') === 1) records.push(...minInsyncReplicasOfCluster({ image, config }))
  return { records, response: null }
}
