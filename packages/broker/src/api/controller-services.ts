import type { QuorumMember } from '../controller/quorum-member.ts'
import type { MetadataView, NodeServices } from '../services.ts'
import type { ConnectionContext } from './handler.ts'

/** What the handlers of a controller listener see. */
export interface ControllerServices extends NodeServices {
  readonly metadata: MetadataView
  readonly quorum: QuorumMember
  /** Told of every heartbeat of a broker, and the connection that it came over. */
  readonly lostBrokers: { heard(brokerId: number, brokerEpoch: number, connection: ConnectionContext): void }
}
