import {
  DescribeGroups,
  type DescribeGroupsRequest,
  type DescribeGroupsResponse,
  type Draft,
  ErrorCode,
} from '@millrace/protocol'
import { describeUnknownGroup } from '../group/describing.ts'
import type { GroupRouter } from '../group/group-coordinators.ts'
import type { GroupDescription } from '../group/group-input.ts'
import type { ApiHandler } from './handler.ts'

const unknownGroupErrorSince = 6
/** Bits of the operations on a group: read (3), delete (6), describe (8), describe and alter configs (10, 11). Without an authorizer all are allowed. */
const allOperations = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)
const notAsked = -(2 ** 31)

/** DescribeGroups: members and their assignments. */
export function describeGroups(groups: GroupRouter): ApiHandler<DescribeGroupsRequest, Draft<DescribeGroupsResponse>> {
  return {
    api: DescribeGroups,
    versions: { min: 0, max: 6 },
    async handle(request, { apiVersion }) {
      const described = await Promise.all(request.groups.map(groupId => describe(groups, groupId)))
      return {
        groups: described.map(({ errorCode, groupId, state, ...rest }) => {
          const isUnknown = errorCode === ErrorCode.GROUP_ID_NOT_FOUND
          // Before version 6 an unknown group is a dead one.
          const told = isUnknown && apiVersion < unknownGroupErrorSince ? ErrorCode.NONE : errorCode
          return {
            ...rest,
            groupId,
            errorCode: told,
            errorMessage: isUnknown && told !== ErrorCode.NONE ? `Group ${groupId} not found.` : null,
            groupState: told === ErrorCode.NONE || isUnknown ? state : '',
            authorizedOperations: request.includeAuthorizedOperations && told === ErrorCode.NONE ? allOperations : notAsked,
          }
        }),
      }
    },
  }
}

async function describe(groups: GroupRouter, groupId: string): Promise<GroupDescription> {
  const refused = (errorCode: number) => ({ ...describeUnknownGroup(groupId), errorCode })
  if (groupId === '') return refused(ErrorCode.INVALID_GROUP_ID)
  return groups.ask<GroupDescription>(groupId, answer => ({ kind: 'describe', groupId, answer }), refused)
}
