/** DescribeDelegationToken (key 41): the delegation tokens of owners. */
import { api } from '../api.ts'
import { array, bytes, int16, int32, int64, message, string, type ValueOf } from '../schema.ts'

export const DescribeDelegationTokenRequest = message(
  'DescribeDelegationTokenRequest',
  { versions: '1-3', flexible: 2 },
  { owners: array({ nullable: true }, { principalType: string(), principalName: string() }) },
)

export interface DescribeDelegationTokenRequest extends ValueOf<typeof DescribeDelegationTokenRequest> {}

export const DescribeDelegationTokenResponse = message(
  'DescribeDelegationTokenResponse',
  { versions: '1-3', flexible: 2 },
  {
    errorCode: int16(),
    tokens: array({
      principalType: string(),
      principalName: string(),
      tokenRequesterPrincipalType: string({ since: 3 }),
      tokenRequesterPrincipalName: string({ since: 3 }),
      issueTimestamp: int64(),
      expiryTimestamp: int64(),
      maxTimestamp: int64(),
      tokenId: string(),
      hmac: bytes(),
      renewers: array({ principalType: string(), principalName: string() }),
    }),
    throttleTimeMs: int32(),
  },
)

export interface DescribeDelegationTokenResponse extends ValueOf<typeof DescribeDelegationTokenResponse> {}

export const DescribeDelegationToken = api({
  key: 41,
  name: 'DescribeDelegationToken',
  listeners: ['broker', 'controller'],
  request: DescribeDelegationTokenRequest,
  response: DescribeDelegationTokenResponse,
})
