/** Metadata log: brokers, from registration to the end. */
import { array, bool, int8, int16, int32, int64, message, string, uint16, uuid, type ValueOf } from '../../schema.ts'

export const RegisterBrokerRecord = message(
  'RegisterBrokerRecord',
  { type: 0, versions: '0-4', flexible: 0 },
  {
    brokerId: int32({ entity: 'brokerId' }),
    isMigratingZkBroker: bool({ since: 2 }),
    incarnationId: uuid(),
    brokerEpoch: int64(),
    endPoints: array({ name: string({ mapKey: true }), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string({ mapKey: true }), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    rack: string({ nullable: true }),
    fenced: bool({ default: true }),
    inControlledShutdown: bool({ since: 1 }),
    logDirs: array({ tag: 0, since: 3 }, uuid()),
    cordonedLogDirs: array({ tag: 1, since: 4, nullable: true, default: null }, uuid()),
  },
)

export interface RegisterBrokerRecord extends ValueOf<typeof RegisterBrokerRecord> {}

export const BrokerRegistrationChangeRecord = message(
  'BrokerRegistrationChangeRecord',
  { type: 17, versions: '0-3', flexible: 0 },
  {
    brokerId: int32({ entity: 'brokerId' }),
    brokerEpoch: int64(),
    fenced: int8({ tag: 0 }),
    inControlledShutdown: int8({ tag: 1, since: 1 }),
    logDirs: array({ tag: 2, since: 2 }, uuid()),
    cordonedLogDirs: array({ tag: 3, since: 3, nullable: true, default: null }, uuid()),
  },
)

export interface BrokerRegistrationChangeRecord extends ValueOf<typeof BrokerRegistrationChangeRecord> {}

export const UnregisterBrokerRecord = message(
  'UnregisterBrokerRecord',
  { type: 1, versions: '0', flexible: 0 },
  { brokerId: int32({ entity: 'brokerId' }), brokerEpoch: int64() },
)

export interface UnregisterBrokerRecord extends ValueOf<typeof UnregisterBrokerRecord> {}

export const FenceBrokerRecord = message(
  'FenceBrokerRecord',
  { type: 7, versions: '0', flexible: 0 },
  { id: int32({ entity: 'brokerId' }), epoch: int64() },
)

export interface FenceBrokerRecord extends ValueOf<typeof FenceBrokerRecord> {}

export const UnfenceBrokerRecord = message(
  'UnfenceBrokerRecord',
  { type: 8, versions: '0', flexible: 0 },
  { id: int32({ entity: 'brokerId' }), epoch: int64() },
)

export interface UnfenceBrokerRecord extends ValueOf<typeof UnfenceBrokerRecord> {}
