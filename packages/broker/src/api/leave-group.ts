import { type Draft, ErrorCode, LeaveGroup, type LeaveGroupRequest, type LeaveGroupResponse } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { LeaveResponse } from '../group/group-input.ts'
import type { ApiHandler } from './handler.ts'

const membersSince = 3

/** LeaveGroup: one member before version 3, a list from there on. */
export function leaveGroup(groups: GroupRouter): ApiHandler<LeaveGroupRequest, Draft<LeaveGroupResponse>> {
  return {
    api: LeaveGroup,
    versions: { min: 0, max: 5 },
    async handle({ groupId, memberId, members }, { apiVersion }) {
      if (groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID }
      const leaving = apiVersion < membersSince ? [{ memberId, groupInstanceId: null }] : members
      const response = await groups.ask<LeaveResponse>(
        groupId,
        answer => ({
          kind: 'leave',
          request: {
            groupId,
            members: leaving.map(member => ({ memberId: member.memberId, groupInstanceId: member.groupInstanceId })),
          },
          answer,
        }),
        errorCode => ({ errorCode, members: [] }),
      )
      if (apiVersion >= membersSince) return response
      return { errorCode: response.errorCode === ErrorCode.NONE ? response.members[0]!.errorCode : response.errorCode }
    },
  }
}
