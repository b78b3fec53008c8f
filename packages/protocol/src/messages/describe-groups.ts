/** DescribeGroups (key 15): state and members of classic groups. */
import { api } from '../api.ts'
import { array, bool, bytes, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DescribeGroupsRequest = message(
  'DescribeGroupsRequest',
  { versions: '0-6', flexible: 5 },
  { groups: array({ entity: 'groupId' }, string()), includeAuthorizedOperations: bool({ since: 3 }) },
)

export interface DescribeGroupsRequest extends ValueOf<typeof DescribeGroupsRequest> {}

export const DescribeGroupsResponse = message(
  'DescribeGroupsResponse',
  { versions: '0-6', flexible: 5 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ since: 6, nullable: true, default: null }),
      groupId: string({ entity: 'groupId' }),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ since: 4, nullable: true, default: null, ignorable: true }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ since: 3, default: -2147483648 }),
    }),
  },
)

export interface DescribeGroupsResponse extends ValueOf<typeof DescribeGroupsResponse> {}

export const DescribeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  listeners: ['broker'],
  request: DescribeGroupsRequest,
  response: DescribeGroupsResponse,
})
