import { ErrorCode } from '@millrace/protocol'
import type { ClassicGroup } from './classic-group.ts'
import type { GroupEnvironment } from './group-environment.ts'
import { answerJoin, answerSync, joinResponse, removeMember, syncError } from './membership.ts'
import { extendSession, timerName } from './sessions.ts'
import type { Step } from './step.ts'

/*
 * The phases of a rebalance: PreparingRebalance waits for all members to join, CompletingRebalance for the leader's assignment.
 * From Empty the first phase is a fixed wait instead, longer while members keep coming (KIP-134).
 */

/** After a change of membership: begins a rebalance, or ends the joining phase if the change was what it waited for. */
export function rebalance(environment: GroupEnvironment, step: Step, group: ClassicGroup): void {
  if (group.canRebalance) prepareRebalance(environment, step, group)
  else maybeCompleteJoin(step, group)
}

function prepareRebalance(environment: GroupEnvironment, step: Step, group: ClassicGroup): void {
  if (group.state === 'CompletingRebalance') refuseSyncs(step, group, ErrorCode.REBALANCE_IN_PROGRESS)
  step.cancel(timerName.sync(group.groupId))
  const isInitial = group.state === 'Empty'
  group.transitionTo('PreparingRebalance', step.wallMs)
  environment.rebalanceBegun()
  if (isInitial) {
    const delayMs = environment.limits.initialRebalanceDelayMs
    waitForMembers(step, group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0))
    return
  }
  const name = timerName.join(group.groupId)
  step.timer(name, step.nowMs + group.rebalanceTimeoutMs, { kind: 'joinTimeout', groupId: group.groupId })
  maybeCompleteJoin(step, group)
}

/** The assignments of the generation are void: who waits for one joins again. */
function refuseSyncs(step: Step, group: ClassicGroup, errorCode: number): void {
  for (const member of group.members.values()) {
    member.assignment = new Uint8Array()
    if (member.sync) extendSession(step, group, member, member.sessionTimeoutMs)
    answerSync(step, member, syncError(errorCode))
  }
}

function waitForMembers(step: Step, group: ClassicGroup, delayMs: number, remainingMs: number): void {
  const { groupId } = group
  step.timer(timerName.join(groupId), step.nowMs + delayMs, { kind: 'initialDelayOver', groupId, delayMs, remainingMs })
}

/** The wait for an empty group's members is over: once more when somebody came meanwhile and the rebalance timeout allows it. */
export function initialDelayOver(
  environment: GroupEnvironment,
  step: Step,
  group: ClassicGroup,
  wait: { readonly delayMs: number; readonly remainingMs: number },
): void {
  if (group.state !== 'PreparingRebalance') return
  if (!group.newMemberAdded || wait.remainingMs === 0) {
    completeJoin(step, group)
    return
  }
  group.newMemberAdded = false
  const delayMs = Math.min(environment.limits.initialRebalanceDelayMs, wait.remainingMs)
  waitForMembers(step, group, delayMs, Math.max(wait.remainingMs - wait.delayMs, 0))
}

/** Ends the joining phase when all are there; the initial one always lasts its time. */
export function maybeCompleteJoin(step: Step, group: ClassicGroup): void {
  if (group.state === 'PreparingRebalance' && group.previousState !== 'Empty' && group.hasAllMembersJoined)
    completeJoin(step, group)
}

/** Ends the joining phase: who has not joined is out, static members excepted, and the rest is a new generation. */
export function completeJoin(step: Step, group: ClassicGroup): void {
  if (group.state !== 'PreparingRebalance') return
  const { groupId } = group
  step.cancel(timerName.join(groupId))
  for (const member of [...group.members.values()])
    if (!member.join && !member.isStatic) removeMember(step, group, member, ErrorCode.UNKNOWN_MEMBER_ID)
  if (!group.electJoinedLeader() && group.members.size > 0) {
    // Only static members that have not come back: their sessions decide.
    step.timer(timerName.join(groupId), step.nowMs + group.rebalanceTimeoutMs, { kind: 'joinTimeout', groupId })
    return
  }
  group.newMemberAdded = false
  group.startGeneration(step.wallMs)
  if (group.members.size === 0) {
    step.append({ kind: 'group', group: groupId, value: group.toMetadata() })
    return
  }
  for (const member of group.members.values()) {
    answerJoin(step, member, joinResponse(group, member.memberId, { withMembers: member.memberId === group.leaderId }))
    extendSession(step, group, member, member.sessionTimeoutMs)
    member.isNew = false
    group.pendingSync.add(member.memberId)
  }
  const atMs = step.nowMs + group.rebalanceTimeoutMs
  step.timer(timerName.sync(groupId), atMs, { kind: 'syncTimeout', groupId, generationId: group.generationId })
}

/** Who did not send SyncGroup within the rebalance timeout is out. */
export function syncTimeout(environment: GroupEnvironment, step: Step, group: ClassicGroup, generationId: number): void {
  if (group.generationId !== generationId || group.pendingSync.size === 0) return
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
  for (const memberId of [...group.pendingSync]) {
    const member = group.members.get(memberId)
    if (member) removeMember(step, group, member, ErrorCode.UNKNOWN_MEMBER_ID)
  }
  rebalance(environment, step, group)
}

/** The member sent its SyncGroup; the last one to do so ends the wait. */
export function syncReceived(step: Step, group: ClassicGroup, memberId: string): void {
  if (group.pendingSync.delete(memberId) && group.pendingSync.size === 0) step.cancel(timerName.sync(group.groupId))
}
