import type { ConfigSet, Logger, World } from '@millrace/runtime'
import type { ControllerClient, MetadataView } from '../services.ts'
import type { Storage } from '../storage/open-storage.ts'

export interface ControllerOptions {
  readonly world: World
  readonly logger: Logger
  readonly config: ConfigSet
  /** What `openStorage` gave. */
  readonly storage: Storage
  /** The metadata log can no longer be written, or this node lost the quorum for good: the broker must stop. Called at most once. */
  readonly failed: (error: Error) => void
}

/** How this node presents itself to the cluster. */
export interface BrokerRegistration {
  /** As clients reach them: advertised host and the port really bound. `securityProtocol`: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
  readonly listeners: readonly {
    readonly name: string
    readonly host: string
    readonly port: number
    readonly securityProtocol: number
  }[]
}

export interface Controller {
  readonly metadata: MetadataView
  readonly client: ControllerClient
  /** Registers and unfences this node; when it resolves, `metadata` shows it. Call after the listeners are bound and the partitions opened. */
  registerBroker(registration: BrokerRegistration): Promise<void>
  /** Fences this node (so that a restart is seen), waits for the last commit, closes the metadata log. */
  close(): Promise<void>
}

/** Opens raft and the controller of this node: when it resolves, the metadata log is replayed and this node leads the quorum of one. */
export function openController(options: ControllerOptions): Promise<Controller> {
  void options
  return Promise.reject(new Error('not there yet'))
}
