/** UnregisterController (key 94): removes a controller that will not come back. Kafka 4.4; declared, not spoken. */
import { api } from '../api.ts'
import { int16, int32, message, string, type ValueOf } from '../schema.ts'

export const UnregisterControllerRequest = message(
  'UnregisterControllerRequest',
  { versions: '0', flexible: 0 },
  { controllerId: int32() },
)

export interface UnregisterControllerRequest extends ValueOf<typeof UnregisterControllerRequest> {}

export const UnregisterControllerResponse = message(
  'UnregisterControllerResponse',
  { versions: '0', flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) },
)

export interface UnregisterControllerResponse extends ValueOf<typeof UnregisterControllerResponse> {}

export const UnregisterController = api({
  key: 94,
  name: 'UnregisterController',
  versions: 'none',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: UnregisterControllerRequest,
  response: UnregisterControllerResponse,
})
