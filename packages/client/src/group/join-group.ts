import {
  type Draft,
  JoinGroup,
  type JoinGroupRequest,
  type JoinGroupResponse,
  SyncGroup,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from '@millrace/protocol'
import type { Coordinator } from './coordinator.ts'

/** Room for the answer to a join, which waits for the slowest member, on top of the time that members have. */
export const joinGraceMs = 5_000

export interface JoiningMember {
  /** Empty: the coordinator is to give one. */
  readonly memberId: string
  /** Null: no static member. */
  readonly groupInstanceId: string | null
  readonly sessionTimeoutMs: number
  /** What members have to rejoin in. */
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  /** In the order of the member's preference. */
  readonly protocols: Draft<JoinGroupRequest>['protocols']
}

/** The first half of a rebalance: answered when all members have come. The error, MEMBER_ID_REQUIRED among others, is in the answer. */
export function joinGroup(
  coordinator: Coordinator,
  { groupInstanceId, ...member }: JoiningMember,
  timeoutMs: number,
): Promise<JoinGroupResponse> {
  return coordinator.requestPatiently(
    JoinGroup,
    version => ({ groupId: coordinator.groupId, ...member, ...(version >= 5 ? { groupInstanceId } : {}) }),
    { timeoutMs },
  )
}

export interface SyncingMember {
  readonly generationId: number
  readonly memberId: string
  /** Null: no static member. */
  readonly groupInstanceId: string | null
  readonly protocolType: string
  /** The one that the group has chosen. */
  readonly protocolName: string
  /** Of all members, from the leader; empty from others. */
  readonly assignments: Draft<SyncGroupRequest>['assignments']
}

/** The second half: answered with the member's assignment when the leader has made it. The error is in the answer. */
export function syncGroup(
  coordinator: Coordinator,
  { groupInstanceId, protocolType, protocolName, ...member }: SyncingMember,
): Promise<SyncGroupResponse> {
  return coordinator.request(SyncGroup, version => ({
    groupId: coordinator.groupId,
    ...member,
    ...(version >= 3 ? { groupInstanceId } : {}),
    ...(version >= 5 ? { protocolType, protocolName } : {}),
  }))
}
