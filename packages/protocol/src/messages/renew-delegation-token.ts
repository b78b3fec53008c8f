/** RenewDelegationToken (key 39): prolongs a delegation token. */
import { api } from '../api.ts'
import { bytes, int16, int32, int64, message, type ValueOf } from '../schema.ts'

export const RenewDelegationTokenRequest = message(
  'RenewDelegationTokenRequest',
  { versions: '1-2', flexible: 2 },
  { hmac: bytes(), renewPeriodMs: int64() },
)

export interface RenewDelegationTokenRequest extends ValueOf<typeof RenewDelegationTokenRequest> {}

export const RenewDelegationTokenResponse = message(
  'RenewDelegationTokenResponse',
  { versions: '1-2', flexible: 2 },
  { errorCode: int16(), expiryTimestampMs: int64(), throttleTimeMs: int32() },
)

export interface RenewDelegationTokenResponse extends ValueOf<typeof RenewDelegationTokenResponse> {}

export const RenewDelegationToken = api({
  key: 39,
  name: 'RenewDelegationToken',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: RenewDelegationTokenRequest,
  response: RenewDelegationTokenResponse,
})
