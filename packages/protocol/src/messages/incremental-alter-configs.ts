/** IncrementalAlterConfigs (key 44): sets, deletes, appends to or subtracts from single settings. */
import { api } from '../api.ts'
import { array, bool, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const IncrementalAlterConfigsRequest = message(
  'IncrementalAlterConfigsRequest',
  { versions: '0-1', flexible: 1 },
  {
    resources: array({
      resourceType: int8({ mapKey: true }),
      resourceName: string({ mapKey: true }),
      configs: array({
        name: string({ mapKey: true }),
        configOperation: int8({ mapKey: true }),
        value: string({ nullable: true }),
      }),
    }),
    validateOnly: bool(),
  },
)

export interface IncrementalAlterConfigsRequest extends ValueOf<typeof IncrementalAlterConfigsRequest> {}

export const IncrementalAlterConfigsResponse = message(
  'IncrementalAlterConfigsResponse',
  { versions: '0-1', flexible: 1 },
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

export interface IncrementalAlterConfigsResponse extends ValueOf<typeof IncrementalAlterConfigsResponse> {}

export const IncrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: IncrementalAlterConfigsRequest,
  response: IncrementalAlterConfigsResponse,
})
