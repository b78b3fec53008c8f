import type { ConfigSet, Logger, World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'
import type { MetadataView } from '../services.ts'
import type { ConnectionContext } from './handler.ts'

/** What the handlers of a controller listener see. */
export interface ControllerServices {
  readonly world: World
  readonly logger: Logger
  readonly metrics: BrokerMetrics
  readonly config: ConfigSet
  readonly nodeId: number
  readonly clusterId: string
  readonly metadata: MetadataView
  readonly quorum: QuorumMember
  /** Told of every heartbeat of a broker, and the connection that it came over. */
  readonly lostBrokers: { heard(brokerId: number, brokerEpoch: number, connection: ConnectionContext): void }
}
