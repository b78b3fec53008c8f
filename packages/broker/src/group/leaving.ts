import { ErrorCode } from '@millrace/protocol'
import type { ClassicGroup } from './classic-group.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type { LeaveResponse, MemberIdentity } from './group-input.ts'
import type { Member } from './member.ts'
import { checkMember, removeMember } from './membership.ts'
import { maybeCompleteJoin, rebalance } from './rebalance.ts'
import { armSession, endSession } from './sessions.ts'
import type { Step } from './step.ts'

/** LeaveGroup: by member id, or, for a static member, by instance id alone (an administrator's removal). */
export function leaveGroup(
  environment: GroupEnvironment,
  step: Step,
  group: ClassicGroup,
  members: readonly MemberIdentity[],
): LeaveResponse {
  const results = members.map(member => ({ ...member, errorCode: leave(step, group, member) }))
  if (results.some(({ errorCode }) => errorCode === ErrorCode.NONE)) afterLeaving(environment, step, group)
  return { errorCode: ErrorCode.NONE, members: results }
}

function leave(step: Step, group: ClassicGroup, { memberId, groupInstanceId }: MemberIdentity): number {
  if (group.pendingJoin.has(memberId)) {
    endSession(step, group, memberId)
    group.remove(memberId)
    return ErrorCode.NONE
  }
  const id = memberId === '' && groupInstanceId !== null ? (group.staticMemberId(groupInstanceId) ?? '') : memberId
  const errorCode = checkMember(group, id, groupInstanceId)
  if (errorCode === ErrorCode.NONE) removeMember(step, group, group.members.get(id)!, ErrorCode.UNKNOWN_MEMBER_ID)
  return errorCode
}

function afterLeaving(environment: GroupEnvironment, step: Step, group: ClassicGroup): void {
  if (group.state !== 'Empty') rebalance(environment, step, group)
}

/** The timer of a session fired: the member is gone, or was heard of meanwhile, or waits for us. */
export function checkSession(environment: GroupEnvironment, step: Step, group: ClassicGroup, memberId: string): void {
  if (group.pendingJoin.has(memberId)) {
    group.remove(memberId)
    maybeCompleteJoin(step, group)
    return
  }
  const member = group.members.get(memberId)
  if (!member) return
  member.timerAtMs = Infinity
  if (member.expiresAtMs > step.nowMs) {
    armSession(step, group, member)
    return
  }
  if (waitsForUs(member)) return
  removeMember(step, group, member, ErrorCode.UNKNOWN_MEMBER_ID)
  afterLeaving(environment, step, group)
}

/** A parked request needs no heartbeat: its answer starts the session anew. A first join is not parked for ever, though. */
function waitsForUs(member: Member): boolean {
  return !member.isNew && (member.join !== null || member.sync !== null)
}
