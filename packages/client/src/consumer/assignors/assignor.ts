import type { TopicPartition } from '../../topic-partition.ts'

/**
 * Decides who gets what in a classic group. The group's leader runs it over all members' subscriptions; the broker picks, of the names that
 * every member supports, the one most members prefer.
 */
export interface Assignor {
  /** Kafka's protocol name: what the members agree on (`range`, `roundrobin`, `stream`, …). */
  readonly name: string
  /** Bytes sent with this member's subscription, asked for before each join; null or absent: none. */
  userData?(topics: readonly string[]): Uint8Array | null
  /** Called on the leader only. A member that gets no entry gets no partitions. */
  assign(
    members: readonly GroupMember[],
    metadata: AssignmentMetadata,
  ): ReadonlyMap<string, MemberAssignment> | Promise<ReadonlyMap<string, MemberAssignment>>
  /** Told on every member, after the assignment has arrived and before the `assigned` callback. */
  assigned?(assignment: MemberAssignment, generationId: number): void
}

/** A member as the leader sees it. */
export interface GroupMember {
  readonly memberId: string
  /** Of a static member (KIP-345), else null. */
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  readonly userData: Uint8Array | null
  /** What the member still had when it joined; empty with the eager protocol, which gives up everything before. */
  readonly ownedPartitions: readonly TopicPartition[]
  /** The generation in which it owned them; -1 when not told. */
  readonly generationId: number
  readonly rackId: string | null
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData?: Uint8Array | null
}

export interface AssignmentMetadata {
  /** The topic's number of partitions; 0 when it does not exist. Knows every topic that some member subscribes to. */
  partitionCount(topic: string): number
  /** The same for any topic, asked of the cluster. */
  loadPartitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>>
}

/** Kafka's order of members: static ones first, by instance id, then the others, by member id. */
export function inAssignmentOrder(members: readonly GroupMember[]): GroupMember[] {
  return [...members].sort((a, b) => {
    if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compare(a.groupInstanceId, b.groupInstanceId)
    if (a.groupInstanceId !== null) return -1
    if (b.groupInstanceId !== null) return 1
    return compare(a.memberId, b.memberId)
  })
}

/** Java's String.compareTo: by UTF-16 code unit. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
