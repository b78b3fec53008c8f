import {
  type Api,
  BrokerHeartbeat,
  BrokerRegistration as BrokerRegistrationApi,
  DescribeQuorum,
  ErrorCode,
  errorOf,
  KafkaError,
} from '@millrace/protocol'
import { type ConfigSet, type Logger, Shell, type World } from '@millrace/runtime'
import { nodeKeys } from '../config/node-keys.ts'
import { RaftNode } from '../raft/raft-node.ts'
import type { LeaderAndEpoch } from '../raft/replicated-state.ts'
import type { ControllerClient, MetadataView } from '../services.ts'
import { newUuid } from '../storage/new-uuid.ts'
import type { Storage } from '../storage/open-storage.ts'
import { activate } from './activate.ts'
import { type ControllerInput, ControllerMachine, decisionOf } from './controller.ts'
import type { ControllerState } from './decision.ts'
import { supportedFeatures } from './features.ts'
import { MetadataImage } from './image.ts'
import { raftOptions } from './metadata-quorum.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { CommittedMetadata } from './metadata-view.ts'

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
  /** The broker epoch of the run before, when it ended cleanly (`.kafka_cleanshutdown`). Default -1: not known. */
  readonly previousBrokerEpoch?: number
}

export interface Controller {
  readonly metadata: MetadataView
  readonly client: ControllerClient
  /**
   * Registers and unfences this node; when it resolves, `metadata` shows it, and its partitions have leaders in new epochs.
   * Call after the listeners are bound and the partitions opened. Resolves with the broker epoch.
   */
  registerBroker(registration: BrokerRegistration): Promise<number>
  /** Hands over what this node leads, waits for the last commit, closes the metadata log. Subscribers are told nothing any more. */
  close(): Promise<void>
}

/** Opens raft and the controller of this node: when it resolves, the metadata log is replayed and committed, and this node leads the quorum of one. */
export async function openController(options: ControllerOptions): Promise<Controller> {
  const controller = new LocalController(options)
  await controller.start()
  return controller
}

class LocalController implements Controller {
  readonly metadata: CommittedMetadata
  readonly client: ControllerClient
  readonly #options: ControllerOptions
  readonly #state: ControllerState
  readonly #raft: RaftNode<MetadataRecord>
  readonly #shell: Shell<ControllerInput, MetadataRecord>
  readonly #waiting = new Set<(error: Error) => void>()
  #brokerEpoch = -1
  #isActive = false
  #lead = () => {}
  #ended: Error | null = null

  constructor(options: ControllerOptions) {
    const { world, logger, config, storage } = options
    this.#options = options
    this.metadata = new CommittedMetadata(logger)
    const image = new MetadataImage()
    const failed = (error: Error) => this.#fail(error)
    const leaderChanged = (leader: LeaderAndEpoch) => {
      if (leader.id === storage.nodeId) this.#lead()
    }
    const isActive = () => this.#isActive
    const view = this.metadata
    this.#raft = new RaftNode(raftOptions({ world, logger, config, storage, image, view, isActive, leaderChanged, failed }))
    this.metadata.kraftVersion = this.#raft.voters.kraftVersion
    this.#state = {
      config,
      nodeId: storage.nodeId,
      clusterId: storage.clusterId,
      image,
      metadata: image,
      newUuid: () => newUuid(world),
      below: bound => world.random.below(bound),
      nextOffset: () => this.#raft.logEndOffset,
    }
    this.#shell = new Shell({ machine: new ControllerMachine(this.#state), log: this.#raft, clock: world.clock, failed })
    this.client = { request: (api, version, request) => this.#request(api, version, request) }
  }

  async start(): Promise<void> {
    const { world, storage } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#waiting.add(reject)
      this.#lead = () => {
        this.#isActive = true
        this.#waiting.delete(reject)
        resolve()
      }
      this.#raft.start()
    })
    await this.#decide(state => activate(state, world.disk, storage.metadataDirectory.path))
  }

  async registerBroker({ listeners, previousBrokerEpoch = -1 }: BrokerRegistration): Promise<number> {
    const { config, storage } = this.#options
    const brokerId = storage.nodeId
    const registered = await this.#request(BrokerRegistrationApi, 4, {
      brokerId,
      clusterId: storage.clusterId,
      incarnationId: this.#state.newUuid(),
      listeners,
      features: supportedFeatures,
      rack: config.get(nodeKeys.brokerRack),
      isMigratingZkBroker: false,
      logDirs: storage.directories.map(directory => directory.id),
      previousBrokerEpoch,
    })
    if (registered.errorCode !== ErrorCode.NONE) throw errorOf(registered.errorCode)
    const { brokerEpoch } = registered
    await this.#heartbeat(brokerEpoch, false)
    this.#brokerEpoch = brokerEpoch
    return brokerEpoch
  }

  async close(): Promise<void> {
    this.metadata.unsubscribeAll()
    try {
      if (this.#brokerEpoch >= 0 && !this.#ended) await this.#heartbeat(this.#brokerEpoch, true)
    } finally {
      this.#end(new KafkaError(ErrorCode.NOT_CONTROLLER, 'this controller is closed'))
      await this.#raft.close()
    }
  }

  async #heartbeat(brokerEpoch: number, wantShutDown: boolean): Promise<void> {
    const { errorCode } = await this.#request(BrokerHeartbeat, 2, {
      brokerId: this.#options.storage.nodeId,
      brokerEpoch,
      currentMetadataOffset: this.metadata.appliedOffset,
      wantFence: false,
      wantShutDown,
      offlineLogDirs: [],
      cordonedLogDirs: null,
    })
    if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode)
  }

  #request<Request, Response>(api: Api<Request, Response>, version: number, request: Request): Promise<Response> {
    if (api.key === DescribeQuorum.key) {
      return this.#raft.handle(api, version, request, { listenerName: 'CONTROLLER' })
    }
    const decide = decisionOf(api)
    if (!decide) return Promise.reject(new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `the controller does not serve ${api.name}`))
    return this.#decide(state => decide(state, request, version))
  }

  #decide<Response>(
    decide: (state: ControllerState) => { records: readonly MetadataRecord[]; response: Response },
  ): Promise<Response> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      const settle = () => this.#waiting.delete(reject)
      this.#shell.submit({
        decide: state => {
          try {
            return decide(state)
          } catch (error) {
            settle()
            reject(error)
            return { records: [], response: undefined }
          }
        },
        answer: response => {
          settle()
          resolve(response as Response)
        },
      })
    })
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#options.logger.error('controller.failed', { error: error.message })
    this.#end(error)
    this.#options.failed(error)
  }

  #end(error: Error): void {
    if (this.#ended) return
    this.#ended = error
    this.#shell.stop()
    for (const reject of this.#waiting) reject(error)
    this.#waiting.clear()
  }
}
