import { ConfigError, type ConfigSet } from '@millrace/runtime'
import { replicationKeys } from '../config/replication-keys.ts'
import type { MetadataView } from '../services.ts'
import type { Leader } from './leader.ts'

const rackAware = new Set(['org.apache.kafka.common.replica.RackAwareReplicaSelector', 'RackAwareReplicaSelector'])
const leaderOnly = new Set(['org.apache.kafka.common.replica.LeaderSelector', 'LeaderSelector', ''])

/** Says from which replica a consumer should read instead of the leader (KIP-392). */
export interface ReplicaSelector {
  /** Id of another broker; null: read here. `rackId` is the consumer's, `offset` where it reads. */
  select(leader: Leader, rackId: string, offset: number): number | null
}

/** As `replica.selector.class` names it. Null: consumers read from leaders. Throws a ConfigError for a class that is not known. */
export function replicaSelector(config: ConfigSet, metadata: MetadataView, nodeId: number): ReplicaSelector | null {
  const name = config.get(replicationKeys.replicaSelectorClass) ?? ''
  if (leaderOnly.has(name)) return null
  if (rackAware.has(name)) return new RackAwareSelector(metadata, nodeId)
  throw new ConfigError(
    `Invalid value ${name} for configuration replica.selector.class`,
    'use org.apache.kafka.common.replica.RackAwareReplicaSelector, or leave it out',
  )
}

/** The leader if it stands in the consumer's rack, else the replica there that has come furthest. */
class RackAwareSelector implements ReplicaSelector {
  readonly #metadata: MetadataView
  readonly #nodeId: number

  constructor(metadata: MetadataView, nodeId: number) {
    this.#metadata = metadata
    this.#nodeId = nodeId
  }

  select({ inSync, log }: Leader, rackId: string, offset: number): number | null {
    if (rackId === '' || inSync.replicas.size === 0) return null
    const inRack = new Set<number>()
    for (const { id, rack, fenced } of this.#metadata.brokers()) if (rack === rackId && !fenced) inRack.add(id)
    if (inRack.has(this.#nodeId) || offset > log.logEndOffset) return null
    let best: { readonly id: number; readonly end: number; readonly caughtUpMs: number } | null = null
    for (const { brokerId, logStartOffset, logEndOffset, lastCaughtUpMs } of inSync.replicas.values()) {
      if (!inRack.has(brokerId) || !inSync.isr.includes(brokerId)) continue
      // One that does not have what is asked for would only send the consumer back.
      if (logStartOffset < 0 || logStartOffset > offset || logEndOffset < offset) continue
      const isBetter = best === null || logEndOffset > best.end || (logEndOffset === best.end && lastCaughtUpMs > best.caughtUpMs)
      if (isBetter) best = { id: brokerId, end: logEndOffset, caughtUpMs: lastCaughtUpMs }
    }
    return best?.id ?? null
  }
}
