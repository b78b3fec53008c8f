/** BrokerHeartbeat (key 63): a broker is alive; it asks to be fenced, unfenced or shut down. */
import { api } from '../api.ts'
import { array, bool, int16, int32, int64, message, uuid, type ValueOf } from '../schema.ts'

export const BrokerHeartbeatRequest = message(
  'BrokerHeartbeatRequest',
  { versions: '0-2', flexible: 0 },
  {
    brokerId: int32({ entity: 'brokerId' }),
    brokerEpoch: int64({ default: -1 }),
    currentMetadataOffset: int64(),
    wantFence: bool(),
    wantShutDown: bool(),
    offlineLogDirs: array({ tag: 0, since: 1 }, uuid()),
    cordonedLogDirs: array({ tag: 1, since: 2, nullable: true, default: null }, uuid()),
  },
)

export interface BrokerHeartbeatRequest extends ValueOf<typeof BrokerHeartbeatRequest> {}

export const BrokerHeartbeatResponse = message(
  'BrokerHeartbeatResponse',
  { versions: '0-2', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), isCaughtUp: bool(), isFenced: bool({ default: true }), shouldShutDown: bool() },
)

export interface BrokerHeartbeatResponse extends ValueOf<typeof BrokerHeartbeatResponse> {}

export const BrokerHeartbeat = api({
  key: 63,
  name: 'BrokerHeartbeat',
  listeners: ['controller'],
  clusterAction: true,
  request: BrokerHeartbeatRequest,
  response: BrokerHeartbeatResponse,
})
