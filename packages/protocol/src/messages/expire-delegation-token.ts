/** ExpireDelegationToken (key 40): shortens or ends the life of a delegation token. */
import { api } from '../api.ts'
import { bytes, int16, int32, int64, message, type ValueOf } from '../schema.ts'

export const ExpireDelegationTokenRequest = message(
  'ExpireDelegationTokenRequest',
  { versions: '1-2', flexible: 2 },
  { hmac: bytes(), expiryTimePeriodMs: int64() },
)

export interface ExpireDelegationTokenRequest extends ValueOf<typeof ExpireDelegationTokenRequest> {}

export const ExpireDelegationTokenResponse = message(
  'ExpireDelegationTokenResponse',
  { versions: '1-2', flexible: 2 },
  { errorCode: int16(), expiryTimestampMs: int64(), throttleTimeMs: int32() },
)

export interface ExpireDelegationTokenResponse extends ValueOf<typeof ExpireDelegationTokenResponse> {}

export const ExpireDelegationToken = api({
  key: 40,
  name: 'ExpireDelegationToken',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: ExpireDelegationTokenRequest,
  response: ExpireDelegationTokenResponse,
})
