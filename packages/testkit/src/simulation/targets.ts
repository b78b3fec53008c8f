import type { SimulatedMachine } from '../world/world.ts'
import type { Sight } from './sight.ts'
import type { SimulatedCluster } from './simulated-cluster.ts'

/** A program on a machine of its own. */
export interface Program {
  readonly machine: SimulatedMachine
  start(): void
  kill(): void
}

/** What faults may hit. */
export interface Targets {
  readonly cluster: SimulatedCluster
  readonly sight: Sight
  readonly producers: readonly Program[]
  readonly consumers: readonly Program[]
  readonly streams: Program | null
  /** Changes topics; it is cut off at times, and never dies. */
  readonly admin: { readonly machine: SimulatedMachine } | null
  /** What must never happen did. */
  readonly fail: (failure: string) => void
}
