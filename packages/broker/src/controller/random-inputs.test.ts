import { describe, expect, test } from 'vitest'
import { topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import { RandomCluster } from '../testing/random-cluster.ts'
import { MetadataImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { keepsEligibleReplicas } from './metadata-version.ts'
import type { PartitionImage } from './partition-image.ts'

const seeds = 40
const stepsOfSeed = 400

/** Who has all that is committed of each partition, as far as its leaders could have committed it. */
class Holders {
  readonly #holders = new Map<string, Set<number>>()

  of(id: string): ReadonlySet<number> {
    return this.#holders.get(id) ?? new Set()
  }

  /** What a change of the partition or of its brokers does to those that have everything. */
  follow(id: string, partition: PartitionImage, minInsyncReplicas: number): void {
    const holders = this.#holders.get(id) ?? new Set(partition.isr)
    const isUnclean = partition.leaderRecoveryState === 1 && partition.leader >= 0
    const canCommit = partition.leader >= 0 && partition.isr.length >= Math.min(minInsyncReplicas, partition.replicas.length)
    if (isUnclean || canCommit) this.#holders.set(id, new Set(partition.isr))
    else this.#holders.set(id, new Set([...holders, ...partition.isr].filter(each => partition.replicas.includes(each))))
  }

  /** Replicas are in sync: they have all that was committed until now. */
  join(id: string, brokerIds: readonly number[]): void {
    this.#holders.set(id, new Set([...this.of(id), ...brokerIds]))
  }

  /** A broker came back without its newest records. */
  forget(brokerId: number, isOnlyCopy: (id: string) => boolean): void {
    for (const [id, holders] of this.#holders) if (!isOnlyCopy(id)) holders.delete(brokerId)
  }
}

function partitionsOf({ scenario: { image } }: RandomCluster): Map<string, { topic: string; partition: PartitionImage }> {
  const all = new Map<string, { topic: string; partition: PartitionImage }>()
  for (const { name, topicId, partitions } of image.topics())
    for (const [index, partition] of partitions.entries()) all.set(`${topicId}-${index}`, { topic: name, partition })
  return all
}

/** What must hold for a partition at any time; null when it does. */
function problemOf(cluster: RandomCluster, partition: PartitionImage): string | null {
  const { image } = cluster.scenario
  const { leader, isr, replicas, eligibleLeaderReplicas: elr, addingReplicas, removingReplicas } = partition
  const within = (ids: readonly number[]) => new Set(ids).size === ids.length && ids.every(id => replicas.includes(id))
  if (new Set(replicas).size !== replicas.length || replicas.length === 0) return 'replicas'
  if (!within(isr) || !within(elr) || !within(addingReplicas) || !within(removingReplicas)) return 'not a subset of the replicas'
  if (elr.some(id => isr.includes(id))) return 'eligible and in sync'
  if (partition.directories.length !== replicas.length) return 'directories'
  if (partition.lastKnownEligibleLeaderReplicas.length > 1) return 'more than one last known leader'
  if (leader === -1) return null
  if (!isr.includes(leader)) return 'the leader is not in sync'
  if (isr.some(id => !image.isEligible(id))) return 'a broker that is fenced or shuts down is in sync with a leader'
  if (partition.lastKnownEligibleLeaderReplicas.length > 0) return 'a last known leader beside a leader'
  return null
}

/** How the epochs must move from one state of a partition to the next; null when they do. */
function epochProblem(before: PartitionImage, after: PartitionImage): string | null {
  if (after.leaderEpoch < before.leaderEpoch || after.partitionEpoch < before.partitionEpoch) return 'an epoch went back'
  if (after.leader !== before.leader && after.leaderEpoch === before.leaderEpoch) return 'a leader without an epoch'
  if (after.leaderEpoch > before.leaderEpoch && after.partitionEpoch === before.partitionEpoch) return 'no partition epoch'
  const text = ({ leaderEpoch, partitionEpoch, ...rest }: PartitionImage) => JSON.stringify(rest)
  return after.partitionEpoch === before.partitionEpoch && text(after) !== text(before) ? 'a change without an epoch' : null
}

function uncleanReturn(
  cluster: RandomCluster,
  before: ReadonlyMap<number, number>,
  records: readonly MetadataRecord[],
): number | null {
  for (const record of records) {
    if (record.type === 'UnregisterBrokerRecord') return record.value.brokerId
    if (record.type !== 'RegisterBrokerRecord' || before.get(record.value.brokerId) === record.value.brokerEpoch) continue
    if (cluster.last.includes('"previousBrokerEpoch":-1')) return record.value.brokerId
  }
  return null
}

describe('random inputs', () => {
  test.each(Array.from({ length: seeds }, (_, seed) => seed))('of seed %i leave every partition in order', seed => {
    const cluster = new RandomCluster(seed)
    const { image, state } = cluster.scenario
    const holders = new Holders()
    let before = partitionsOf(cluster)
    for (const [id, { partition }] of before) holders.join(id, partition.isr)
    for (let step = 0; step < stepsOfSeed; step++) {
      const epochs = new Map([...image.brokers()].map(({ id, epoch }) => [id, epoch]))
      const records = cluster.step()
      image.seal()
      const after = partitionsOf(cluster)
      const returned = uncleanReturn(cluster, epochs, records)
      // Without eligible replicas nobody is distrusted, as in Apache Kafka before them.
      if (returned !== null && keepsEligibleReplicas(image))
        holders.forget(returned, id => before.get(id)?.partition.replicas.length === 1)
      if (cluster.joined) holders.join(cluster.joined.partition, cluster.joined.brokerIds)
      for (const [id, { topic, partition }] of after) {
        const where = () => `seed ${seed}, step ${step}, after ${cluster.last}: ${JSON.stringify(partition)}`
        expect(problemOf(cluster, partition), where()).toBeNull()
        const previous = before.get(id)
        if (previous) expect(epochProblem(previous.partition, partition), where()).toBeNull()
        if (previous && partition.leaderRecoveryState === 0 && partition.leader >= 0)
          if (previous.partition.leader !== partition.leader) expect([...holders.of(id)], where()).toContain(partition.leader)
        holders.follow(id, partition, topicConfig(state, topic, topicKeys.minInsyncReplicas))
      }
      before = after
      if (step % 20 === 0) {
        const copy = new MetadataImage()
        for (const record of image.records()) copy.apply(record)
        expect([...copy.records()]).toEqual([...image.records()])
      }
    }
  })
})
