import {
  type Api,
  ApiVersions,
  askVersions,
  commonVersion,
  correlationIdOf,
  type Draft,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  nextCorrelationId,
  type SpokenVersions,
} from '@millrace/protocol'
import { type Address, DeadlineTimer, formatAddress, messageOf, type Socket, type World } from '@millrace/runtime'
import { PeerError } from './peer-error.ts'

export interface PeerConnectionOptions {
  readonly world: World
  readonly address: Address
  readonly clientId: string
  readonly connectTimeoutMs: number
  /** A longer answer closes the connection before memory is taken for it. */
  readonly maxResponseBytes: number
  /** Called once, when the connection is lost or closed. */
  readonly closed: () => void
  /** The socket is there; what the peer knows is not. */
  readonly begun?: (connection: PeerConnection) => void
}

interface Pending {
  readonly api: Api<any, any>
  readonly version: number
  readonly correlationId: number
  readonly deadlineMs: number
  readonly resolve: (response: any) => void
  readonly reject: (error: Error) => void
}

/**
 * One TCP connection to another node. Requests are pipelined and answered in their order; what does not fit (another correlation id, bytes
 * that are no answer, a missed deadline) closes it and fails everything in flight.
 */
export class PeerConnection {
  readonly address: Address
  readonly #options: PeerConnectionOptions
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  readonly #pending: Pending[] = []
  #versions: SpokenVersions = new Map()
  #nextCorrelationId = 0
  readonly #deadlines: DeadlineTimer
  #failure: Error | null = null

  private constructor(options: PeerConnectionOptions, socket: Socket) {
    this.#options = options
    this.address = options.address
    this.#socket = socket
    this.#splitter = new FrameSplitter(options.maxResponseBytes)
    this.#deadlines = new DeadlineTimer(options.world.clock, nowMs => this.#checkDeadlines(nowMs))
    socket.receive({
      data: bytes => this.#received(bytes),
      drain: () => {},
      close: error => this.#fail(new PeerError('PEER_DISCONNECTED', `${this.#name} closed the connection`, error)),
    })
  }

  /** Connects and learns the peer's versions. Rejects with NetError, PeerError or KafkaError. */
  static async open(options: PeerConnectionOptions): Promise<PeerConnection> {
    const { world, address, connectTimeoutMs } = options
    const socket = await world.net.connect({ host: address.host, port: address.port, timeoutMs: connectTimeoutMs })
    const connection = new PeerConnection(options, socket)
    options.begun?.(connection)
    try {
      await connection.#negotiate(connectTimeoutMs)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#failure === null
  }

  /** The highest version that both sides know. Throws KafkaError UNSUPPORTED_VERSION. */
  versionOf(api: Api<any, any>, maxVersion = Infinity): number {
    return commonVersion(api, this.#versions.get(api.key), maxVersion, this.#name)
  }

  /** Chunks of the body must not change before the answer. Rejects with PeerError, ProtocolError. */
  request<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: Draft<Request>,
    deadlineMs: number,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure
      const correlationId = this.#nextCorrelationId
      const chunks = encodeRequest(api, version, { correlationId, clientId: this.#options.clientId }, body)
      this.#nextCorrelationId = nextCorrelationId(correlationId)
      this.#pending.push({ api, version, correlationId, deadlineMs, resolve, reject })
      this.#deadlines.arm(deadlineMs)
      this.#socket.write(chunks)
    })
  }

  close(): void {
    this.#fail(new PeerError('PEER_CLOSED', `the connection to ${this.#name} was closed`))
  }

  async #negotiate(timeoutMs: number): Promise<void> {
    const { clock } = this.#options.world
    this.#versions = await askVersions((version, body) => this.request(ApiVersions, version, body, clock.monotonic() + timeoutMs))
  }

  #received(bytes: Buffer): void {
    if (this.#failure) return
    try {
      for (const frame of this.#splitter.push(bytes)) {
        this.#answer(frame)
        if (this.#failure) return
      }
    } catch (error) {
      this.#fail(new PeerError('PEER_DISCONNECTED', `${this.#name} sent what is no answer: ${messageOf(error)}`, error))
    }
  }

  #answer(frame: Buffer): void {
    const pending = this.#pending[0]
    const correlationId = correlationIdOf(frame)
    if (pending?.correlationId !== correlationId) {
      const expected = pending ? `${pending.correlationId}` : 'none'
      throw new PeerError('PEER_DISCONNECTED', `correlation id ${correlationId}, and ${expected} was expected`)
    }
    // Decoded before it leaves the queue: what can't be read fails this request with those behind it.
    const { body } = decodeResponse(pending.api, pending.version, frame)
    this.#pending.shift()
    pending.resolve(body)
  }

  #checkDeadlines(nowMs: number): number {
    let earliestMs = Infinity
    for (const { deadlineMs, api } of this.#pending) {
      if (deadlineMs <= nowMs) {
        this.#fail(new PeerError('PEER_TIMEOUT', `${this.#name} did not answer ${api.name} in time`))
        return Infinity
      }
      earliestMs = Math.min(earliestMs, deadlineMs)
    }
    return earliestMs
  }

  #fail(error: Error): void {
    if (this.#failure) return
    this.#failure = error
    this.#deadlines.cancel()
    this.#socket.destroy()
    for (const { reject } of this.#pending.splice(0)) reject(error)
    this.#options.closed()
  }

  get #name(): string {
    return formatAddress(this.address)
  }
}
