import { type Draft, ErrorCode, Heartbeat, type HeartbeatRequest, type HeartbeatResponse } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { ApiHandler } from './handler.ts'

/** Heartbeat: keeps the session, and tells a member that it must join again. */
export function heartbeat(groups: GroupRouter): ApiHandler<HeartbeatRequest, Draft<HeartbeatResponse>> {
  return {
    api: Heartbeat,
    versions: { min: 0, max: 4 },
    async handle(request) {
      if (request.groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID }
      const errorCode = await groups.ask<number>(
        request.groupId,
        answer => ({ kind: 'heartbeat', request, answer }),
        // While the groups are being read nobody can say otherwise, and no session runs.
        code => (code === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS ? ErrorCode.NONE : code),
      )
      return { errorCode }
    },
  }
}
