import type { Group } from './group.ts'
import type { CommittedOffset } from './group-records.ts'

/**
 * The offsets of a group that may be forgotten (KIP-211): all, when the group has been empty for the retention time; those of topics that
 * a stable group of consumers no longer reads, and those of a group without members ever, that long after they were committed.
 */
export function expiredOffsets(group: Group, wallMs: number, retentionMs: number): { topic: string; partition: number }[] {
  const sinceMs = expiryBase(group)
  if (!sinceMs) return []
  const expired: { topic: string; partition: number }[] = []
  for (const [topic, partitions] of group.offsets.topics()) {
    if (group.classic.isSubscribedTo(topic) && group.classic.state !== 'Empty') continue
    for (const [partition, value] of partitions) {
      if (group.offsets.hasPending(topic, partition)) continue
      const endsAtMs = value.expireTimestampMs >= 0 ? value.expireTimestampMs : sinceMs(value) + retentionMs
      if (endsAtMs <= wallMs) expired.push({ topic, partition })
    }
  }
  return expired
}

/** From when on the retention time of an offset counts; null: it does not run. */
function expiryBase({ classic }: Group): ((value: CommittedOffset) => number) | null {
  if (classic.protocolType === null) return value => value.commitTimestampMs
  if (classic.state === 'Empty')
    return value => (classic.currentStateTimestampMs >= 0 ? classic.currentStateTimestampMs : value.commitTimestampMs)
  return classic.state === 'Stable' && classic.isConsumerProtocol && classic.subscribedTopics !== null
    ? value => value.commitTimestampMs
    : null
}
