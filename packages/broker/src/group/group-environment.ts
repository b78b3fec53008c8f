/** What a group coordinator is given besides its inputs. */
export interface GroupEnvironment {
  readonly limits: GroupLimits
  /** Wall clock, for the timestamps in records. */
  wallMs(): number
  /** A fresh UUID, for member ids. */
  newId(): string
  /** A rebalance begins: for the metrics. */
  rebalanceBegun(): void
}

export interface GroupLimits {
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** group.min.session.timeout.ms and group.max.session.timeout.ms */
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  /** group.max.size: members of a group. */
  readonly maxSize: number
  /** Ids handed out in one group whose owners have not come back with them. */
  readonly maxPendingMembers: number
  /** How long the first JoinGroup of a member may be parked: it has no id yet and cannot send heartbeats. */
  readonly newMemberJoinTimeoutMs: number
  /** offset.metadata.max.bytes: like Kafka, in UTF-16 units. */
  readonly offsetMetadataMaxLength: number
  /** offsets.retention.minutes */
  readonly offsetsRetentionMs: number
  /** offsets.retention.check.interval.ms */
  readonly offsetsExpiryCheckIntervalMs: number
  /** What one atomic append may take: max.message.bytes of `__consumer_offsets`. */
  readonly maxBatchBytes: number
}
