import type { ControllerState } from './decision.ts'
import { leaderCheck, newDirectoryOf, rulesOf } from './leadership.ts'
import { type MetadataRecord, noLeader, type PartitionChange } from './metadata-record.ts'
import { changePartition, type Election } from './partition-change.ts'
import type { PartitionImage, TopicImage } from './partition-image.ts'

/** Most elections that happen by themselves at once, Kafka's number too; what is left follows in the next round. */
export const maxElectionsPerRound = 1000

/** Preferred replicas that are in sync lead again. */
export function electPreferred(state: ControllerState): MetadataRecord[] {
  return electWhere(state, partition => partition.leader !== noLeader && partition.leader !== partition.replicas[0], 'preferred')
}

/** Partitions without a leader get one that is not in sync, where `unclean.leader.election.enable` says so. */
export function electUnclean(state: ControllerState): MetadataRecord[] {
  return electWhere(state, partition => partition.leader === noLeader, 'unclean')
}

function electWhere(
  state: ControllerState,
  isConcerned: (partition: PartitionImage) => boolean,
  election: 'preferred' | 'unclean',
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const topic of state.image.topics()) {
    if (!topic.partitions.some(isConcerned)) continue
    if (election === 'unclean' && rulesOf(state, topic.name).election !== 'unclean') continue
    for (const [partitionId, partition] of topic.partitions.entries()) {
      if (!isConcerned(partition)) continue
      const record = electLeader(state, topic, partitionId, election)
      if (record && record.value.leader !== noLeader) records.push(record)
      if (records.length === maxElectionsPerRound) return records
    }
  }
  return records
}

/** The record of an election that is asked for; null when it changes nothing. */
export function electLeader(
  state: ControllerState,
  topic: TopicImage,
  partitionId: number,
  election: Election,
): PartitionChange | null {
  const partition = topic.partitions[partitionId]!
  return changePartition(
    partition,
    {
      topicId: topic.topicId,
      partitionId,
      canLead: leaderCheck(state, partition),
      election,
      newDirectory: newDirectoryOf(state),
    },
    rulesOf(state, topic.name),
  )
}
