/** LeaveGroup (key 13): members leave a classic group. From 3 several at once, by member id or instance id. */
import { api } from '../api.ts'
import { array, int16, int32, message, string, type ValueOf } from '../schema.ts'

export const LeaveGroupRequest = message(
  'LeaveGroupRequest',
  { versions: '0-5', flexible: 4 },
  {
    groupId: string({ entity: 'groupId' }),
    memberId: string({ until: 2 }),
    members: array(
      { since: 3 },
      {
        memberId: string(),
        groupInstanceId: string({ nullable: true, default: null }),
        reason: string({ since: 5, nullable: true, default: null, ignorable: true }),
      },
    ),
  },
)

export interface LeaveGroupRequest extends ValueOf<typeof LeaveGroupRequest> {}

export const LeaveGroupResponse = message(
  'LeaveGroupResponse',
  { versions: '0-5', flexible: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    members: array({ since: 3 }, { memberId: string(), groupInstanceId: string({ nullable: true }), errorCode: int16() }),
  },
)

export interface LeaveGroupResponse extends ValueOf<typeof LeaveGroupResponse> {}

export const LeaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  listeners: ['broker'],
  request: LeaveGroupRequest,
  response: LeaveGroupResponse,
})
