/** DeleteAcls (key 31): removes the access control entries that match filters. */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DeleteAclsRequest = message(
  'DeleteAclsRequest',
  { versions: '1-3', flexible: 2 },
  {
    filters: array({
      resourceTypeFilter: int8(),
      resourceNameFilter: string({ nullable: true }),
      patternTypeFilter: int8({ default: 3 }),
      principalFilter: string({ nullable: true }),
      hostFilter: string({ nullable: true }),
      operation: int8(),
      permissionType: int8(),
    }),
  },
)

export interface DeleteAclsRequest extends ValueOf<typeof DeleteAclsRequest> {}

export const DeleteAclsResponse = message(
  'DeleteAclsResponse',
  { versions: '1-3', flexible: 2 },
  {
    throttleTimeMs: int32(),
    filterResults: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      matchingAcls: array({
        errorCode: int16(),
        errorMessage: string({ nullable: true }),
        resourceType: int8(),
        resourceName: string(),
        patternType: int8({ default: 3 }),
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    }),
  },
)

export interface DeleteAclsResponse extends ValueOf<typeof DeleteAclsResponse> {}

export const DeleteAcls = api({
  key: 31,
  name: 'DeleteAcls',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: DeleteAclsRequest,
  response: DeleteAclsResponse,
})
