import { ErrorCode } from '@millrace/protocol'
import type { ClassicGroup } from './classic-group.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type { JoinAnswer, JoinRequest } from './group-input.ts'
import { Member } from './member.ts'
import { answerJoin, answerSync, checkMember, joinError, joinResponse, syncError } from './membership.ts'
import { maybeCompleteJoin, rebalance } from './rebalance.ts'
import { endSession, extendSession, timerName } from './sessions.ts'
import type { Step } from './step.ts'

/** One JoinGroup and what it needs: the answer comes at once, or is parked with the member until the rebalance completes. */
interface Join {
  readonly environment: GroupEnvironment
  readonly step: Step
  readonly group: ClassicGroup
  readonly request: JoinRequest
  readonly answer: JoinAnswer
}

/** JoinGroup, after the checks that need no group. */
export function joinGroup(
  environment: GroupEnvironment,
  step: Step,
  group: ClassicGroup,
  request: JoinRequest,
  answer: JoinAnswer,
): void {
  const join: Join = { environment, step, group, request, answer }
  if (!hasRoom(join)) {
    group.remove(request.memberId)
    refuse(join, ErrorCode.GROUP_MAX_SIZE_REACHED, '')
  } else if (!group.supportsProtocols(request.protocolType, request.protocols)) {
    refuse(join, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  } else if (request.memberId === '') {
    joinWithoutId(join)
  } else if (group.pendingJoin.has(request.memberId)) {
    // Static members are never given an id to come back with.
    if (request.groupInstanceId === null) addMember(join, request.memberId)
    else refuse(join, ErrorCode.UNKNOWN_MEMBER_ID)
  } else {
    rejoin(join)
  }
  maybeCompleteJoin(step, group)
}

function refuse({ step, request, answer }: Join, errorCode: number, memberId = request.memberId): void {
  step.reply(answer, joinError(errorCode, memberId))
}

/** group.max.size counts those in the joining phase that have joined, so that a full group's own members always can. */
function hasRoom({ environment, group, request }: Join): boolean {
  const { maxSize } = environment.limits
  const member = group.members.get(request.memberId)
  switch (group.state) {
    case 'PreparingRebalance':
      return (member !== undefined && member.join !== null) || group.awaitingJoinCount < maxSize
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < maxSize
    default:
      return true
  }
}

function joinWithoutId(join: Join): void {
  const { environment, step, group, request } = join
  const { groupInstanceId, caller } = request
  const memberId = `${groupInstanceId ?? caller.clientId}-${environment.newId()}`
  if (groupInstanceId !== null) {
    const holder = group.staticMemberId(groupInstanceId)
    if (holder === undefined) addMember(join, memberId)
    else replaceMember(join, group.members.get(holder)!, memberId)
    return
  }
  if (!request.requiresKnownMemberId) {
    addMember(join, memberId)
    return
  }
  if (group.pendingJoin.size >= environment.limits.maxPendingMembers) {
    refuse(join, ErrorCode.GROUP_MAX_SIZE_REACHED)
    return
  }
  group.pendingJoin.set(memberId, request.sessionTimeoutMs)
  const { groupId } = group
  const atMs = step.nowMs + request.sessionTimeoutMs
  step.timer(timerName.session(groupId, memberId), atMs, { kind: 'sessionCheck', groupId, memberId })
  refuse(join, ErrorCode.MEMBER_ID_REQUIRED, memberId)
}

function addMember(join: Join, memberId: string): void {
  const { environment, step, group, request, answer } = join
  const { groupInstanceId, caller } = request
  if (group.pendingJoin.has(memberId)) endSession(step, group, memberId)
  const member = new Member({ memberId, groupInstanceId, clientId: caller.clientId, clientHost: caller.clientHost })
  member.update(request)
  member.isNew = true
  member.join = answer
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true
  group.add(member, request.protocolType)
  extendSession(step, group, member, environment.limits.newMemberJoinTimeoutMs)
  rebalance(environment, step, group)
}

/** A member with an id: a new rebalance, unless nothing that matters changed and the answer may just have been lost. */
function rejoin(join: Join): void {
  const { step, group, request, answer } = join
  const errorCode = checkMember(group, request.memberId, request.groupInstanceId)
  const member = group.members.get(request.memberId)
  if (errorCode !== ErrorCode.NONE || !member || group.state === 'Empty') {
    refuse(join, errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_MEMBER_ID : errorCode)
    return
  }
  const isLeader = group.leaderId === member.memberId
  const unchanged = member.matches(request.protocols)
  if (group.state === 'CompletingRebalance' && unchanged) {
    step.reply(answer, joinResponse(group, member.memberId, { withMembers: isLeader }))
  } else if (group.state === 'Stable' && unchanged && !isLeader) {
    step.reply(answer, joinResponse(group, member.memberId, { withMembers: false }))
  } else {
    park(join, member)
    rebalance(join.environment, step, group)
  }
}

/** A JoinGroup that the member sent before and gave up on is answered, so that nothing hangs. */
function park({ step, request, answer }: Join, member: Member): void {
  answerJoin(step, member, joinError(ErrorCode.REBALANCE_IN_PROGRESS, member.memberId))
  member.update(request)
  member.join = answer
}

/**
 * A static member comes back without its id (KIP-345): the new id takes the place and the assignment, the old one is fenced. No rebalance
 * when the group is stable and its protocol stays.
 */
function replaceMember(join: Join, old: Member, memberId: string): void {
  const { environment, step, group, request } = join
  const oldLeaderId = group.leaderId ?? ''
  endSession(step, group, old.memberId)
  answerJoin(step, old, joinError(ErrorCode.FENCED_INSTANCE_ID, old.memberId))
  answerSync(step, old, syncError(ErrorCode.FENCED_INSTANCE_ID))
  const member = group.replaceStatic(old, memberId)
  park(join, member)
  extendSession(step, group, member, member.sessionTimeoutMs)
  if (group.state !== 'Stable' || group.selectProtocol() !== group.protocolName) {
    rebalance(environment, step, group)
    return
  }
  step.append({ kind: 'group', group: group.groupId, value: group.toMetadata() })
  const skipAssignment = request.supportsSkippingAssignment && group.leaderId === memberId
  const response = joinResponse(group, memberId, { withMembers: skipAssignment, skipAssignment })
  // Before v9 a leader that returns must not assign again: it is told that the old id leads.
  answerJoin(step, member, request.supportsSkippingAssignment ? response : { ...response, leader: oldLeaderId })
}
