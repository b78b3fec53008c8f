/** AlterUserScramCredentials (key 51): sets or removes SCRAM credentials. */
import { api } from '../api.ts'
import { array, bytes, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const AlterUserScramCredentialsRequest = message(
  'AlterUserScramCredentialsRequest',
  { versions: '0', flexible: 0 },
  {
    deletions: array({ name: string(), mechanism: int8() }),
    upsertions: array({ name: string(), mechanism: int8(), iterations: int32(), salt: bytes(), saltedPassword: bytes() }),
  },
)

export interface AlterUserScramCredentialsRequest extends ValueOf<typeof AlterUserScramCredentialsRequest> {}

export const AlterUserScramCredentialsResponse = message(
  'AlterUserScramCredentialsResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), results: array({ user: string(), errorCode: int16(), errorMessage: string({ nullable: true }) }) },
)

export interface AlterUserScramCredentialsResponse extends ValueOf<typeof AlterUserScramCredentialsResponse> {}

export const AlterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: AlterUserScramCredentialsRequest,
  response: AlterUserScramCredentialsResponse,
})
