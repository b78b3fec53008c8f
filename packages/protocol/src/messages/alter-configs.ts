/** AlterConfigs (key 33): replaces all dynamic settings of a resource. IncrementalAlterConfigs is the better one. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const AlterConfigsRequest = message(
  'AlterConfigsRequest',
  { versions: '0-2', flexible: 2 },
  {
    resources: array({
      resourceType: int8({ mapKey: true }),
      resourceName: string({ mapKey: true }),
      configs: array({ name: string({ mapKey: true }), value: string({ nullable: true }) }),
    }),
    validateOnly: bool(),
  },
)

export interface AlterConfigsRequest extends ValueOf<typeof AlterConfigsRequest> {}

export const AlterConfigsResponse = message(
  'AlterConfigsResponse',
  { versions: '0-2', flexible: 2 },
  {
    throttleTimeMs: int32(),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
)

export interface AlterConfigsResponse extends ValueOf<typeof AlterConfigsResponse> {}

export const AlterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: AlterConfigsRequest,
  response: AlterConfigsResponse,
})
