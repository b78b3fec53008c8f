/** SaslAuthenticate (key 36): carries one step of a SASL exchange. From 1 the answer says how long the session lasts. */
import { api } from '../api.ts'
import { bytes, int16, int64, message, string, type ValueOf } from '../schema.ts'

export const SaslAuthenticateRequest = message(
  'SaslAuthenticateRequest',
  { versions: '0-2', flexible: 2 },
  { authBytes: bytes() },
)

export interface SaslAuthenticateRequest extends ValueOf<typeof SaslAuthenticateRequest> {}

export const SaslAuthenticateResponse = message(
  'SaslAuthenticateResponse',
  { versions: '0-2', flexible: 2 },
  {
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ since: 1, ignorable: true }),
  },
)

export interface SaslAuthenticateResponse extends ValueOf<typeof SaslAuthenticateResponse> {}

export const SaslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  listeners: ['broker', 'controller'],
  request: SaslAuthenticateRequest,
  response: SaslAuthenticateResponse,
})
