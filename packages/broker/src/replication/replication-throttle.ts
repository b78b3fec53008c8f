import type { ConfigKey, World } from '@millrace/runtime'
import { replicationKeys } from '../config/replication-keys.ts'
import { brokerConfig, type ConfigContext, ConfigResourceType, topicConfig } from '../config/resolve.ts'
import { topicKeys } from '../config/topic-keys.ts'
import type { MetadataView } from '../services.ts'
import { ByteRate } from './byte-rate.ts'

type Side = 'leader' | 'follower'
const keys: Readonly<Record<Side, { rate: ConfigKey<number>; replicas: ConfigKey<readonly string[]> }>> = {
  leader: { rate: replicationKeys.leaderReplicationThrottledRate, replicas: topicKeys.leaderReplicationThrottledReplicas },
  follower: { rate: replicationKeys.followerReplicationThrottledRate, replicas: topicKeys.followerReplicationThrottledReplicas },
}
const allReplicas = '*'

/**
 * Holds back what a reassignment copies, so that clients keep their share (KIP-73): `leader.replication.throttled.rate` of a broker over the replicas that
 * `leader.replication.throttled.replicas` of the topics name, and the same for followers. Replicas in sync are never held back.
 */
export class ReplicationThrottle {
  readonly #side: Side
  readonly #context: ConfigContext & { readonly metadata: MetadataView; readonly world: World }
  readonly #rate: ByteRate
  /** What the topics' settings say, as far as it was asked for. */
  readonly #replicas = new Map<string, ReadonlySet<string>>()

  constructor(side: Side, context: ConfigContext & { readonly metadata: MetadataView; readonly world: World }) {
    this.#side = side
    this.#context = context
    const { config } = context
    const sampleMs = config.get(replicationKeys.replicationQuotaWindowSizeSeconds)! * 1000
    this.#rate = new ByteRate(config.get(replicationKeys.replicationQuotaWindowNum)!, sampleMs)
    context.metadata.subscribe(({ configs, deletedTopics }) => {
      for (const { name } of deletedTopics) this.#replicas.delete(name)
      for (const { type, name } of configs) if (type === ConfigResourceType.TOPIC) this.#replicas.delete(name)
    })
  }

  /** Whether the partition's replica here is one of those that count. */
  isThrottled(topic: string, partition: number): boolean {
    let replicas = this.#replicas.get(topic)
    if (replicas === undefined)
      this.#replicas.set(topic, (replicas = new Set(topicConfig(this.#context, topic, keys[this.#side].replicas))))
    return replicas.size > 0 && (replicas.has(allReplicas) || replicas.has(`${partition}:${this.#context.nodeId}`))
  }

  /** More than the rate went over the wire lately. */
  get isExceeded(): boolean {
    const limit = brokerConfig(this.#context, keys[this.#side].rate)!
    return this.#rate.perSecond(this.#context.world.clock.monotonic()) > limit
  }

  /** Counts bytes of a throttled replica. */
  count(bytes: number): void {
    this.#rate.add(bytes, this.#context.world.clock.monotonic())
  }
}
