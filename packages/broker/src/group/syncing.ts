import { ErrorCode } from '@millrace/protocol'
import type { ClassicGroup } from './classic-group.ts'
import type { GroupEnvironment } from './group-environment.ts'
import type { HeartbeatRequest, SyncAnswer, SyncRequest } from './group-input.ts'
import { type GroupRecord, recordSizeBytes } from './group-records.ts'
import type { Member } from './member.ts'
import { answerSync, checkMember, syncError, syncResponse } from './membership.ts'
import { rebalance, syncReceived } from './rebalance.ts'
import { extendSession } from './sessions.ts'
import type { Step } from './step.ts'

/** SyncGroup: followers wait for the leader's, which brings all assignments and makes the generation durable. */
export function syncGroup(
  environment: GroupEnvironment,
  step: Step,
  group: ClassicGroup,
  request: SyncRequest,
  answer: SyncAnswer,
): void {
  const errorCode = checkSync(group, request)
  const member = group.members.get(request.memberId)
  if (errorCode !== ErrorCode.NONE || !member) {
    step.reply(answer, syncError(errorCode))
    return
  }
  if (group.state === 'Stable') {
    syncReceived(step, group, member.memberId)
    extendSession(step, group, member, member.sessionTimeoutMs)
    step.reply(answer, syncResponse(group, member))
    return
  }
  answerSync(step, member, syncError(ErrorCode.REBALANCE_IN_PROGRESS))
  member.sync = answer
  syncReceived(step, group, member.memberId)
  if (group.leaderId === member.memberId) assign(environment, step, group, request)
}

function checkSync(group: ClassicGroup, request: SyncRequest): number {
  const errorCode = checkMember(group, request.memberId, request.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  if (differs(request.protocolType, group.protocolType) || differs(request.protocolName, group.protocolName))
    return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  if (group.state === 'PreparingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS
  return group.state === 'Empty' ? ErrorCode.UNKNOWN_MEMBER_ID : ErrorCode.NONE
}

function differs(given: string | null, own: string | null): boolean {
  return given !== null && own !== null && given !== own
}

function assign(environment: GroupEnvironment, step: Step, group: ClassicGroup, { assignments }: SyncRequest): void {
  const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
  for (const member of group.members.values()) member.assignment = new Uint8Array(byMember.get(member.memberId) ?? [])
  group.transitionTo('Stable', step.wallMs)
  const record: GroupRecord = { kind: 'group', group: group.groupId, value: group.toMetadata() }
  if (recordSizeBytes(record) > environment.limits.maxBatchBytes) {
    refuseAssignments(environment, step, group)
    return
  }
  step.append(record)
  for (const member of group.members.values()) answerAndStay(step, group, member)
}

function answerAndStay(step: Step, group: ClassicGroup, member: Member): void {
  if (!member.sync) return
  extendSession(step, group, member, member.sessionTimeoutMs)
  answerSync(step, member, syncResponse(group, member))
}

/** They do not fit the log: as in Kafka all are told so, and the group tries again. */
function refuseAssignments(environment: GroupEnvironment, step: Step, group: ClassicGroup): void {
  for (const member of group.members.values()) {
    member.assignment = new Uint8Array()
    answerSync(step, member, syncError(ErrorCode.UNKNOWN_SERVER_ERROR))
  }
  rebalance(environment, step, group)
}

/** Heartbeat: the error code. It keeps the session alive during a rebalance, too. */
export function heartbeat(step: Step, group: ClassicGroup, request: HeartbeatRequest): number {
  const errorCode = checkMember(group, request.memberId, request.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  const member = group.members.get(request.memberId)!
  extendSession(step, group, member, member.sessionTimeoutMs)
  return group.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}
