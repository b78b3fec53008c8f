/** DeleteGroups (key 42): deletes groups that have no members. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const DeleteGroupsRequest = message(
  'DeleteGroupsRequest',
  { versions: '0-3', flexible: 2 },
  { groupsNames: array({ entity: 'groupId' }, string()) },
)

export interface DeleteGroupsRequest extends ValueOf<typeof DeleteGroupsRequest> {}

export const DeleteGroupsResponse = message(
  'DeleteGroupsResponse',
  { versions: '0-3', flexible: 2 },
  {
    throttleTimeMs: int32(),
    results: array({
      groupId: string({ mapKey: true, entity: 'groupId' }),
      errorCode: int16(),
      errorMessage: string({ since: 3, nullable: true, default: null, ignorable: true }),
    }),
  },
)

export interface DeleteGroupsResponse extends ValueOf<typeof DeleteGroupsResponse> {}

export const DeleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: '0-2',
  listeners: ['broker'],
  request: DeleteGroupsRequest,
  response: DeleteGroupsResponse,
})
