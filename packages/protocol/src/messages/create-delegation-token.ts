/** CreateDelegationToken (key 38): issues a delegation token, from 3 also for another principal. */
import { api } from '../api.ts'
import { array, bytes, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const CreateDelegationTokenRequest = message(
  'CreateDelegationTokenRequest',
  { versions: '1-3', flexible: 2 },
  {
    ownerPrincipalType: string({ since: 3, nullable: true }),
    ownerPrincipalName: string({ since: 3, nullable: true }),
    renewers: array({ principalType: string(), principalName: string() }),
    maxLifetimeMs: int64(),
  },
)

export interface CreateDelegationTokenRequest extends ValueOf<typeof CreateDelegationTokenRequest> {}

export const CreateDelegationTokenResponse = message(
  'CreateDelegationTokenResponse',
  { versions: '1-3', flexible: 2 },
  {
    errorCode: int16(),
    principalType: string(),
    principalName: string(),
    tokenRequesterPrincipalType: string({ since: 3 }),
    tokenRequesterPrincipalName: string({ since: 3 }),
    issueTimestampMs: int64(),
    expiryTimestampMs: int64(),
    maxTimestampMs: int64(),
    tokenId: string(),
    hmac: bytes(),
    throttleTimeMs: int32(),
  },
)

export interface CreateDelegationTokenResponse extends ValueOf<typeof CreateDelegationTokenResponse> {}

export const CreateDelegationToken = api({
  key: 38,
  name: 'CreateDelegationToken',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: CreateDelegationTokenRequest,
  response: CreateDelegationTokenResponse,
})
