import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Program, Targets } from './targets.ts'

export interface AimedFaultsOptions {
  readonly universe: SimulatedUniverse
  readonly options: SimulationOptions
  readonly targets: Targets
  readonly random: SeededRandom
  readonly log: (line: string) => void
  /** Faults still happen. */
  readonly isActive: () => boolean
  /** `end` is called after the time, at the healing, or when the function is called that this returns. */
  readonly lasting: (forMs: number, end: () => void) => () => void
  /** Starts a killed program, if nobody else does before. */
  readonly restart: (target: Program, delayMs?: number) => void
}

const lookEveryMs = 20

/**
 * Faults that steer the cluster to states which independent ones rarely reach: what two logs have in common ends before either does, and two voters
 * want the same epoch. Each looks into the nodes to see when it is there.
 */
export class AimedFaults {
  readonly #options: AimedFaultsOptions
  #isStranding = false
  #isContested = false

  constructor(options: AimedFaultsOptions) {
    this.#options = options
  }

  /**
   * A leader sees no other node, and clients still see it: what it appends nobody else has. Over when another one leads and has appended as much. Then
   * members of the group may die, so that others read what the coordinator has kept of their commits.
   */
  strandLeader(): void {
    const { random, targets, log, isActive, restart } = this.#options
    const { cluster, consumers } = targets
    const target = this.#ledPartition()
    if (target === null) return
    const { node, topic, partition, leaderEpoch } = target
    const others = cluster.nodes.filter(other => other !== node)
    log(`strands ${node.plan.host}, which leads ${topic}-${partition} in epoch ${leaderEpoch}`)
    const endOf = (of: SimulatedNode) => {
      const replica = of.insides.partitions?.replica(topic, partition)
      return replica === undefined || typeof replica === 'number' ? -1 : replica.log.logEndOffset
    }
    const leads = (other: SimulatedNode) => {
      const led = other.insides.partitions?.leader(topic, partition)
      return led !== undefined && typeof led !== 'number' && led.lostCode === 0 && led.leaderEpoch > leaderEpoch
    }
    this.#strand(node, others, this.#clients(), {
      isOver: () => others.some(other => leads(other) && endOf(other) >= endOf(node)),
      ended: () => {
        if (!isActive() || random.chance(0.5)) return
        for (const consumer of consumers) {
          if (!consumer.machine.isRunning) continue
          consumer.kill()
          restart(consumer)
        }
      },
    })
  }

  /** The active controller sees no other controller; brokers that are none and clients still see it. Over when another one has committed something. */
  strandController(): void {
    const { targets, random, log } = this.#options
    const { cluster, sight, admin } = targets
    const node = sight.activeController()
    const others = cluster.controllers.filter(other => other !== node)
    if (node === null || others.length < 2 || this.#isStranding) return
    const { epoch } = node.insides.raft!.raft
    log(`strands ${node.plan.host}, the controller of epoch ${epoch}`)
    const hasCommitted = ({ insides: { raft } }: SimulatedNode) => {
      const progress = raft?.raft.progress
      return progress ? raft!.raft.epoch > epoch && raft!.highWatermark > progress.epochStartOffset : false
    }
    // Who asks another node waits for a controller.
    const isAdminBeside = admin !== null && random.chance(0.7)
    const there = others.map(({ plan }) => plan.host)
    const ended = isAdminBeside ? this.#blockBothWays([admin.machine.name], there) : () => {}
    this.#strand(node, others, this.#clients(), { isOver: () => others.some(hasCommitted), ended })
  }

  /**
   * No controller sees another one, until the leader has given up and two others want votes in one epoch: from then on only these two do not see each
   * other, and whoever may vote is asked by both at the same moment.
   */
  contestElection(): void {
    const { targets, universe, options, log, lasting } = this.#options
    const controllers = targets.cluster.controllers.filter(({ isRunning }) => isRunning)
    if (controllers.length < 3 || this.#isContested) return
    this.#isContested = true
    const pairs = controllers.flatMap((one, index) =>
      controllers.slice(index + 1).map(other => {
        const release = this.#blockBothWays([one.plan.host], [other.plan.host])
        return { one, other, release }
      }),
    )
    lasting(3 * (options.quorumFetchTimeoutMs + options.electionTimeoutMs), () => {
      this.#isContested = false
      for (const { release } of pairs) release()
    })
    const roleOf = ({ insides: { raft } }: SimulatedNode) => raft?.raft.role
    const epochOf = ({ insides: { raft } }: SimulatedNode) => raft?.raft.epoch
    const look = () => {
      if (!this.#isContested) return
      const rivals = controllers.some(node => roleOf(node) === 'leader')
        ? undefined
        : pairs.find(
            ({ one, other }) =>
              roleOf(one) === 'prospective' && roleOf(other) === 'prospective' && epochOf(one) === epochOf(other),
          )
      if (rivals === undefined) {
        universe.scheduler.after(lookEveryMs, look)
        return
      }
      log(`${rivals.one.plan.host} and ${rivals.other.plan.host} stand against one another after epoch ${epochOf(rivals.one)}`)
      for (const pair of pairs) if (pair !== rivals) pair.release()
    }
    look()
  }

  #clients(): SimulatedMachine[] {
    const { producers, consumers, streams } = this.#options.targets
    return [...producers, ...consumers, ...(streams ? [streams] : [])].map(({ machine }) => machine)
  }

  /** A partition with replicas and records, of any topic, and its leader. */
  #ledPartition() {
    const { random, targets } = this.#options
    const { cluster, sight } = targets
    const led = (sight.partitions() ?? []).flatMap(({ topic, partition, leader, replicas }) => {
      const node = cluster.node(leader)
      const copy = node?.insides.partitions?.leader(topic, partition)
      if (node === undefined || copy === undefined || typeof copy === 'number' || replicas.length < 2) return []
      return copy.logEndOffset > 0 ? [{ node, topic, partition, leaderEpoch: copy.leaderEpoch }] : []
    })
    if (led.length === 0) return null
    const topic = random.pick([...new Set(led.map(({ topic }) => topic))])
    return random.pick(led.filter(partition => partition.topic === topic))
  }

  #strand(
    node: SimulatedNode,
    others: readonly SimulatedNode[],
    clients: readonly SimulatedMachine[],
    { isOver, ended }: { readonly isOver: () => boolean; readonly ended: () => void },
  ): void {
    if (this.#isStranding) return
    this.#isStranding = true
    const { random, lasting, universe } = this.#options
    const here = [node.plan.host]
    const there = others.map(({ plan }) => plan.host)
    const releases = [this.#blockBothWays(here, there)]
    // Most clients see both sides, some only one of them.
    for (const { name } of clients) {
      const side = random.below(5)
      if (side === 0) releases.push(this.#blockBothWays([name], there))
      else if (side === 1) releases.push(this.#blockBothWays([name], here))
    }
    const end = lasting(random.between(3000, 8000), () => {
      this.#isStranding = false
      for (const release of releases) release()
      ended()
    })
    const look = () => {
      if (!this.#isStranding) return
      if (isOver() || !node.isRunning) universe.scheduler.after(random.between(0, 300), end)
      else universe.scheduler.after(lookEveryMs, look)
    }
    universe.scheduler.after(lookEveryMs, look)
  }

  #blockBothWays(here: readonly string[], there: readonly string[]): () => void {
    const { net } = this.#options.universe
    const releases = here.flatMap(host => there.flatMap(other => [net.block(host, other), net.block(other, host)]))
    return () => {
      for (const release of releases) release()
    }
  }
}
