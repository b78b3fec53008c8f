/** ListConfigResources (key 74): resources that have settings; version 0 lists client metrics only. */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const ListConfigResourcesRequest = message(
  'ListConfigResourcesRequest',
  { versions: '0-1', flexible: 0 },
  { resourceTypes: array({ since: 1 }, int8()) },
)

export interface ListConfigResourcesRequest extends ValueOf<typeof ListConfigResourcesRequest> {}

export const ListConfigResourcesResponse = message(
  'ListConfigResourcesResponse',
  { versions: '0-1', flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array({ resourceName: string(), resourceType: int8({ since: 1, default: 16, ignorable: true }) }),
  },
)

export interface ListConfigResourcesResponse extends ValueOf<typeof ListConfigResourcesResponse> {}

export const ListConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  listeners: ['broker'],
  request: ListConfigResourcesRequest,
  response: ListConfigResourcesResponse,
})
