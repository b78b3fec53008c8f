import type { Api, BatchView } from '@millrace/protocol'
import type { ConfigSet, Logger, World } from '@millrace/runtime'
import type { BrokerMetrics } from './broker-metrics.ts'
import type { PeerChannel } from './channel/peer-channel.ts'
import type { LoggerLevels } from './logger-levels.ts'

/** What every part of a node works with, whatever its role. */
export interface NodeServices {
  readonly world: World
  readonly logger: Logger
  /** How severe a line of each part must be for `logger` to write it. */
  readonly loggers: LoggerLevels
  readonly metrics: BrokerMetrics
  readonly config: ConfigSet
  readonly nodeId: number
  readonly clusterId: string
}

/** What the parts of a broker see of one another. `node/broker-role.ts` builds the parts and hands each this bundle. */
export interface BrokerServices extends NodeServices {
  readonly metadata: MetadataView
  readonly partitions: PartitionStore
  readonly controller: ControllerClient
  readonly peers: PeerBrokers
  /** Epoch of this broker's registration; -1 before it is registered. */
  brokerEpoch(): number
}

/** The other brokers, on the listener that brokers use among themselves. Owner: `channel/`. */
export interface PeerBrokers {
  /**
   * A new channel to that broker, to be closed by the caller; it follows the broker's address in the metadata. `clientId` names its purpose
   * in the other broker's log. Null: the metadata have no such broker, or none with the listener.
   */
  channel(brokerId: number, clientId?: string): PeerChannel | null
}

/** The committed metadata as this broker has applied it. Owner: `controller/`. Objects are immutable; a change makes new ones. */
export interface MetadataView {
  /** Offset of the last applied metadata record. */
  readonly appliedOffset: number
  topic(name: string): TopicMetadata | undefined
  topicById(topicId: string): TopicMetadata | undefined
  topics(): Iterable<TopicMetadata>
  brokers(): Iterable<BrokerMetadata>
  /** Settings made by IncrementalAlterConfigs and CreateTopics, texts by key; empty for a resource without any. `type`: 2 topic, 4 broker ("" = all brokers), 16 client metrics, 32 group. */
  dynamicConfig(type: number, name: string): ReadonlyMap<string, string>
  /** Names of the resources of a type that have settings. */
  configured(type: number): readonly string[]
  features(): ReadonlyMap<string, number>
  /** Called after each applied batch with the names of what changed; returns how to stop. */
  subscribe(listener: (change: MetadataChange) => void): () => void
}

export interface TopicMetadata {
  readonly name: string
  readonly topicId: string
  /** Index = partition. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownEligibleLeaderReplicas: readonly number[]
  readonly offlineReplicas: readonly number[]
  /** 1: the leader was elected uncleanly and has not yet said that its log is in order. Default 0. */
  readonly leaderRecoveryState?: number
  /** Id of the log directory of each replica, in the order of `replicas`. */
  readonly directories?: readonly string[]
}

export interface BrokerMetadata {
  readonly id: number
  readonly epoch: number
  readonly rack: string | null
  readonly fenced: boolean
  /** It is leaving: it enters no in-sync set. Default false. */
  readonly inControlledShutdown?: boolean
  readonly listeners: readonly {
    readonly name: string
    readonly host: string
    readonly port: number
    readonly securityProtocol: number
  }[]
}

export interface MetadataChange {
  readonly topics: readonly TopicMetadata[]
  readonly deletedTopics: readonly TopicMetadata[]
  readonly configs: readonly { readonly type: number; readonly name: string }[]
  readonly brokersChanged: boolean
}

/** Who sent a request that is passed on to the controller. */
export interface RequestOrigin {
  readonly clientId: string | null
  readonly connection: { readonly clientHost: string }
}

/** The active controller, wherever it is. Owner: `channel/`. */
export interface ControllerClient {
  /**
   * Kafka's own request and response values; `version` for a controller on another node that serves no higher one is lowered. With `origin`
   * the request is a client's: it travels in an Envelope, in exactly this version. Answered after the records are committed. An active
   * controller that is lost or not known yet is looked for until the time is over; then, and for what the controller
   * refuses as a whole, it rejects with a KafkaError.
   */
  request<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    origin?: RequestOrigin,
  ): Promise<Response>
}

/** The partitions that live on this broker. Owner: `partition/`. */
export interface PartitionStore {
  /** The partition if this broker leads it; else the error code to answer: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR. */
  leader(topic: string, partition: number): LeaderPartition | number
}

/** A partition led here, as coordinators use it: their records are appended and answered when the high watermark covers them. */
export interface LeaderPartition {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  /** Appends one batch built by the broker itself (offsets are assigned here). Returns its last offset + 1. Throws KafkaError when it can't. */
  appendAsCoordinator(batch: Uint8Array): number
  /** Calls `done` when the high watermark reaches `offset`, with an error when leadership or the disk is lost before. */
  whenCommitted(offset: number, done: (error?: Error) => void): void
  /** Batches from `offset` up to the high watermark, at most about `maxBytes` but one at least; empty at the end. */
  read(offset: number, maxBytes: number): BatchView[]
}
