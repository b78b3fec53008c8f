import {
  type Api,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  ErrorCode,
  encodeRequest,
  encodeResponse,
  KafkaError,
} from '@millrace/protocol'
import { ConfigSet, silentLogger, type World } from '@millrace/runtime'
import { fetchHandler } from '../../api/fetch.ts'
import type { ApiHandler, ConnectionContext, RequestContext } from '../../api/handler.ts'
import { listOffsetsHandler } from '../../api/list-offsets.ts'
import { BrokerMetrics } from '../../broker-metrics.ts'
import { replicationKeys } from '../../config/replication-keys.ts'
import { ConfigResourceType } from '../../config/resolve.ts'
import { AnswerMemory } from '../../fetch/answer-memory.ts'
import { ReadBuffers } from '../../fetch/read-buffers.ts'
import { ReplicaSessions } from '../../fetch/replica-sessions.ts'
import { FetchSessionCache } from '../../fetch/session-cache.ts'
import { defaultLogConfig } from '../../log/log-config.ts'
import { LogManager } from '../../log/log-manager.ts'
import type { Leader } from '../../partition/leader.ts'
import { Partitions } from '../../partition/partitions.ts'
import { lenientRules } from '../../partition/testing/lenient-rules.ts'
import type { BrokerServices, ControllerClient, MetadataChange, MetadataView, PeerBrokers } from '../../services.ts'
import { Replication } from '../replication.ts'
import { ReplicationThrottle } from '../replication-throttle.ts'
import type { ControllerImage } from './test-controller.ts'

export interface ReplicaNodeOptions {
  readonly world: World
  readonly id: number
  readonly image: ControllerImage
  readonly brokerEpoch: number
  readonly peers: PeerBrokers
  readonly controller: ControllerClient
  readonly minIsr: number
  readonly properties: ReadonlyMap<string, string>
  readonly topicConfig: ReadonlyMap<string, string>
}

const listenerName = 'PLAINTEXT'

/** For tests: what replication needs of a broker, without its sockets: logs, partitions, fetchers, and the two APIs that followers call. */
export class ReplicaNode {
  readonly id: number
  readonly partitions: Partitions
  readonly logs: LogManager
  readonly #options: ReplicaNodeOptions
  readonly #view: ImageView
  readonly #replication: Replication
  readonly #handlers: ReadonlyMap<number, ApiHandler<any, any>>
  readonly #services: BrokerServices

  constructor(options: ReplicaNodeOptions) {
    const { world, id, image, minIsr, brokerEpoch } = options
    this.#options = options
    this.id = id
    this.#view = new ImageView(image, options.topicConfig)
    const metadata: MetadataView = this.#view
    const config = new ConfigSet(Object.values(replicationKeys), options.properties)
    const metrics = new BrokerMetrics()
    this.logs = new LogManager({
      world,
      logger: silentLogger,
      directories: ['/data'],
      tailCacheBytes: 5000,
      configOf: () => ({ ...defaultLogConfig, segmentBytes: 4000, indexIntervalBytes: 500 }),
      onDirectoryFailed: () => this.partitions?.loseFailedLogs(),
    })
    this.#replication = new Replication({ world, logger: silentLogger, metrics, config, nodeId: id, metadata })
    this.partitions = new Partitions({
      world,
      logger: silentLogger,
      metrics,
      environment: this.#replication,
      metadata,
      logs: Object.assign(this.logs, { directoryIdOf: () => undefined }),
      rulesOf: () => ({ ...lenientRules, minIsr }),
    })
    this.#services = { world, metadata, metrics, logger: silentLogger } as unknown as BrokerServices
    const { partitions } = this
    const replicaSessions = new ReplicaSessions<Leader>(world)
    partitions.whenLeadershipBegins(() => replicaSessions.leadershipBegan())
    const fetch = fetchHandler({
      partitions,
      sessions: new FetchSessionCache(10, world.random),
      buffers: new ReadBuffers(),
      memory: new AnswerMemory(1 << 30),
      maxBytes: 1 << 20,
      selector: null,
      throttle: new ReplicationThrottle('leader', { world, config, metadata, nodeId: id }),
      replicaSessions,
      interBrokerListenerName: listenerName,
    })
    this.#handlers = new Map([fetch, listOffsetsHandler(partitions)].map(handler => [handler.api.key, handler]))
    this.logs.start()
    this.#replication.start({ ...options, brokerEpoch: () => brokerEpoch, partitions })
  }

  apply(image: ControllerImage): void {
    this.#view.apply(image)
  }

  /** Answers a request as the broker's server would, through bytes in both directions. */
  async serve<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: Request,
    listener = listenerName,
  ): Promise<Response> {
    const handler = this.#handlers.get(api.key)
    if (!handler) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, api.name)
    const frame = Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'test' }, body as never)).subarray(4)
    const { bodyOffset } = decodeRequestHeader(frame)
    const sent: (() => void)[] = []
    const request = decodeRequest(api, version, frame, bodyOffset)
    const answer = await handler.handle(request, contextOf(version, listener, sent), this.#services)
    const bytes = Buffer.concat(encodeResponse(api, version, 1, answer)).subarray(4)
    for (const done of sent) done()
    return decodeResponse(api, version, bytes).body
  }

  async close(): Promise<void> {
    this.partitions.close()
    this.#replication.close()
    await this.logs.close(this.#options.brokerEpoch)
  }
}

function contextOf(apiVersion: number, listener: string, sent: (() => void)[]): RequestContext {
  return {
    apiVersion,
    clientId: 'test',
    listenerName: listener,
    connection: { id: 1, clientHost: 'host', clientPort: 1, whenClosed: () => () => {} } as unknown as ConnectionContext,
    closeAfterwards: () => {},
    whenSent: done => void sent.push(done),
  }
}

class ImageView implements MetadataView {
  readonly appliedOffset = 0
  #image: ControllerImage
  readonly #listeners = new Set<(change: MetadataChange) => void>()

  readonly #topicConfig: ReadonlyMap<string, string>

  constructor(image: ControllerImage, topicConfig: ReadonlyMap<string, string>) {
    this.#image = image
    this.#topicConfig = topicConfig
  }

  apply(image: ControllerImage): void {
    this.#image = image
    for (const listener of this.#listeners)
      listener({ topics: [image.topic], deletedTopics: [], configs: [], brokersChanged: true })
  }
  topic(name: string) {
    return name === this.#image.topic.name ? this.#image.topic : undefined
  }
  topicById(topicId: string) {
    return topicId === this.#image.topic.topicId ? this.#image.topic : undefined
  }
  topics() {
    return [this.#image.topic]
  }
  brokers() {
    return this.#image.brokers
  }
  dynamicConfig(type: number): ReadonlyMap<string, string> {
    return type === ConfigResourceType.TOPIC ? this.#topicConfig : new Map()
  }
  configured(type: number): readonly string[] {
    return type === ConfigResourceType.TOPIC ? [this.#image.topic.name] : []
  }
  features() {
    return new Map<string, number>()
  }
  subscribe(listener: (change: MetadataChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
