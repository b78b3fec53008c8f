import { ErrorCode, errorOf, LeaveGroup } from '@millrace/protocol'
import { messageOf, sleep } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import { ConnectError, isRetriable } from '../errors.ts'
import type { Coordinator } from './coordinator.ts'

export interface LeavingMember {
  readonly memberId: string
  /** Of a static member that gives up its place; null for others. */
  readonly groupInstanceId: string | null
}

/** How long leaving may take, with a coordinator that moves or does not answer; afterwards the session's end takes the member out. */
const leaveTimeoutMs = 5_000

/** Takes a member out of its group, so that others need not wait for the end of its session. Best effort: never rejects. */
export async function leaveGroup(
  cluster: Cluster,
  coordinator: Coordinator,
  { memberId, groupInstanceId }: LeavingMember,
  reason: string,
): Promise<void> {
  const { clock } = cluster.world
  const { groupId } = coordinator
  const deadlineMs = clock.monotonic() + leaveTimeoutMs
  const identity = { memberId, ...(groupInstanceId === null ? {} : { groupInstanceId }) }
  for (let failures = 0; ; ) {
    try {
      const response = await coordinator.request(
        LeaveGroup,
        version =>
          version >= 3 ? { groupId, members: [version >= 5 ? { ...identity, reason } : identity] } : { groupId, memberId },
        { timeoutMs: Math.max(1, deadlineMs - clock.monotonic()) },
        // On another connection than joins: brokers answer those of one in order, and a join may wait for others who never come.
        'general',
      )
      const errorCode = response.errorCode || (response.members[0]?.errorCode ?? ErrorCode.NONE)
      if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.UNKNOWN_MEMBER_ID) return
      const error = errorOf(errorCode, `LeaveGroup in group ${groupId}`)
      coordinator.check(error)
      throw error
    } catch (error) {
      const delayMs = cluster.retryBackoff.delayMs(++failures)
      // Nobody to be reached: nobody to be waited for either.
      if (!isRetriable(error) || error instanceof ConnectError || clock.monotonic() + delayMs >= deadlineMs) {
        cluster.logger.warn('client.group.leave-failed', { group: groupId, member: memberId, error: messageOf(error) })
        return
      }
      await sleep(clock, delayMs)
    }
  }
}
