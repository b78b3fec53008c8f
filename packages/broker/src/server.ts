import type { Listener, Logger, Socket, Timer, World } from '@millrace/runtime'
import type { BrokerMetrics } from './broker-metrics.ts'
import { type Answer, Connection, type ConnectionLimits, type Dispatcher } from './connection.ts'
import { RequestMemory } from './request-memory.ts'

export interface ServerLimits extends ConnectionLimits {
  /** `max.connections`: of the whole node. */
  readonly maxConnections: number
  /** `max.connections.per.ip`. */
  readonly maxConnectionsPerIp: number
  /** `connections.max.idle.ms`. */
  readonly maxIdleMs: number
  /** Bytes of requests, half-received ones included, that are not answered. */
  readonly maxRequestBytesInFlight: number
}

export interface ServerOptions {
  readonly world: World
  readonly logger: Logger
  readonly metrics: BrokerMetrics
  readonly limits: ServerLimits
}

export interface Endpoint {
  /** The listener's name in `listeners`. */
  readonly name: string
  readonly host: string
  readonly port: number
}

/** How long the holder of the right to read above the memory limit may stay silent. */
const memoryHolderIdleMs = 5_000
const idleChecksPerPeriod = 4
const minIdleCheckMs = 1_000

/** TCP listeners that answer the same requests, and all of their connections. Nothing is read of a connection before `serve`. */
export class Server implements Dispatcher {
  readonly #options: ServerOptions
  readonly #memory: RequestMemory
  readonly #listeners: Listener[] = []
  readonly #connections = new Set<Connection>()
  readonly #connectionsOfIp = new Map<string, number>()
  #nextConnectionId = 1
  #dispatcher: Dispatcher | null = null
  #idleTimer: Timer | null = null
  #closing = false
  #closed: Promise<void> | null = null
  #allClosed: (() => void) | null = null

  constructor(options: ServerOptions) {
    this.#options = options
    this.#memory = new RequestMemory(options.limits.maxRequestBytesInFlight)
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  get requestBytesInFlight(): number {
    return this.#memory.usedBytes
  }

  /** Binds an endpoint and begins to accept. Resolves with the port really bound. Rejects with NetError. */
  async listen(endpoint: Endpoint): Promise<Endpoint> {
    const { net } = this.#options.world
    const listener = await net.listen({ host: endpoint.host, port: endpoint.port }, socket => this.#accept(socket, endpoint.name))
    this.#listeners.push(listener)
    if (this.#idleTimer === null) this.#watchIdle()
    return { name: endpoint.name, host: endpoint.host, port: listener.port }
  }

  /** Begins to read, also what clients have sent meanwhile. */
  serve(dispatcher: Dispatcher): void {
    this.#dispatcher = dispatcher
    for (const connection of this.#connections) connection.resumeReading()
  }

  isPipelined(frame: Buffer): boolean {
    return this.#dispatcher!.isPipelined(frame)
  }

  dispatch(frame: Buffer, connection: Connection): Answer | Promise<Answer> {
    return this.#dispatcher!.dispatch(frame, connection)
  }

  /** Stops accepting, lets the requests in progress finish for at most `graceMs`, then closes what is left. Later calls wait for the first. */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs)
    return this.#closed
  }

  async #close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#idleTimer?.cancel()
    const stopped = Promise.all(this.#listeners.map(listener => listener.close()))
    for (const connection of [...this.#connections]) connection.end()
    if (this.#connections.size > 0) {
      const closed = new Promise<void>(resolve => {
        this.#allClosed = resolve
      })
      const grace = this.#options.world.clock.timer(graceMs, () => {
        for (const connection of [...this.#connections]) connection.destroy()
      })
      await closed
      grace.cancel()
    }
    await stopped
  }

  #accept(socket: Socket, listenerName: string): void {
    const refusal = this.#refusal(socket.remoteHost)
    if (refusal !== null) {
      this.#options.metrics.connectionRefused()
      this.#options.logger.warn('connection.refused', { client: `${socket.remoteHost}:${socket.remotePort}`, reason: refusal })
      socket.receive({ data: () => {}, drain: () => {}, close: () => {} })
      socket.destroy()
      return
    }
    const { world, logger, metrics, limits } = this.#options
    const connection = new Connection({
      id: this.#nextConnectionId++,
      socket,
      listenerName,
      limits,
      memory: this.#memory,
      dispatcher: this,
      logger,
      metrics,
      monotonic: () => world.clock.monotonic(),
      closed: closed => this.#forget(closed),
    })
    if (this.#dispatcher === null) connection.pauseReading()
    this.#connections.add(connection)
    this.#connectionsOfIp.set(socket.remoteHost, (this.#connectionsOfIp.get(socket.remoteHost) ?? 0) + 1)
  }

  #refusal(host: string): string | null {
    const { limits } = this.#options
    if (this.#closing) return 'the server is closing'
    if (this.#connections.size >= limits.maxConnections) return `max.connections=${limits.maxConnections} reached`
    if ((this.#connectionsOfIp.get(host) ?? 0) >= limits.maxConnectionsPerIp)
      return `max.connections.per.ip=${limits.maxConnectionsPerIp} reached`
    return null
  }

  #forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    const left = this.#connectionsOfIp.get(connection.clientHost)! - 1
    if (left === 0) this.#connectionsOfIp.delete(connection.clientHost)
    else this.#connectionsOfIp.set(connection.clientHost, left)
    if (this.#connections.size === 0) this.#allClosed?.()
  }

  #watchIdle(): void {
    const { world, limits } = this.#options
    const everyMs = Math.max(minIdleCheckMs, Math.min(memoryHolderIdleMs, limits.maxIdleMs / idleChecksPerPeriod))
    this.#idleTimer = world.clock.timer(everyMs, () => {
      this.#closeIdle(world.clock.monotonic())
      if (!this.#closing) this.#watchIdle()
    })
  }

  #closeIdle(nowMs: number): void {
    const { limits, logger } = this.#options
    for (const connection of this.#connections) {
      const idleMs = nowMs - connection.lastActiveMs
      if (connection === this.#memory.holder && idleMs > memoryHolderIdleMs)
        connection.fail(
          'connection.too-slow',
          `a request is incomplete for ${memoryHolderIdleMs} ms while others wait for memory`,
        )
      else if (idleMs > limits.maxIdleMs && !connection.isWaiting) {
        logger.info('connection.idle', {
          client: `${connection.clientHost}:${connection.clientPort}`,
          maxIdleMs: limits.maxIdleMs,
        })
        connection.destroy()
      }
    }
  }
}
