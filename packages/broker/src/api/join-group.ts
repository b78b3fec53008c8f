import { type Draft, JoinGroup, type JoinGroupRequest, type JoinGroupResponse } from '@millrace/protocol'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { Caller, JoinResponse } from '../group/group-input.ts'
import { joinError } from '../group/membership.ts'
import type { ApiHandler, RequestContext } from './handler.ts'

const rebalanceTimeoutSince = 1
const requiresKnownMemberIdSince = 4
const nullProtocolSince = 7
const skipAssignmentSince = 9

/** JoinGroup: answered when the rebalance that it belongs to has all its members, or its time is over. */
export function joinGroup(groups: GroupRouter): ApiHandler<JoinGroupRequest, Draft<JoinGroupResponse>> {
  return {
    api: JoinGroup,
    versions: { min: 0, max: 9 },
    async handle(request, context) {
      const { apiVersion } = context
      const { groupId, memberId, sessionTimeoutMs, groupInstanceId } = request
      const join = {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs: apiVersion < rebalanceTimeoutSince ? sessionTimeoutMs : request.rebalanceTimeoutMs,
        memberId,
        groupInstanceId,
        protocolType: request.protocolType,
        protocols: request.protocols,
        caller: callerOf(context),
        requiresKnownMemberId: apiVersion >= requiresKnownMemberIdSince,
        supportsSkippingAssignment: apiVersion >= skipAssignmentSince,
      }
      const response = await groups.ask<JoinResponse>(
        groupId,
        answer => ({ kind: 'join', request: join, answer }),
        errorCode => joinError(errorCode, memberId),
      )
      if (apiVersion >= nullProtocolSince) return response
      return { ...response, protocolName: response.protocolName ?? '' }
    },
  }
}

/** The host begins with a slash, as Java writes addresses: tools show it so. */
function callerOf({ clientId, connection }: RequestContext): Caller {
  return { clientId: clientId ?? '', clientHost: `/${connection.clientHost}` }
}
