import type { ClassicGroup } from './classic-group.ts'
import type { Member } from './member.ts'
import type { Step } from './step.ts'

/** Names of the timers of a group. The length keeps two groups apart whose ids contain the separator. */
export const timerName = {
  join: (groupId: string) => `join:${groupId}`,
  sync: (groupId: string) => `sync:${groupId}`,
  session: (groupId: string, memberId: string) => `session:${groupId.length}:${groupId}:${memberId}`,
  offsetsExpiry: 'offsets-expiry',
}

/**
 * Moves the end of a member's session. The timer is only touched when it would fire too late: a heartbeat costs a store, and a timer
 * that fires early looks at the member and arms itself again.
 */
export function extendSession(step: Step, group: ClassicGroup, member: Member, timeoutMs: number): void {
  member.expiresAtMs = step.nowMs + timeoutMs
  if (member.timerAtMs > member.expiresAtMs) armSession(step, group, member)
}

export function armSession(step: Step, { groupId }: ClassicGroup, member: Member): void {
  member.timerAtMs = member.expiresAtMs
  const { memberId } = member
  step.timer(timerName.session(groupId, memberId), member.timerAtMs, { kind: 'sessionCheck', groupId, memberId })
}

export function endSession(step: Step, { groupId }: ClassicGroup, memberId: string): void {
  step.cancel(timerName.session(groupId, memberId))
}
