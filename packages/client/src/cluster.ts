import { type Api, ErrorCode, errorOf, FindCoordinator, KafkaError } from '@millrace/protocol'
import {
  type Address,
  Backoff,
  type Logger,
  messageOf,
  nodeWorld,
  silentLogger,
  sleep,
  type Timer,
  type World,
} from '@millrace/runtime'
import type { clientKeys, Resolved } from './config.ts'
import { ClosedError, ConnectError, DisconnectedError, isRetriable, TimeoutError } from './errors.ts'
import { parseBootstrapServers } from './network/address.ts'
import type { Body, Connection, RequestOptions } from './network/connection.ts'
import { ConnectionPool, type Purpose } from './network/connection-pool.ts'
import { firstAnswer } from './network/first-answer.ts'
import { type BrokerNode, Metadata, patienceMs, type TopicMetadata } from './network/metadata.ts'

/** What every client takes. Further options by name: `clientKeys` in `config.ts`. */
export interface ClientOptions {
  /** Default: Node's. */
  readonly world?: World
  /** `host:port`, several separated by commas or as a list. */
  readonly bootstrapServers: string | readonly string[]
  /** Default `millrace`. */
  readonly clientId?: string
  /** Default 30,000. */
  readonly requestTimeoutMs?: number
  /** Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Default 50. */
  readonly reconnectBackoffMs?: number
  /** Default 1,000. */
  readonly reconnectBackoffMaxMs?: number
  /** Default 100. */
  readonly retryBackoffMs?: number
  /** Default 1,000. */
  readonly retryBackoffMaxMs?: number
  /** How long calls without a time of their own retry. Default 60,000. */
  readonly defaultApiTimeoutMs?: number
  /** Default 300,000. */
  readonly metadataMaxAgeMs?: number
  /** When no known broker can be reached, the bootstrap servers are asked again (`rebootstrap`, the default), or not (`none`). */
  readonly metadataRecoveryStrategy?: 'rebootstrap' | 'none'
  /** Default 300,000. */
  readonly metadataRebootstrapTriggerMs?: number
  /** Default true: the broker decides. */
  readonly allowAutoTopicCreation?: boolean
  /** Default 128 MiB. */
  readonly maxResponseBytes?: number
  /** Default: silent. */
  readonly logger?: Logger
}

/** Options that `resolveOptions` leaves to the clients. */
export const otherClientOptions = ['world', 'bootstrapServers', 'logger']

export interface ClusterOptions extends Resolved<typeof clientKeys> {
  readonly world?: World | undefined
  readonly bootstrapServers: string | readonly string[]
  readonly logger?: Logger | undefined
  /** Pipelining of one connection. */
  readonly maxInFlightRequests: number
}

/** The cluster as producer, consumer and admin see it: whom to ask, and how often. */
export class Cluster {
  readonly world: World
  readonly logger: Logger
  readonly pool: ConnectionPool
  readonly metadata: Metadata
  readonly retryBackoff: Backoff
  readonly #defaultApiTimeoutMs: number
  readonly #metadataMaxAgeMs: number
  #refreshTimer: Timer | undefined
  #ageTimer: Timer | undefined
  #isRefreshing = false
  #refreshWanted = false
  #refreshAllowedAtMs = 0
  #refreshFailures = 0
  #closed = false

