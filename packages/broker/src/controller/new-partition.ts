import type { MetadataImage } from './image.ts'
import { type MetadataRecord, noLeader } from './metadata-record.ts'
import { directoryOf } from './replica-placement.ts'

/** A partition that starts empty: all its replicas on eligible brokers are in sync, the first of them leads. */
export function newPartition(
  image: MetadataImage,
  topicId: string,
  partitionId: number,
  replicas: readonly number[],
): MetadataRecord {
  const isr = replicas.filter(id => image.isEligible(id))
  return {
    type: 'PartitionRecord',
    value: {
      topicId,
      partitionId,
      replicas,
      isr,
      removingReplicas: [],
      addingReplicas: [],
      leader: isr[0] ?? noLeader,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: replicas.map(id => directoryOf(image, id)),
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
    },
  }
}
