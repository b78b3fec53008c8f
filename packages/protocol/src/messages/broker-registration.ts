/** BrokerRegistration (key 62): a broker registers with the controller and receives its epoch. */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, string, uint16, uuid, type ValueOf } from '../schema.ts'

export const BrokerRegistrationRequest = message(
  'BrokerRegistrationRequest',
  { versions: '0-4', flexible: 0 },
  {
    brokerId: int32({ entity: 'brokerId' }),
    clusterId: string(),
    incarnationId: uuid(),
    listeners: array({ name: string({ mapKey: true }), host: string(), port: uint16(), securityProtocol: int16() }),
    features: array({ name: string({ mapKey: true }), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    rack: string({ nullable: true }),
    isMigratingZkBroker: bool({ since: 1 }),
    logDirs: array({ since: 2, ignorable: true }, uuid()),
    previousBrokerEpoch: int64({ since: 3, default: -1, ignorable: true }),
  },
)

export interface BrokerRegistrationRequest extends ValueOf<typeof BrokerRegistrationRequest> {}

export const BrokerRegistrationResponse = message(
  'BrokerRegistrationResponse',
  { versions: '0-4', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), brokerEpoch: int64({ default: -1 }) },
)

export interface BrokerRegistrationResponse extends ValueOf<typeof BrokerRegistrationResponse> {}

export const BrokerRegistration = api({
  key: 62,
  name: 'BrokerRegistration',
  listeners: ['controller'],
  clusterAction: true,
  request: BrokerRegistrationRequest,
  response: BrokerRegistrationResponse,
})
