import { ErrorCode, errorOf, Heartbeat, type KafkaError } from '@millrace/protocol'
import type { Coordinator } from './coordinator.ts'

/** A member of a classic group in its generation. */
export interface BeatingMember {
  readonly generationId: number
  readonly memberId: string
  /** Null: no static member. */
  readonly groupInstanceId: string | null
}

export interface HeartbeatTimeouts {
  readonly sessionTimeoutMs: number
  readonly requestTimeoutMs: number
}

/**
 * Tells the coordinator, once, that a member lives. Gives the error of the answer, REBALANCE_IN_PROGRESS among them; null: the member is in. Rejects when
 * no answer comes. `member` is asked when the request leaves: until then the coordinator has to be found, and the session may be over.
 */
export async function heartbeat(
  coordinator: Coordinator,
  member: () => BeatingMember,
  { sessionTimeoutMs, requestTimeoutMs }: HeartbeatTimeouts,
): Promise<KafkaError | null> {
  const { groupId } = coordinator
  // Within a session there must be time for another one, elsewhere.
  const timeoutMs = Math.min(requestTimeoutMs, Math.max(1_000, Math.floor(sessionTimeoutMs / 3)))
  const { errorCode } = await coordinator.request(
    Heartbeat,
    version => {
      const { generationId, memberId, groupInstanceId } = member()
      return { groupId, generationId, memberId, ...(version >= 3 ? { groupInstanceId } : {}) }
    },
    { timeoutMs },
  )
  return errorCode === ErrorCode.NONE ? null : errorOf(errorCode, `Heartbeat in group ${groupId}`)
}
