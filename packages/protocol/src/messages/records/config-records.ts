/** Metadata log: dynamic settings and quotas. */
import { array, bool, float64, int8, message, string, type ValueOf } from '../../schema.ts'

export const ConfigRecord = message(
  'ConfigRecord',
  { type: 4, versions: '0', flexible: 0 },
  { resourceType: int8(), resourceName: string(), name: string(), value: string({ nullable: true }) },
)

export interface ConfigRecord extends ValueOf<typeof ConfigRecord> {}

export const ClientQuotaRecord = message(
  'ClientQuotaRecord',
  { type: 14, versions: '0', flexible: 0 },
  {
    entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
    key: string(),
    value: float64(),
    remove: bool(),
  },
)

export interface ClientQuotaRecord extends ValueOf<typeof ClientQuotaRecord> {}
