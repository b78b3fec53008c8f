import type { Roles } from '../config/roles.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'
import type { BrokerRole } from './broker-role.ts'

/** What a node says of itself to those who watch it. */
export interface NodeStatus {
  readonly roles: readonly ('broker' | 'controller')[]
  /** Unfenced and caught up; for a controller alone: it knows who leads the quorum. */
  readonly isReady: boolean
  /** Why it is not ready, in a few words; null when it is. */
  readonly unreadiness: string | null
  readonly isActiveController: boolean
  /** Who leads the quorum, as this node knows it; -1: nobody. */
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Offset of the last metadata record that this node has applied. */
  readonly metadataOffset: number
  /** -1 without the role broker, and before the registration. */
  readonly brokerEpoch: number
  readonly isFenced: boolean
}

export function statusOf(roles: Roles, quorum: QuorumMember, broker: BrokerRole | null): NodeStatus {
  const { id: leaderId, epoch: leaderEpoch } = quorum.raft.leader
  const unreadiness = broker ? broker.lifecycle.unreadiness : leaderId < 0 ? 'nobody leads the quorum' : null
  return {
    roles: [...(roles.isBroker ? (['broker'] as const) : []), ...(roles.isController ? (['controller'] as const) : [])],
    isReady: unreadiness === null,
    unreadiness,
    isActiveController: quorum.active !== null,
    leaderId,
    leaderEpoch,
    metadataOffset: quorum.metadata.appliedOffset,
    brokerEpoch: broker?.lifecycle.brokerEpoch ?? -1,
    isFenced: broker?.lifecycle.isFenced ?? false,
  }
}
