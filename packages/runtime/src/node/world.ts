import type { World } from '../world.ts'
import { nodeClock } from './clock.ts'
import { nodeCpu } from './cpu.ts'
import { nodeDisk } from './disk.ts'
import { nodeNet } from './net.ts'
import { nodeRandom } from './random.ts'

/** The real World: Node's clock, sockets, files, randomness and thread pool. */
export function nodeWorld(): World {
  return { clock: nodeClock, net: nodeNet, disk: nodeDisk, random: nodeRandom, cpu: nodeCpu }
}
