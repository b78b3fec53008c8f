import { ErrorCode } from '@millrace/protocol'
import type { Group } from './group.ts'
import type { GroupDescription } from './group-input.ts'

/** DescribeGroups: what members brought is told of a stable group only; what they got stays until it is void. */
export function describeGroup({ id, classic }: Group): GroupDescription {
  const isStable = classic.state === 'Stable'
  return {
    errorCode: ErrorCode.NONE,
    groupId: id,
    state: classic.state,
    protocolType: classic.protocolType ?? '',
    protocolData: isStable ? (classic.protocolName ?? '') : '',
    members: [...classic.members.values()].map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? member.metadataOf(classic.protocolName) : new Uint8Array(),
      memberAssignment: member.assignment,
    })),
  }
}

export function describeUnknownGroup(groupId: string): GroupDescription {
  return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, groupId, state: 'Dead', protocolType: '', protocolData: '', members: [] }
}
