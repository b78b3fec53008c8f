import type { NodeInsides } from '@millrace/broker/internal'
import type { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'

type Metadata = NonNullable<NodeInsides['metadata']>

export interface PartitionSight {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
}

/** What the cluster as a whole is at this moment, seen from inside its nodes. */
export class Sight {
  readonly #cluster: SimulatedCluster

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster
  }

  /** The partitions as the node knows them that has applied most of the metadata; null while no node runs. */
  partitions(): PartitionSight[] | null {
    const metadata = this.#metadata()
    if (metadata === null) return null
    const partitions: PartitionSight[] = []
    for (const { name: topic, partitions: all } of metadata.topics())
      for (const [partition, state] of all.entries()) partitions.push({ topic, partition, ...state })
    return partitions
  }

  /** Their names, as `whatIsMissing` knows them. */
  partitionNames(): ReadonlySet<string> {
    return new Set((this.partitions() ?? []).map(nameOf))
  }

  /** The node that leads the metadata quorum, of several the one with the highest epoch. */
  activeController(): SimulatedNode | null {
    let active: SimulatedNode | null = null
    for (const node of this.#cluster.controllers) {
      const raft = node.insides.raft?.raft
      if (raft?.role !== 'leader') continue
      if (active === null || raft.epoch > active.insides.raft!.raft.epoch) active = node
    }
    return active
  }

  /** The running broker that leads most partitions. */
  leaderOfMost(): SimulatedNode | null {
    const counts = new Map<number, number>()
    for (const { leader } of this.partitions() ?? []) counts.set(leader, (counts.get(leader) ?? 0) + 1)
    const running = this.#cluster.brokers.filter(({ isRunning, plan }) => isRunning && counts.has(plan.id))
    return running.sort((a, b) => counts.get(b.plan.id)! - counts.get(a.plan.id)!)[0] ?? null
  }

  /** Every controller votes, runs, knows the leader, and has everything that is committed. */
  isQuorumSettled(nodes: readonly SimulatedNode[] = this.#cluster.controllers): boolean {
    const active = this.activeController()
    const leader = active?.insides.raft
    if (active === null || leader === undefined) return false
    const controllers = nodes.filter(({ plan }) => plan.isController)
    const voters = new Set(leader.voters.voters.map(({ id }) => id))
    return (
      // One with a new disk votes when its new directory is in the set, not while the number of the old one still is.
      controllers.every(({ plan, insides }) => voters.has(plan.id) && insides.raft?.raft.isVoter === true) &&
      controllers.every(({ insides: { raft } }) => {
        if (raft === undefined) return false
        return (
          raft.raft.epoch === leader.raft.epoch &&
          raft.raft.leaderId === active.plan.id &&
          raft.logEndOffset >= leader.raft.highWatermark
        )
      })
    )
  }

  /**
   * Why the cluster of these nodes is not whole yet; null: every node is in its place and every replica on them in sync. Of partitions that are not
   * among `known` none is asked for whose replicas on these nodes were all fenced when it was made: nobody here may lead it.
   */
  whatIsMissing(nodes: readonly SimulatedNode[], known?: ReadonlySet<string>): string | null {
    const down = nodes.find(({ isUp }) => !isUp)
    if (down !== undefined) return `${down.plan.host} has not started`
    if (!this.isQuorumSettled(nodes)) return `the controllers have no settled leader: ${nodes.map(describeRaft).join('; ')}`
    const metadata = this.#metadata()
    if (metadata === null) return 'nobody has metadata'
    const ids = new Set(nodes.filter(({ plan }) => plan.isBroker).map(({ plan }) => plan.id))
    const active = new Set([...metadata.brokers()].filter(({ fenced }) => !fenced).map(({ id }) => id))
    for (const id of ids) if (!active.has(id)) return `broker ${id} is fenced`
    for (const { topic, partition, leader, isr, replicas, eligibleLeaderReplicas } of this.partitions()!) {
      const name = nameOf({ topic, partition })
      const mayBeLed = known === undefined || known.has(name) || [...isr, ...eligibleLeaderReplicas].some(id => ids.has(id))
      if (leader < 0 && !mayBeLed) continue
      if (!ids.has(leader)) return `${name} has the leader ${leader}`
      const outside = replicas.find(id => ids.has(id) && !isr.includes(id))
      if (outside !== undefined) return `${name} has the in-sync set ${isr} of ${replicas}, without ${outside}`
      const led = this.#cluster.node(leader)!.insides.partitions?.leader(topic, partition)
      if (led === undefined || typeof led === 'number' || led.lostCode !== 0) return `${name} is not led by ${leader}`
    }
    return null
  }

  #metadata(): Metadata | null {
    let newest: NodeInsides['metadata']
    for (const { insides } of this.#cluster.nodes)
      if (insides.metadata && (newest === undefined || insides.metadata.appliedOffset > newest.appliedOffset))
        newest = insides.metadata
    return newest ?? null
  }
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`
}

/** A node's view of the quorum, for people. */
function describeRaft({ plan, insides: { raft } }: SimulatedNode): string {
  if (raft === undefined) return `${plan.host} has none`
  const { role, epoch, leaderId, highWatermark } = raft.raft
  const voters = raft.voters.voters.map(({ id }) => id)
  return `${plan.host} is ${role} in epoch ${epoch} of leader ${leaderId}, ${highWatermark} of ${raft.logEndOffset} committed, voters ${voters}`
}
