import type { SeededRandom } from '../world/random.ts'
import type { SimulatedUniverse } from '../world/world.ts'
import { AimedFaults } from './aimed-faults.ts'
import { FaultAtlas } from './fault-atlas.ts'
import type { FaultKind, SimulationOptions } from './options.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { StaleRequests } from './stale-requests.ts'
import type { Program, Targets } from './targets.ts'

/** Clocks stay so close to one another: records from further in the future are refused, as in Kafka. */
const maxSkewMs = 600_000

/** What happens to nodes; the rest happens to clients alone, or harms nobody. */
const harmless: ReadonlySet<FaultKind> = new Set([
  'kill-producer',
  'kill-consumer',
  'kill-streams',
  'pause-client',
  'clock-step',
  'cut-connections',
  'cut-nodes',
  'stale-request',
])

/** Makes faults happen, each undone after a while; counts them by kind. */
export class Nemesis {
  readonly counts = new Map<FaultKind, number>()
  readonly #universe: SimulatedUniverse
  readonly #options: SimulationOptions
  readonly #targets: Targets
  readonly #random: SeededRandom
  readonly #log: (line: string) => void
  readonly #atlas: FaultAtlas
  readonly #aimed: AimedFaults
  readonly #stale: StaleRequests
  /** How to end what lasts. */
  readonly #effects = new Set<() => void>()
  #active = true
  /** A node's disk fails at present: undone before the next one. */
  #hasDiskFault = false
  #isRolling = false
  /** Stays dead after the healing. */
  #spare: SimulatedNode | null = null

