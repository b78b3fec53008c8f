import { expect, test } from 'vitest'
import { partitionOf } from '../partition/testing/partition-metadata.ts'
import type { MetadataView, PartitionMetadata, TopicMetadata } from '../services.ts'
import { clusterReadings } from './cluster-readings.ts'

const partition = (leader: number, replicas: number[], isr: number[]) => partitionOf({ leader, replicas, isr })

function readingsOf(topics: Record<string, PartitionMetadata[]>, minIsr: Record<string, number>) {
  const views: TopicMetadata[] = Object.entries(topics).map(([name, partitions]) => ({ name, topicId: name, partitions }))
  const metadata = {
    appliedOffset: 77,
    topics: () => views,
    brokers: () => [{ fenced: false }, { fenced: true }],
  } as unknown as MetadataView
  return clusterReadings({ nodeId: 1, metadata, minIsrOf: topic => minIsr[topic]!, quorum: () => ({ leaderId: 1, epoch: 9 }) })
}

test('partitions that this node leads are counted by their in-sync sets; those led elsewhere are their leaders’ business', () => {
  const readings = readingsOf(
    {
      whole: [partition(1, [1, 2, 3], [1, 2, 3])],
      shrunk: [partition(1, [1, 2, 3], [1, 2]), partition(1, [1, 2, 3], [1]), partition(2, [1, 2, 3], [2])],
      // One replica can't have two in sync, whatever is configured.
      single: [partition(1, [1], [1])],
      leaderless: [partition(-1, [2, 3], [3])],
    },
    { whole: 2, shrunk: 2, single: 2, leaderless: 1 },
  )
  expect(readings.replicas!()).toBe(5)
  expect(readings.underReplicatedPartitions!()).toBe(2)
  expect(readings.underMinIsrPartitions!()).toBe(1)
  expect(readings.leaderlessPartitions!()).toBe(1)
  expect(readings.fencedBrokers!()).toBe(1)
  expect(readings.activeControllers!()).toBe(1)
  expect(readings.raftEpoch!()).toBe(9)
  expect(readings.metadataOffset!()).toBe(77)
})
