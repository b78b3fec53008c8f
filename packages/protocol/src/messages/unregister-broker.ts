/** UnregisterBroker (key 64): removes a broker that will not come back. */
import { api } from '../api.ts'
import { int16, int32, message, string, type ValueOf } from '../schema.ts'

export const UnregisterBrokerRequest = message(
  'UnregisterBrokerRequest',
  { versions: '0', flexible: 0 },
  { brokerId: int32({ entity: 'brokerId' }) },
)

export interface UnregisterBrokerRequest extends ValueOf<typeof UnregisterBrokerRequest> {}

export const UnregisterBrokerResponse = message(
  'UnregisterBrokerResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) },
)

export interface UnregisterBrokerResponse extends ValueOf<typeof UnregisterBrokerResponse> {}

export const UnregisterBroker = api({
  key: 64,
  name: 'UnregisterBroker',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: UnregisterBrokerRequest,
  response: UnregisterBrokerResponse,
})
