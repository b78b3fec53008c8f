import type { Connection } from '../network/connection.ts'
import type { BrokerNode } from '../network/metadata.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerBatch } from './producer-batch.ts'

/** A request without an answer. */
export interface Outstanding {
  readonly connection: Connection
  readonly batches: readonly ProducerBatch[]
  readonly sentAtMs: number
}

/** A broker, and what is to go there. */
export interface Route {
  node: BrokerNode
  readonly ready: Set<PartitionQueue>
  /** Oldest first. */
  readonly inFlight: Set<Outstanding>
  isConnecting: boolean
  connectingSinceMs: number
}

/**
 * A request or a connection that takes longer makes the sender look whether somebody else leads by now: a broker that hangs or is cut off tells nobody,
 * and its requests would be out for the whole `requestTimeoutMs`.
 */
export const stallMs = 1_000

export function newRoute(node: BrokerNode): Route {
  return { node, ready: new Set(), inFlight: new Set(), isConnecting: false, connectingSinceMs: 0 }
}

/** The oldest request of a route, if it is out for too long. */
export function stalled({ inFlight }: Route, nowMs: number): Outstanding | undefined {
  const [oldest] = inFlight
  return oldest && nowMs - oldest.sentAtMs >= stallMs ? oldest : undefined
}
