/** DescribeAcls (key 29): the access control entries that match a filter. */
import { api } from '../api.ts'
import { array, int8, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DescribeAclsRequest = message(
  'DescribeAclsRequest',
  { versions: '1-3', flexible: 2 },
  {
    resourceTypeFilter: int8(),
    resourceNameFilter: string({ nullable: true }),
    patternTypeFilter: int8({ default: 3 }),
    principalFilter: string({ nullable: true }),
    hostFilter: string({ nullable: true }),
    operation: int8(),
    permissionType: int8(),
  },
)

export interface DescribeAclsRequest extends ValueOf<typeof DescribeAclsRequest> {}

export const DescribeAclsResponse = message(
  'DescribeAclsResponse',
  { versions: '1-3', flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      patternType: int8({ default: 3 }),
      acls: array({ principal: string(), host: string(), operation: int8(), permissionType: int8() }),
    }),
  },
)

export interface DescribeAclsResponse extends ValueOf<typeof DescribeAclsResponse> {}

export const DescribeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  listeners: ['broker', 'controller'],
  request: DescribeAclsRequest,
  response: DescribeAclsResponse,
})
