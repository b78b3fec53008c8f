import type { World } from '@millrace/runtime'
import type { Partitions } from './partition/partitions.ts'
import type { RaftNode } from './raft/raft-node.ts'
import type { MetadataView } from './services.ts'

/** The parts of a running node that the simulator watches, each from the moment it is there. */
export interface NodeInsides {
  metadata?: MetadataView
  partitions?: Partitions
  raft?: RaftNode<unknown>
}

/** A process has a World of its own. */
const insides = new WeakMap<World, NodeInsides>()

/** Lets the simulator see a part. */
export function showInside(world: World, parts: NodeInsides): void {
  insides.set(world, { ...insides.get(world), ...parts })
}

/** What is inside of the node that runs on this World. */
export function insidesOf(world: World): NodeInsides {
  return insides.get(world) ?? {}
}