  constructor(options: ClusterOptions) {
    this.world = options.world ?? nodeWorld()
    this.logger = options.logger ?? silentLogger
    const { world, logger } = this
    this.#defaultApiTimeoutMs = options.defaultApiTimeoutMs
    this.#metadataMaxAgeMs = options.metadataMaxAgeMs
    this.pool = new ConnectionPool({ ...options, world, logger })
    this.metadata = new Metadata({
      world,
      logger,
      pool: this.pool,
      bootstrap: parseBootstrapServers(options.bootstrapServers),
      allowAutoTopicCreation: options.allowAutoTopicCreation,
      recoveryStrategy: options.metadataRecoveryStrategy,
      rebootstrapTriggerMs: options.metadataRebootstrapTriggerMs,
    })
    this.metadata.onChange(() => this.#watchAge())
    this.retryBackoff = new Backoff(world.random, { initialMs: options.retryBackoffMs, maxMs: options.retryBackoffMaxMs })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  connect(address: Address, purpose: Purpose): Promise<Connection> {
    return this.pool.connect(address, purpose)
  }

  /** One attempt against one broker. */
  async request<Request, Response>(
    address: Address,
    purpose: Purpose,
    api: Api<Request, Response>,
    body: Body<Request>,
    options?: RequestOptions,
  ): Promise<Response> {
    const connection = await this.pool.connect(address, purpose)
    return connection.request(api, body, options)
  }

  /**
   * One attempt against a broker for as long as it is the right one: a leader that hangs or is cut off tells nobody that it leads no more, so that is looked
   * for while the answer is out, and the connection given up when it is so.
   */
  async requestLeader<Request, Response>(
    address: Address,
    api: Api<Request, Response>,
    body: Body<Request>,
    leads: () => boolean,
  ): Promise<Response> {
    const { clock } = this.world
    let timer: Timer | undefined
    const look = () => {
      if (!leads()) this.pool.open(address, 'general')?.close()
      this.requestMetadata()
      timer = clock.timer(patienceMs, look)
    }
    timer = clock.timer(patienceMs, look)
    try {
      return await this.request(address, 'general', api, body)
    } finally {
      timer.cancel()
    }
  }

  /** One attempt against some broker: the first that can be reached. */
  async requestAny<Request, Response>(
    api: Api<Request, Response>,
    body: Body<Request>,
    options?: RequestOptions,
  ): Promise<Response> {
    let last: unknown
    for (const address of this.metadata.candidates()) {
      try {
        return await this.request(address, 'general', api, body, options)
      } catch (error) {
        last = error
        if (!isRetriable(error)) throw error
      }
    }
    throw last
  }

  /** The same for what may be done twice: one that has not answered for a while does not hold up the question. */
  requestFirst<Request, Response>(api: Api<Request, Response>, body: Body<Request>): Promise<Response> {
    return firstAnswer({
      clock: this.world.clock,
      targets: this.metadata.candidates(),
      patienceMs,
      ask: address => this.request(address, 'general', api, body),
      mayGoOn: isRetriable,
    })
  }

  /** A connection to some broker: the first that can be reached. */
  async connectAny(): Promise<Connection> {
    let last: unknown
    for (const address of this.metadata.candidates()) {
      try {
        return await this.pool.connect(address, 'general')
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  /** One attempt against a broker by its id; null: any. Rejects with KafkaError BROKER_NOT_AVAILABLE for an id that nobody has. */
  async requestNode<Request, Response>(
    nodeId: number | null,
    api: Api<Request, Response>,
    body: Body<Request>,
  ): Promise<Response> {
    if (nodeId === null) return this.requestAny(api, body)
    if (!this.metadata.brokers.has(nodeId)) await this.metadata.refresh()
    const node = this.metadata.brokers.get(nodeId)
    if (!node) throw errorOf(ErrorCode.BROKER_NOT_AVAILABLE, `There is no broker ${nodeId}`)
    return this.request(node, 'general', api, body)
  }

  /** The broker that coordinates a group. One attempt. */
  async findCoordinator(groupId: string): Promise<BrokerNode> {
    const response = await this.requestFirst(FindCoordinator, version =>
      version >= 4 ? { keyType: 0, coordinatorKeys: [groupId] } : { keyType: 0, key: groupId },
    )
    const found = response.coordinators[0] ?? response
    if (found.errorCode !== ErrorCode.NONE) throw errorOf(found.errorCode, found.errorMessage)
    return { nodeId: found.nodeId, host: found.host, port: found.port, rack: null }
  }

  /**
   * Calls `attempt` until it succeeds, with back-off and fresh metadata between, as long as the failure is retriable and time is left.
   * Rejects with the failure if it is final, else with a TimeoutError that names the last one.
   */
  async retry<T>(what: string, attempt: (remainingMs: number) => Promise<T>, timeoutMs = this.#defaultApiTimeoutMs): Promise<T> {
    const { clock } = this.world
    const deadlineMs = clock.monotonic() + timeoutMs
    for (let failures = 0; ; ) {
      if (this.#closed) throw new ClosedError('client')
      try {
        return await attempt(deadlineMs - clock.monotonic())
      } catch (error) {
        if (this.#closed) throw new ClosedError('client')
        if (!isRetriable(error)) throw error
        // The pool itself waits before it tries an address again that it could not reach.
        const delayMs = error instanceof ConnectError ? 0 : this.retryBackoff.delayMs(++failures)
        const leftMs = deadlineMs - clock.monotonic()
        if (delayMs >= leftMs) throw new TimeoutError(`${what} did not succeed within ${timeoutMs} ms`, error)
        if (delayMs > 0) await sleep(clock, delayMs)
        if (error instanceof KafkaError && (error.refreshMetadata || error instanceof DisconnectedError))
          await this.metadata.refresh().catch(() => {})
      }
    }
  }

  /** Metadata of topics, asked for if not known. Rejects with KafkaError UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, … */
  async topics(names: readonly string[], timeoutMs?: number): Promise<TopicMetadata[]> {
    for (const name of names) this.metadata.track(name)
    return this.retry(
      `Metadata of ${names.join(', ')}`,
      async () => {
        if (names.some(name => this.metadata.topic(name) === undefined)) await this.metadata.refresh()
        return names.map(name => {
          const topic = this.metadata.topic(name)
          if (topic) return topic
          throw errorOf(this.metadata.errorOf(name) || ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Topic ${name} is not there`)
        })
      },
      timeoutMs,
    )
  }

  /**
   * Refreshes metadata in the background until it succeeds, at most once per back-off. Whoever waits for the result listens with
   * `metadata.onChange`.
   */
  requestMetadata(): void {
    // What is asked for during a refresh may be newer than its answer.
    this.#refreshWanted = true
    if (this.#refreshTimer || this.#isRefreshing || this.#closed) return
    const { clock } = this.world
    const delayMs = Math.max(0, this.#refreshAllowedAtMs - clock.monotonic())
    this.#refreshTimer = clock.timer(delayMs, () => void this.#refreshMetadata())
  }

  close(): void {
    this.#closed = true
    this.#refreshTimer?.cancel()
    this.#ageTimer?.cancel()
    this.pool.close()
  }

  #watchAge(): void {
    if (this.#closed) return
    this.#ageTimer ??= this.world.clock.timer(this.#metadataMaxAgeMs, () => {
      this.#ageTimer = undefined
      this.requestMetadata()
    })
  }

  async #refreshMetadata(): Promise<void> {
    const { clock } = this.world
    this.#refreshTimer = undefined
    this.#isRefreshing = true
    this.#refreshWanted = false
    try {
      await this.metadata.refresh()
      this.#refreshFailures = 0
    } catch (error) {
      this.#refreshWanted = true
      this.#refreshFailures++
      if (!this.#closed) this.logger.warn('client.metadata.unavailable', { error: messageOf(error) })
    }
    this.#isRefreshing = false
    this.#refreshAllowedAtMs = clock.monotonic() + this.retryBackoff.delayMs(this.#refreshFailures || 1)
    if (this.#refreshWanted) this.requestMetadata()
  }
}
