/** DescribeUserScramCredentials (key 50): mechanisms and iterations of SCRAM users; never secrets. */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DescribeUserScramCredentialsRequest = message(
  'DescribeUserScramCredentialsRequest',
  { versions: '0', flexible: 0 },
  { users: array({ nullable: true }, { name: string() }) },
)

export interface DescribeUserScramCredentialsRequest extends ValueOf<typeof DescribeUserScramCredentialsRequest> {}

export const DescribeUserScramCredentialsResponse = message(
  'DescribeUserScramCredentialsResponse',
  { versions: '0', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: array({
      user: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      credentialInfos: array({ mechanism: int8(), iterations: int32() }),
    }),
  },
)

export interface DescribeUserScramCredentialsResponse extends ValueOf<typeof DescribeUserScramCredentialsResponse> {}

export const DescribeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  listeners: ['broker', 'controller'],
  request: DescribeUserScramCredentialsRequest,
  response: DescribeUserScramCredentialsResponse,
})
