import type { SeededRandom } from '../world/random.ts'
import type { SimulationOptions } from './options.ts'
import type { PartitionSight, Sight } from './sight.ts'
import type { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'

/**
 * Knows which losses the cluster claims to survive, so that no others are inflicted. A node may lose what it has on disk when everything that was
 * acknowledged is elsewhere; until it has caught up no other node is harmed. With fewer than two in-sync replicas required, an acknowledged record
 * may be on one disk alone: then nothing may be lost.
 */
export class FaultAtlas {
  readonly #options: SimulationOptions
  readonly #cluster: SimulatedCluster
  readonly #sight: Sight
  #lost: SimulatedNode | null = null

  constructor(options: SimulationOptions, { cluster, sight }: { readonly cluster: SimulatedCluster; readonly sight: Sight }) {
    this.#options = options
    this.#cluster = cluster
    this.#sight = sight
  }

  /** A node has lost something and is not yet what it was. */
  get isRecovering(): boolean {
    if (this.#lost !== null && this.#hasCaughtUp(this.#lost)) this.#lost = null
    return this.#lost !== null
  }

  /** Everything that the node has on disk may be gone now. */
  mayLose(node: SimulatedNode): boolean {
    if (this.#options.minIsr < 2 || this.isRecovering || !this.#cluster.nodes.every(({ isUp }) => isUp)) return false
    if (node.plan.isController && (this.#cluster.controllers.length < 3 || !this.#sight.isQuorumSettled())) return false
    const partitions = this.#sight.partitions()
    return partitions?.every(partition => isElsewhere(partition, node.plan.id)) ?? false
  }

  lost(node: SimulatedNode): void {
    this.#lost = node
  }

  /** A node that is not needed for anything: it may stay dead. Null: there is none. */
  spare(random: SeededRandom): SimulatedNode | null {
    if (this.#options.minIsr < 2 || this.isRecovering) return null
    const { nodes, controllers } = this.#cluster
    const partitions = this.#sight.partitions()
    if (partitions === null) return null
    const isSpare = (node: SimulatedNode) =>
      nodes.every(other => other === node || other.isUp) &&
      (!node.plan.isController || controllers.length > 2) &&
      partitions.every(
        partition =>
          isElsewhere(partition, node.plan.id) &&
          partition.replicas.filter(id => id !== node.plan.id).length >= this.#options.minIsr,
      )
    const spares = nodes.filter(isSpare)
    return spares.length === 0 ? null : random.pick(spares)
  }

  #hasCaughtUp(node: SimulatedNode): boolean {
    const partitions = this.#sight.partitions()
    if (!node.isUp || partitions === null) return false
    return (
      this.#sight.isQuorumSettled() &&
      partitions.every(({ replicas, isr }) => !replicas.includes(node.plan.id) || isr.includes(node.plan.id))
    )
  }
}

/** Somebody else has everything of the partition that was acknowledged. */
function isElsewhere({ replicas, isr, eligibleLeaderReplicas }: PartitionSight, id: number): boolean {
  return !replicas.includes(id) || [...isr, ...eligibleLeaderReplicas].some(other => other !== id)
}