  constructor(universe: SimulatedUniverse, options: SimulationOptions, targets: Targets, log: (line: string) => void) {
    this.#universe = universe
    this.#options = options
    this.#targets = targets
    this.#random = universe.random.fork('nemesis')
    this.#log = line => log(`${universe.scheduler.nowMs.toFixed(2)} nemesis ${line}`)
    this.#atlas = new FaultAtlas(options, targets)
    this.#aimed = new AimedFaults({
      universe,
      options,
      targets,
      random: universe.random.fork('aimed-faults'),
      log: line => this.#log(line),
      isActive: () => this.#active,
      lasting: (forMs, end) => this.#lasting(forMs, end),
      restart: (target, delayMs) => this.#restart(target, delayMs),
    })
    this.#stale = new StaleRequests(universe, targets, line => this.#log(line))
    for (const { machine } of targets.cluster.nodes) machine.disk.faults.syncMs = options.syncMs
  }

  /** A node has lost what it had on disk, and has not caught up. */
  get isRecovering(): boolean {
    return this.#atlas.isRecovering
  }

  /** The network becomes what the options say, and faults begin. */
  start(): void {
    const { latencyMs, maxChunkBytes, cutProbability } = this.#options
    Object.assign(this.#universe.net.faults, { latencyMs, maxChunkBytes, cutProbability })
    if (this.#options.faults.length > 0) this.#next()
  }

  /**
   * No more faults; the network is whole and what should run runs. Without `healsAll` one node that nothing needs is left dead, if there is one:
   * it is returned.
   */
  heal(): SimulatedNode | null {
    this.#active = false
    const { net } = this.#universe
    net.faults.cutProbability = 0
    net.faults.latencyMs = Math.min(1, this.#options.latencyMs)
    // Pieces travel one after the other: small ones make a link slow.
    net.faults.maxChunkBytes = 65_536
    for (const end of [...this.#effects]) end()
    this.#stale.end()
    net.heal()
    const { cluster } = this.#targets
    const spare = this.#options.healsAll ? null : this.#atlas.spare(this.#random)
    this.#spare = spare
    if (spare !== null) {
      this.#log(`leaves ${spare.plan.host} dead`)
      spare.kill()
    }
    for (const { machine } of cluster.nodes) {
      machine.disk.dieAfter(Infinity, () => {})
      machine.disk.faults.syncMs = this.#options.syncMs
    }
    for (const target of [...cluster.nodes, ...this.#clients()]) if (target !== spare && !target.machine.isRunning) target.start()
    return spare
  }

  #clients(): Program[] {
    const { producers, consumers, streams } = this.#targets
    return [...producers, ...consumers, ...(streams ? [streams] : [])]
  }

  #next(): void {
    this.#universe.scheduler.after(this.#random.exponential(this.#options.faultEveryMs), () => {
      if (!this.#active) return
      // A quarter of the time is free of faults.
      if (!this.#random.chance(0.25)) this.#strike(this.#random.pick(this.#options.faults))
      this.#next()
    })
  }

  #strike(kind: FaultKind): void {
    const { cluster, producers, consumers, streams, sight } = this.#targets
    if (!harmless.has(kind) && this.#atlas.isRecovering) return
    this.#log(kind)
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    const node = this.#random.pick(cluster.nodes)
    switch (kind) {
      case 'kill-node':
        this.#killNode(node)
        break
      case 'kill-leaders':
        this.#killNode(sight.leaderOfMost() ?? node)
        break
      case 'kill-controller':
        this.#killNode(sight.activeController() ?? node)
        break
      case 'kill-all':
        this.#killMany()
        break
      case 'stop-node':
        if (node.isRunning) this.#stop(node)
        break
      case 'roll':
        this.#roll()
        break
      case 'pause-node':
        node.machine.pause(this.#random.between(50, 8000))
        break
      case 'lose-power':
        this.#losePower()
        break
      case 'lose-power-of-one':
        this.#losePowerOf(node)
        break
      case 'lose-disk':
        this.#loseDisk(node)
        break
      case 'cut-connections':
        this.#universe.net.cut(node.plan.host)
        break
      case 'cut-nodes':
        this.#universe.net.cut(node.plan.host, this.#random.pick(cluster.nodes).plan.host)
        break
      case 'block-link':
        this.#blockLink(node)
        break
      case 'isolate-node':
        this.#separate([node.plan.host], this.#hostsWithout([node]))
        break
      case 'split':
        this.#split(false)
        break
      case 'bridge':
        this.#split(true)
        break
      case 'strand-leader':
        this.#aimed.strandLeader()
        break
      case 'strand-controller':
        this.#aimed.strandController()
        break
      case 'contest-election':
        this.#aimed.contestElection()
        break
      case 'stale-request':
        this.#stale.send()
        break
      case 'slow-host':
        this.#slow(this.#random.pick([...cluster.nodes, ...this.#clients()]).machine.name, this.#random.pick([20, 200, 1500]))
        break
      case 'lag-node':
        this.#slow(node.plan.host, (this.#options.replicaLagMs * this.#random.between(2, 15)) / 10)
        break
      case 'slow-disk':
        this.#slowDisk(node)
        break
      case 'full-disk':
      case 'failing-disk':
        if (node.isRunning && !this.#hasDiskFault) this.#failDisk(node, kind)
        break
      case 'kill-producer':
        this.#killProgram(this.#random.pick(producers))
        break
      case 'kill-consumer':
        this.#killProgram(this.#random.pick(consumers))
        break
      case 'kill-streams':
        if (streams) this.#killProgram(streams)
        break
      case 'pause-client':
        this.#random.pick(this.#clients()).machine.pause(this.#random.between(50, 12_000))
        break
      case 'clock-step':
        this.#random.pick([...cluster.nodes, ...this.#clients()]).machine.clockSkewMs = this.#random.between(
          -maxSkewMs,
          maxSkewMs,
        )
        break
    }
  }

  #killProgram(program: Program): void {
    if (!program.machine.isRunning) return
    program.kill()
    this.#restart(program)
  }

  #killNode(node: SimulatedNode): void {
    if (node.isRunning) this.#endNode(node, () => node.kill())
  }

  /** All nodes at once, or a majority of them. */
  #killMany(): void {
    const { nodes } = this.#targets.cluster
    const spared = this.#random.chance(0.5) ? [] : this.#some(nodes, Math.floor((nodes.length - 1) / 2))
    for (const node of nodes) {
      if (spared.includes(node) || !node.isRunning) continue
      node.kill()
      this.#restart(node)
    }
  }

  /** Half of the time in the middle of what it writes. */
  #endNode(node: SimulatedNode, kill: () => void): void {
    const end = () => {
      // Healed meanwhile.
      if (!this.#active && node.isRunning) return
      kill()
      this.#restart(node)
    }
    if (this.#random.chance(0.5))
      node.machine.dieAtOperation(this.#random.below(this.#random.pick([5, 50, 500])), this.#random.between(100, 2000), end)
    else end()
    // A start is as good a moment to die as any.
    if (!this.#random.chance(0.2)) return
    this.#universe.scheduler.after(this.#random.between(10, 200), () => {
      if (!this.#active || !node.isRunning || this.#atlas.isRecovering) return
      node.machine.dieAtOperation(this.#random.below(50), this.#random.between(1, 100), end)
    })
  }

  #restart(
    target: Program,
    delayMs = this.#random.chance(0.3) ? this.#random.between(0, 10) : this.#random.between(10, 3000),
  ): void {
    this.#universe.scheduler.after(delayMs, () => {
      if (target !== this.#spare && !target.machine.isRunning) target.start()
    })
  }

  #stop(node: SimulatedNode): void {
    node.stop(() => this.#restart(node))
  }

  /** One node after the other is stopped in good order, started, and given time to come back. */
  #roll(): void {
    if (this.#isRolling) return
    this.#isRolling = true
    const rest = this.#some(this.#targets.cluster.nodes, this.#targets.cluster.nodes.length)
    const { scheduler } = this.#universe
    const next = () => {
      const node = rest.shift()
      if (node === undefined || !this.#active || this.#atlas.isRecovering) {
        this.#isRolling = false
        return
      }
      node.stop(() => {
        scheduler.after(this.#random.between(1, 500), () => {
          if (!node.isRunning && node !== this.#spare) node.start()
          scheduler.after(this.#random.between(100, 3000), next)
        })
      })
    }
    next()
  }

  /** Every append is on disk before it is acknowledged: the whole house may go dark. */
  #losePower(): void {
    const { nodes } = this.#targets.cluster
    const hit = this.#random.chance(0.5) ? nodes : this.#some(nodes, this.#random.between(1, nodes.length))
    if (hit.length === 1 && hit[0]!.isRunning) {
      this.#endNode(hit[0]!, () => hit[0]!.losePower())
      return
    }
    for (const node of hit) {
      if (!node.isRunning) continue
      node.losePower()
      this.#restart(node)
    }
  }

  #losePowerOf(node: SimulatedNode): void {
    if (!node.isRunning) return
    if (this.#options.flush === 'ack') {
      this.#endNode(node, () => node.losePower())
      return
    }
    if (this.#hasEffects || !this.#atlas.mayLose(node)) return
    this.#log(`${node.plan.host} loses what was not synced`)
    this.#atlas.lost(node)
    node.losePower()
    this.#restart(node)
  }

  #loseDisk(node: SimulatedNode): void {
    if (!node.isRunning || this.#hasEffects || !this.#atlas.mayLose(node)) return
    this.#log(`${node.plan.host} loses its disks`)
    this.#atlas.lost(node)
    node.loseDisk()
    this.#restart(node)
  }

  /** Something that nodes suffer from is not over yet. */
  get #hasEffects(): boolean {
    return (
      this.#effects.size > 0 ||
      this.#isRolling ||
      this.#targets.cluster.nodes.some(node => node.machine.pausedUntilMs > this.#universe.scheduler.nowMs)
    )
  }

  /** `end` is called after the time, at the healing, or when the function is called that this returns. */
  #lasting(forMs: number, end: () => void): () => void {
    const once = () => {
      if (this.#effects.delete(once)) end()
    }
    this.#effects.add(once)
    this.#universe.scheduler.after(forMs, once)
    return once
  }

  #some<T>(items: readonly T[], count: number): T[] {
    const rest = [...items]
    const some: T[] = []
    while (some.length < count && rest.length > 0) some.push(...rest.splice(this.#random.below(rest.length), 1))
    return some
  }

  #hostsWithout(nodes: readonly SimulatedNode[]): string[] {
    const others = this.#targets.cluster.nodes.filter(node => !nodes.includes(node)).map(node => node.plan.host)
    // Clients still reach it, or do not.
    const clients = this.#random.chance(0.5) ? this.#clients().map(({ machine }) => machine.name) : []
    return [...others, ...clients]
  }

  /** Between a node and a client or another node. */
  #blockLink(node: SimulatedNode): void {
    const others = this.#targets.cluster.nodes.filter(other => other !== node)
    const other = this.#random.pick([...this.#clients(), ...others, ...others]).machine.name
    this.#separate([node.plan.host], [other])
  }

  /** One direction or both, for a while. */
  #separate(here: readonly string[], there: readonly string[]): void {
    const { net } = this.#universe
    const direction = this.#random.below(3)
    const releases = here.flatMap(host =>
      there.flatMap(other => [
        ...(direction !== 0 ? [net.block(host, other)] : []),
        ...(direction !== 1 ? [net.block(other, host)] : []),
      ]),
    )
    this.#lasting(this.#random.between(100, 9000), () => {
      for (const release of releases) release()
    })
  }

  /** Nodes in two halves that do not see one another; with a bridge one node sees both. Clients are on either side. */
  #split(hasBridge: boolean): void {
    const nodes = this.#some(this.#targets.cluster.nodes, this.#targets.cluster.nodes.length).map(node => node.plan.host)
    if (hasBridge) nodes.pop()
    const half = this.#random.between(1, Math.max(1, nodes.length - 1))
    const sides: [string[], string[]] = [nodes.slice(0, half), nodes.slice(half)]
    for (const { machine } of this.#clients()) if (this.#random.chance(0.7)) this.#random.pick(sides).push(machine.name)
    this.#separate(...sides)
  }

  #slow(host: string, byMs: number): void {
    const { net } = this.#universe
    net.slow(host, byMs)
    this.#lasting(this.#random.between(100, 5000), () => net.slow(host, 0))
  }

  #slowDisk({ machine }: SimulatedNode): void {
    machine.disk.faults.syncMs = this.#random.pick([50, 1000])
    this.#lasting(this.#random.between(100, 4000), () => {
      machine.disk.faults.syncMs = this.#options.syncMs
    })
  }

  /**
   * The disk takes no more, or fails, until somebody has seen to it and starts the node again. After failed syncs nobody knows what the cache and
   * the device have in common, so the machine is started anew as well where that is survivable.
   */
  #failDisk(node: SimulatedNode, kind: 'full-disk' | 'failing-disk'): void {
    const { faults } = node.machine.disk
    this.#hasDiskFault = true
    node.diskFails()
    const { logDirectories } = node.plan
    if (logDirectories.length > 1) faults.under = this.#random.pick(['/', ...logDirectories])
    if (kind === 'full-disk') faults.freeBytes = this.#random.below(4000)
    else faults.failWith = 'EIO'
    this.#lasting(this.#random.between(100, 5000), () => {
      this.#hasDiskFault = false
      faults.freeBytes = Infinity
      faults.failWith = null
      faults.under = '/'
      if (kind === 'failing-disk' && this.#options.flush === 'ack') node.losePower()
      else node.kill()
      node.start()
    })
  }
}
