import type { SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'
import { type NodeEvents, SimulatedNode } from './simulated-node.ts'
import { bootstrapServersOf, planNodes } from './topology.ts'

/** The nodes under test. */
export class SimulatedCluster {
  readonly nodes: readonly SimulatedNode[]
  readonly #byHost: ReadonlyMap<string, SimulatedNode>
  readonly bootstrapServers: string

  constructor(universe: SimulatedUniverse, options: SimulationOptions, events: NodeEvents) {
    const plans = planNodes(options)
    this.nodes = plans.map(plan => new SimulatedNode(universe, plan, events))
    this.#byHost = new Map(this.nodes.map(node => [node.plan.host, node]))
    this.bootstrapServers = bootstrapServersOf(plans)
  }

  get brokers(): readonly SimulatedNode[] {
    return this.nodes.filter(({ plan }) => plan.isBroker)
  }

  get controllers(): readonly SimulatedNode[] {
    return this.nodes.filter(({ plan }) => plan.isController)
  }

  /** The nodes on these hosts; null: all. */
  on(hosts: readonly string[] | null): readonly SimulatedNode[] {
    if (hosts === null) return this.nodes
    const nodes: SimulatedNode[] = []
    for (const host of hosts) {
      const node = this.#byHost.get(host)
      if (node !== undefined) nodes.push(node)
    }
    return nodes
  }

  /** The node of that number. */
  node(id: number): SimulatedNode | undefined {
    return this.nodes.find(({ plan }) => plan.id === id)
  }

  /** Starts every node that does not run. */
  start(): void {
    for (const node of this.nodes) if (!node.isRunning) node.start()
  }

  /** Stops all in good order; the processes stay, to look at what they still hold. Brokers go first: they tell the controllers. */
  async close(): Promise<void> {
    for (const node of this.brokers) await node.close()
    for (const node of this.controllers) await node.close()
  }
}
