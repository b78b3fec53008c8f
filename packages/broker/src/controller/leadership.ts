import { topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import type { ControllerState } from './decision.ts'
import { isDirectoryOnline, unassignedDirectory } from './directory-id.ts'
import { keepsEligibleReplicas, metadataVersionOf } from './metadata-version.ts'
import type { Election, PartitionRules } from './partition-change.ts'
import type { PartitionImage } from './partition-image.ts'
import { directoryOf } from './replica-placement.ts'

/** What a topic's settings and the cluster's features say about changes of its partitions. */
export interface TopicRules extends PartitionRules {
  /** The election that happens by itself: `unclean` where `unclean.leader.election.enable` says so. */
  readonly election: Election
}

export function rulesOf(state: ControllerState, topic: string): TopicRules {
  return {
    minInsyncReplicas: topicConfig(state, topic, topicKeys.minInsyncReplicas),
    eligibleReplicas: keepsEligibleReplicas(state.image),
    metadataVersion: metadataVersionOf(state.image),
    election: topicConfig(state, topic, topicKeys.uncleanLeaderElectionEnable) ? 'unclean' : 'online',
  }
}

/** Whether a replica of the partition may lead it: its broker is eligible and has the directory online. */
export function leaderCheck({ image }: ControllerState, partition: PartitionImage): (brokerId: number) => boolean {
  return id => image.isEligible(id) && isDirectoryOnline(directoryOfReplica(partition, id), image.broker(id)!.logDirs)
}

/** Where the partition's replica on that broker is kept, as the broker told last. */
export function directoryOfReplica(partition: PartitionImage, brokerId: number): string {
  return partition.directories[partition.replicas.indexOf(brokerId)] ?? unassignedDirectory
}

/** The directory of a replica that is new on its broker. */
export function newDirectoryOf({ image }: ControllerState): (brokerId: number) => string {
  return id => directoryOf(image, id)
}
