import type { PartitionMetadata } from '../../services.ts'

/** For tests: a partition as the metadata say it; led by broker 1 and, unless told otherwise, with all of its replicas in sync. */
export function partitionOf(given: Partial<PartitionMetadata> = {}): PartitionMetadata {
  const replicas = given.replicas ?? [1]
  return {
    leader: 1,
    leaderEpoch: 0,
    partitionEpoch: 0,
    replicas,
    isr: replicas,
    eligibleLeaderReplicas: [],
    lastKnownEligibleLeaderReplicas: [],
    offlineReplicas: [],
    ...given,
  }
}
