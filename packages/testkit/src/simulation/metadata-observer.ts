import { createHash } from 'node:crypto'
import type { NodeInsides } from '@millrace/broker/internal'
import type { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'

type Metadata = NonNullable<NodeInsides['metadata']>

/** What is remembered of a partition, whoever told it. */
interface Memory {
  leaderEpoch: number
  partitionEpoch: number
}

/** Looks at the metadata that each node has applied: what the log says is the same everywhere, and makes sense. */
export class MetadataObserver {
  readonly #cluster: SimulatedCluster
  readonly #fail: (failure: string) => void
  /** Offset → what the metadata was there, and who said so first. */
  readonly #images = new Map<number, { readonly hash: string; readonly host: string }>()
  readonly #partitions = new Map<string, Memory>()
  /** The offset at which the metadata of a process was compared last. */
  readonly #compared = new WeakMap<Metadata, number>()
  #newest = -1

  constructor(cluster: SimulatedCluster, fail: (failure: string) => void) {
    this.#cluster = cluster
    this.#fail = fail
  }

  /** After each event, at the nodes that it touched: the newest metadata makes sense. */
  look(nodes: readonly SimulatedNode[]): void {
    for (const { insides } of nodes) {
      const { metadata } = insides
      if (metadata === undefined || metadata.appliedOffset <= this.#newest) continue
      this.#newest = metadata.appliedOffset
      this.#lookAtPartitions(metadata)
    }
  }

  /** Now and then: nodes that have applied the same part of the log have the same metadata. */
  compare(): void {
    for (const { insides, plan } of this.#cluster.nodes) {
      const { metadata } = insides
      if (metadata === undefined || metadata.appliedOffset < 0) continue
      if (this.#compared.get(metadata) === metadata.appliedOffset) continue
      this.#compared.set(metadata, metadata.appliedOffset)
      const hash = hashOf(metadata)
      const known = this.#images.get(metadata.appliedOffset)
      if (known === undefined) this.#images.set(metadata.appliedOffset, { hash, host: plan.host })
      else if (known.hash !== hash)
        this.#fail(
          `invariant of the metadata: at offset ${metadata.appliedOffset} ${plan.host} has another image than ${known.host} had`,
        )
    }
  }

  #lookAtPartitions(metadata: Metadata): void {
    for (const { name, topicId, partitions } of metadata.topics()) {
      for (const [index, partition] of partitions.entries()) {
        const { leader, leaderEpoch, partitionEpoch, isr, replicas, eligibleLeaderReplicas } = partition
        const what = `${name}-${index} has leader ${leader}, in-sync set ${isr}, replicas ${replicas}`
        if (leader >= 0 && !isr.includes(leader)) this.#broken(`${what}: the leader is not in sync`)
        if (!isr.every(id => replicas.includes(id))) this.#broken(`${what}: who is no replica is in sync`)
        if (eligibleLeaderReplicas.some(id => isr.includes(id)))
          this.#broken(`${what}: ${eligibleLeaderReplicas} are eligible besides`)
        const key = `${topicId}-${index}`
        const memory = this.#partitions.get(key)
        if (memory === undefined) this.#partitions.set(key, { leaderEpoch, partitionEpoch })
        else {
          if (leaderEpoch < memory.leaderEpoch) this.#broken(`${what}: leader epoch ${memory.leaderEpoch}, then ${leaderEpoch}`)
          if (partitionEpoch < memory.partitionEpoch)
            this.#broken(`${what}: partition epoch ${memory.partitionEpoch}, then ${partitionEpoch}`)
          memory.leaderEpoch = leaderEpoch
          memory.partitionEpoch = partitionEpoch
        }
      }
    }
  }

  #broken(what: string): void {
    this.#fail(`invariant of the metadata: ${what}`)
  }
}

function hashOf(metadata: Metadata): string {
  const topics = [...metadata.topics()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(topic => [topic, [...metadata.dynamicConfig(2, topic.name)].sort()])
  const brokers = [...metadata.brokers()]
    .sort((a, b) => a.id - b.id)
    .map(({ id, epoch, fenced, rack, listeners }) => [id, epoch, fenced, rack, listeners])
  const features = [...metadata.features()].sort()
  return createHash('md5')
    .update(JSON.stringify([topics, brokers, features]))
    .digest('base64')
}
