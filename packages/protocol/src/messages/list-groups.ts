/** ListGroups (key 16): the groups that a broker coordinates, from 4 filtered by state, from 5 by type. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const ListGroupsRequest = message(
  'ListGroupsRequest',
  { versions: '0-5', flexible: 3 },
  { statesFilter: array({ since: 4 }, string()), typesFilter: array({ since: 5 }, string()) },
)

export interface ListGroupsRequest extends ValueOf<typeof ListGroupsRequest> {}

export const ListGroupsResponse = message(
  'ListGroupsResponse',
  { versions: '0-5', flexible: 3 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    groups: array({
      groupId: string({ entity: 'groupId' }),
      protocolType: string(),
      groupState: string({ since: 4, ignorable: true }),
      groupType: string({ since: 5, ignorable: true }),
    }),
  },
)

export interface ListGroupsResponse extends ValueOf<typeof ListGroupsResponse> {}

export const ListGroups = api({
  key: 16,
  name: 'ListGroups',
  listeners: ['broker'],
  request: ListGroupsRequest,
  response: ListGroupsResponse,
})
