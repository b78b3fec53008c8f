import type { SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'
import { type NodeEvents, SimulatedNode } from './simulated-node.ts'
import { bootstrapServersOf, planNodes } from './topology.ts'

/** The nodes under test. */
export class SimulatedCluster {
  readonly nodes: readonly SimulatedNode[]
  readonly bootstrapServers: string

  constructor(universe: SimulatedUniverse, options: SimulationOptions, events: NodeEvents) {
    const plans = planNodes(options)
    this.nodes = plans.map(plan => new SimulatedNode(universe, plan, events))
    this.bootstrapServers = bootstrapServersOf(plans)
  }

  get brokers(): readonly SimulatedNode[] {
    return this.nodes.filter(({ plan }) => plan.isBroker)
  }

  get controllers(): readonly SimulatedNode[] {
    return this.nodes.filter(({ plan }) => plan.isController)
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
