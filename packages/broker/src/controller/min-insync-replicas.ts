import { formatConfigValue } from '@millrace/runtime'
import { logKeys } from '../config/log-keys.ts'
import { ConfigResourceType } from '../config/resolve.ts'
import type { ControllerState } from './decision.ts'
import type { MetadataRecord } from './metadata-record.ts'

const { name } = logKeys.minInsyncReplicas

/**
 * With eligible leader replicas (KIP-966) all brokers must agree on `min.insync.replicas`: the records that move it from their files and their
 * own settings into one of the cluster. Empty when it is there.
 */
export function minInsyncReplicasOfCluster({ image, config }: Pick<ControllerState, 'image' | 'config'>): MetadataRecord[] {
  const record = (resourceName: string, value: string | null): MetadataRecord => ({
    type: 'ConfigRecord',
    value: { resourceType: ConfigResourceType.BROKER, resourceName, name, value },
  })
  const records: MetadataRecord[] = []
  if (!image.dynamicConfig(ConfigResourceType.BROKER, '').has(name))
    records.push(record('', formatConfigValue(config.get(logKeys.minInsyncReplicas))))
  for (const broker of image.configured(ConfigResourceType.BROKER)) {
    if (broker !== '' && image.dynamicConfig(ConfigResourceType.BROKER, broker).has(name)) records.push(record(broker, null))
  }
  return records
}
