/** How far a follower has come, as its fetches show. */
export interface FollowerProgress {
  readonly logEndOffset: number
}

export interface HighWatermarkInput {
  /** The high watermark so far: it never moves back. */
  readonly current: number
  /** End of the leader's own log. */
  readonly localEndOffset: number
  readonly nodeId: number
  /** The in-sync set, the leader included. */
  readonly isr: readonly number[]
  /** The other replicas; one that has not fetched in this epoch is absent. */
  readonly followers: ReadonlyMap<number, FollowerProgress>
  readonly minIsr: number
}

/**
 * The offset up to which every in-sync replica has the log. It does not move while the in-sync set is smaller than the smallest allowed
 * (KIP-966), nor while a member has not fetched yet.
 */
export function highWatermark({ current, localEndOffset, nodeId, isr, followers, minIsr }: HighWatermarkInput): number {
  if (isr.length < minIsr) return current
  let lowest = localEndOffset
  for (const id of isr) if (id !== nodeId) lowest = Math.min(lowest, followers.get(id)?.logEndOffset ?? -1)
  return Math.max(current, lowest)
}

/** `min.insync.replicas` as it counts for a partition: never more than it has replicas. */
export function effectiveMinIsr(configured: number, replicaCount: number): number {
  return Math.min(configured, replicaCount)
}
