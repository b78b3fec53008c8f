/** CreateAcls (key 30): adds access control entries. */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const CreateAclsRequest = message(
  'CreateAclsRequest',
  { versions: '1-3', flexible: 2 },
  {
    creations: array({
      resourceType: int8(),
      resourceName: string(),
      resourcePatternType: int8({ default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  },
)

export interface CreateAclsRequest extends ValueOf<typeof CreateAclsRequest> {}

export const CreateAclsResponse = message(
  'CreateAclsResponse',
  { versions: '1-3', flexible: 2 },
  { throttleTimeMs: int32(), results: array({ errorCode: int16(), errorMessage: string({ nullable: true }) }) },
)

export interface CreateAclsResponse extends ValueOf<typeof CreateAclsResponse> {}

export const CreateAcls = api({
  key: 30,
  name: 'CreateAcls',
  listeners: ['broker', 'controller'],
  forwarded: true,
  request: CreateAclsRequest,
  response: CreateAclsResponse,
})
