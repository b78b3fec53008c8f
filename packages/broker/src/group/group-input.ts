import type { GroupState } from './classic-group.ts'
import type { MemberProtocol } from './member.ts'

/** Calls back with the response, once. */
export type Answer<Response> = (response: Response) => void

/** Who sends a request. */
export interface Caller {
  readonly clientId: string
  readonly clientHost: string
}

/** JoinGroup, versions apart: v0 takes the session timeout as rebalance timeout. */
export interface JoinRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  readonly caller: Caller
  /** v4: a new member must come back with the id that it is given (KIP-394). */
  readonly requiresKnownMemberId: boolean
  /** v9: a static leader that returns may be told to skip the assignment (KIP-814). */
  readonly supportsSkippingAssignment: boolean
}

export interface JoinResponse {
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Uint8Array
  }[]
}
export type JoinAnswer = Answer<JoinResponse>

export interface SyncRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
}

export interface SyncResponse {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Uint8Array
}
export type SyncAnswer = Answer<SyncResponse>

export interface HeartbeatRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface MemberIdentity {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface LeaveRequest {
  readonly groupId: string
  readonly members: readonly MemberIdentity[]
}

export interface LeaveResponse {
  readonly errorCode: number
  readonly members: readonly (MemberIdentity & { readonly errorCode: number })[]
}

export interface CommitRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** -1: offsets.retention.minutes decides. */
  readonly retentionTimeMs: number
  /** What an unknown group is answered: ILLEGAL_GENERATION before v9, GROUP_ID_NOT_FOUND from there on. */
  readonly unknownGroupErrorCode: number
  readonly topics: readonly CommitTopic[]
}

export interface CommitTopic {
  readonly name: string
  readonly topicId: string | null
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  }[]
}

/** Error codes in the order of the request's topics and partitions. */
export type CommitResponse = readonly (readonly number[])[]

export interface FetchOffsetsRequest {
  readonly groupId: string
  /** null: all that the group has. */
  readonly topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null
  readonly requireStable: boolean
}

export interface FetchOffsetsResponse {
  readonly errorCode: number
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly committedOffset: number
      readonly committedLeaderEpoch: number
      readonly metadata: string
      readonly errorCode: number
    }[]
  }[]
}

export interface DeleteOffsetsRequest {
  readonly groupId: string
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

export interface DeleteOffsetsResponse {
  readonly errorCode: number
  /** One code a topic: GROUP_SUBSCRIBED_TO_TOPIC or NONE. */
  readonly topics: readonly { readonly name: string; readonly errorCode: number }[]
}

export interface GroupDescription {
  readonly errorCode: number
  readonly groupId: string
  readonly state: GroupState
  readonly protocolType: string
  /** The chosen protocol of a stable group, else empty. */
  readonly protocolData: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly memberMetadata: Uint8Array
    readonly memberAssignment: Uint8Array
  }[]
}

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: GroupState
}

/** All that a group coordinator takes in: requests with their answer, and its own timers. */
export type GroupInput =
  | { readonly kind: 'join'; readonly request: JoinRequest; readonly answer: JoinAnswer }
  | { readonly kind: 'sync'; readonly request: SyncRequest; readonly answer: SyncAnswer }
  | { readonly kind: 'heartbeat'; readonly request: HeartbeatRequest; readonly answer: Answer<number> }
  | { readonly kind: 'leave'; readonly request: LeaveRequest; readonly answer: Answer<LeaveResponse> }
  | { readonly kind: 'describe'; readonly groupId: string; readonly answer: Answer<GroupDescription> }
  | { readonly kind: 'list'; readonly answer: Answer<readonly GroupListing[]> }
  | { readonly kind: 'delete'; readonly groupId: string; readonly answer: Answer<number> }
  | { readonly kind: 'commitOffsets'; readonly request: CommitRequest; readonly answer: Answer<CommitResponse> }
  | { readonly kind: 'fetchOffsets'; readonly request: FetchOffsetsRequest; readonly answer: Answer<FetchOffsetsResponse> }
  | { readonly kind: 'deleteOffsets'; readonly request: DeleteOffsetsRequest; readonly answer: Answer<DeleteOffsetsResponse> }
  | { readonly kind: 'topicsDeleted'; readonly names: readonly string[] }
  | { readonly kind: 'loaded' }
  | TimerInput

export type TimerInput =
  | { readonly kind: 'initialDelayOver'; readonly groupId: string; readonly delayMs: number; readonly remainingMs: number }
  | { readonly kind: 'joinTimeout'; readonly groupId: string }
  | { readonly kind: 'syncTimeout'; readonly groupId: string; readonly generationId: number }
  | { readonly kind: 'sessionCheck'; readonly groupId: string; readonly memberId: string }
  | { readonly kind: 'offsetsExpiryCheck' }
