import { ErrorCode } from '@millrace/protocol'
import type { ClassicGroup } from './classic-group.ts'
import type { JoinResponse, SyncResponse } from './group-input.ts'
import type { Member } from './member.ts'
import { endSession } from './sessions.ts'
import type { Step } from './step.ts'

/** NONE when the request comes from who holds the member id and, with an instance id, from its present holder (KIP-345). */
export function checkMember(group: ClassicGroup, memberId: string, groupInstanceId: string | null): number {
  if (groupInstanceId !== null) {
    const holder = group.staticMemberId(groupInstanceId)
    if (holder === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (holder !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
}

/** Takes a member out; what it has parked is answered with the error. */
export function removeMember(step: Step, group: ClassicGroup, member: Member, errorCode: number): void {
  endSession(step, group, member.memberId)
  answerJoin(step, member, joinError(errorCode, errorCode === ErrorCode.UNKNOWN_MEMBER_ID ? '' : member.memberId))
  answerSync(step, member, syncError(errorCode))
  group.remove(member.memberId)
}

export function answerJoin(step: Step, member: Member, response: JoinResponse): void {
  if (!member.join) return
  step.reply(member.join, response)
  member.join = null
}

export function answerSync(step: Step, member: Member, response: SyncResponse): void {
  if (!member.sync) return
  step.reply(member.sync, response)
  member.sync = null
}

export function joinError(errorCode: number, memberId: string): JoinResponse {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function syncError(errorCode: number): SyncResponse {
  return { errorCode, protocolType: null, protocolName: null, assignment: new Uint8Array() }
}

/** The present generation as a member is told it; the list of members goes to the one that assigns. */
export function joinResponse(
  group: ClassicGroup,
  memberId: string,
  options: { withMembers: boolean; skipAssignment?: boolean },
): JoinResponse {
  return {
    errorCode: ErrorCode.NONE,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    skipAssignment: options.skipAssignment ?? false,
    memberId,
    members: options.withMembers
      ? [...group.members.values()].map(member => ({
          memberId: member.memberId,
          groupInstanceId: member.groupInstanceId,
          metadata: member.metadataOf(group.protocolName),
        }))
      : [],
  }
}

export function syncResponse(group: ClassicGroup, member: Member): SyncResponse {
  return {
    errorCode: ErrorCode.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  }
}
