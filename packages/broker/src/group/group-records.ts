/** Records of `__consumer_offsets` as the machine sees them; `group-record-codec.ts` turns them into Kafka's bytes and back. */
export type GroupRecord = OffsetRecord | GroupMetadataRecord | TransactionEndRecord

/** A committed offset; `value` null is a tombstone. */
export interface OffsetRecord {
  readonly kind: 'offset'
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly value: CommittedOffset | null
  /** Set when the record is part of a transaction: it counts when that transaction commits. */
  readonly producerId?: number
}

/** What survives of a classic group: written by the leader's SyncGroup and whenever the group becomes empty; null is a tombstone. */
export interface GroupMetadataRecord {
  readonly kind: 'group'
  readonly group: string
  readonly value: GroupMetadata | null
}

/** A control record met in replay: the producer's pending offsets count from here on, or never did. */
export interface TransactionEndRecord {
  readonly kind: 'transactionEnd'
  readonly producerId: number
  readonly committed: boolean
}

export interface CommittedOffset {
  readonly offset: number
  /** -1: the client gave none. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** -1: offsets.retention.minutes decides. Set by OffsetCommit v2 to v4 alone. */
  readonly expireTimestampMs: number
  /** null: not known when it was committed. */
  readonly topicId: string | null
}

export interface GroupMetadata {
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  /** Wall clock of the last change of state; -1 in records older than Kafka 2.1. */
  readonly currentStateTimestampMs: number
  readonly members: readonly StoredMember[]
}

export interface StoredMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Uint8Array
  readonly assignment: Uint8Array
}

/** About the bytes a record takes in its batch, never less. */
export function recordSizeBytes(record: GroupRecord): number {
  if (record.kind === 'transactionEnd') return 0
  // A UTF-16 unit is three bytes at most; the constant covers the batch's, the record's and the fields' fixed parts.
  let size = 160 + 3 * record.group.length
  if (record.kind === 'offset') return size + 3 * (record.topic.length + (record.value?.metadata.length ?? 0))
  for (const member of record.value?.members ?? []) {
    const texts =
      member.memberId.length + (member.groupInstanceId?.length ?? 0) + member.clientId.length + member.clientHost.length
    size += 32 + 3 * texts + member.subscription.length + member.assignment.length
  }
  return size
}
