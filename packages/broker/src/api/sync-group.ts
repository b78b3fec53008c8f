import { type Draft, ErrorCode, SyncGroup, type SyncGroupRequest, type SyncGroupResponse } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { SyncResponse } from '../group/group-input.ts'
import { syncError } from '../group/membership.ts'
import type { ApiHandler } from './handler.ts'

const protocolSince = 5

/** SyncGroup: the leader brings the assignments, everybody gets their own once it is committed. */
export function syncGroup(groups: GroupRouter): ApiHandler<SyncGroupRequest, Draft<SyncGroupResponse>> {
  return {
    api: SyncGroup,
    versions: { min: 0, max: 5 },
    handle(request, { apiVersion }) {
      if (request.groupId === '') return syncError(ErrorCode.INVALID_GROUP_ID)
      // From 5 on the group's protocol must be said, so that nobody takes assignments of another (KIP-559).
      if (apiVersion >= protocolSince && (request.protocolType === null || request.protocolName === null))
        return syncError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
      return groups.ask<SyncResponse>(request.groupId, answer => ({ kind: 'sync', request, answer }), syncError)
    },
  }
}
