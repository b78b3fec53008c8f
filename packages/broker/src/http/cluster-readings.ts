import type { BrokerReadings } from '../broker-metrics.ts'
import type { MetadataView, PartitionMetadata } from '../services.ts'

export interface ClusterReadingsOptions {
  readonly nodeId: number
  readonly metadata: MetadataView
  /** `min.insync.replicas` of a topic as it is in force. */
  readonly minIsrOf: (topic: string) => number
  /** Who leads the quorum, as this node knows it. */
  readonly quorum: () => { readonly leaderId: number; readonly epoch: number }
}

const noLeader = -1

/** What this node reads from the metadata when its gauges are collected: one pass over the partitions a gauge, nothing is kept. */
export function clusterReadings({ nodeId, metadata, minIsrOf, quorum }: ClusterReadingsOptions): BrokerReadings {
  const count = (is: (partition: PartitionMetadata, minIsr: () => number) => boolean): number => {
    let sum = 0
    for (const { name, partitions } of metadata.topics()) {
      let minIsr: number | undefined
      for (const partition of partitions) if (is(partition, () => (minIsr ??= minIsrOf(name)))) sum++
    }
    return sum
  }
  return {
    replicas: () => count(({ replicas }) => replicas.includes(nodeId)),
    underReplicatedPartitions: () => count(({ leader, replicas, isr }) => leader === nodeId && isr.length < replicas.length),
    underMinIsrPartitions: () =>
      count(({ leader, replicas, isr }, minIsr) => leader === nodeId && isr.length < Math.min(minIsr(), replicas.length)),
    leaderlessPartitions: () => count(({ leader }) => leader === noLeader),
    fencedBrokers: () => [...metadata.brokers()].filter(({ fenced }) => fenced).length,
    activeControllers: () => (quorum().leaderId === nodeId ? 1 : 0),
    raftEpoch: () => quorum().epoch,
    metadataOffset: () => metadata.appliedOffset,
  }
}
