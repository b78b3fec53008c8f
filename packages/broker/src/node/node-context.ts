import type { ConfigSet, Logger, World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import type { Storage } from '../storage/open-storage.ts'

/** What every part of a node is made from. */
export interface NodeContext {
  readonly world: World
  readonly logger: Logger
  readonly config: ConfigSet
  readonly metrics: BrokerMetrics
  readonly storage: Storage
  readonly nodeId: number
  readonly clusterId: string
}
