/** Metadata log: controllers, feature levels, blocks of producer ids, and what belongs to the log itself. */
import { array, bool, int8, int16, int32, int64, message, string, uint16, uuid, type ValueOf } from '../../schema.ts'

export const RegisterControllerRecord = message(
  'RegisterControllerRecord',
  { type: 27, versions: '0', flexible: 0 },
  {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    endPoints: array({ name: string({ mapKey: true }), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string({ mapKey: true }), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
)

export interface RegisterControllerRecord extends ValueOf<typeof RegisterControllerRecord> {}

export const UnregisterControllerRecord = message(
  'UnregisterControllerRecord',
  { type: 29, versions: '0', flexible: 0 },
  { controllerId: int32() },
)

export interface UnregisterControllerRecord extends ValueOf<typeof UnregisterControllerRecord> {}

export const FeatureLevelRecord = message(
  'FeatureLevelRecord',
  { type: 12, versions: '0', flexible: 0 },
  { name: string(), featureLevel: int16() },
)

export interface FeatureLevelRecord extends ValueOf<typeof FeatureLevelRecord> {}

export const ProducerIdsRecord = message(
  'ProducerIdsRecord',
  { type: 15, versions: '0', flexible: 0 },
  { brokerId: int32({ entity: 'brokerId' }), brokerEpoch: int64({ default: -1 }), nextProducerId: int64() },
)

export interface ProducerIdsRecord extends ValueOf<typeof ProducerIdsRecord> {}

export const ZkMigrationStateRecord = message(
  'ZkMigrationStateRecord',
  { type: 21, versions: '0', flexible: 0 },
  { zkMigrationState: int8() },
)

export interface ZkMigrationStateRecord extends ValueOf<typeof ZkMigrationStateRecord> {}

export const NoOpRecord = message('NoOpRecord', { type: 20, versions: '0', flexible: 0 }, {})

export interface NoOpRecord extends ValueOf<typeof NoOpRecord> {}
