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
import { type Address, DeadlineTimer, formatAddress, type Logger, messageOf, type Socket, type World } from '@millrace/runtime'
import { DisconnectedError, TimeoutError } from '../errors.ts'

export interface ConnectionOptions {
  readonly world: World
  readonly address: Address
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Requests on the wire at a time; more wait in the order of their calls. */
  readonly maxInFlightRequests: number
  /** A longer answer is refused before memory is taken for it, and the connection closed. */
  readonly maxResponseBytes: number
  readonly logger: Logger
}

export interface RequestOptions {
  /** From the call to the answer; default `requestTimeoutMs`. When it passes, the connection is closed: a late answer would meet no reader. */
  readonly timeoutMs?: number
  /** False for produce with acks=0, which has no answer: resolves, with undefined, when the socket has taken it. */
  readonly expectResponse?: boolean
  /** Highest version to use, where the content asks for a lower one than both sides know. */
  readonly maxVersion?: number
}

/** A body that depends on the version that was agreed. */
export type Body<Request> = Draft<Request> | BodyOfVersion<Request>
type BodyOfVersion<Request> = (version: number) => Draft<Request>

interface Pending {
  readonly api: Api<any, any>
  readonly version: number
  readonly correlationId: number
  readonly deadlineMs: number
  readonly chunks: Uint8Array[] | null
  readonly resolve: (response: any) => void
  readonly reject: (error: Error) => void
}

/**
 * One TCP connection to a broker. Requests are pipelined; answers come in the order of the requests, and anything else (another correlation
 * id, an oversized or undecodable frame, a missed deadline) closes the connection and fails what is in flight.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  /** On the wire, oldest first. */
  readonly #inFlight: Pending[] = []
  /** Behind the in-flight cap. */
  readonly #waiting: Pending[] = []
  /** Requests without an answer that wait for the socket: what holds back a sender that nobody answers. */
  #undrained: { resolve: (nothing: undefined) => void; reject: (error: Error) => void }[] = []
  #versions: SpokenVersions = new Map()
  #correlationId = 0
  readonly #deadlines: DeadlineTimer
  #closed: Error | undefined
  #onClose: (() => void) | undefined

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options
    this.#socket = socket
    this.#splitter = new FrameSplitter(options.maxResponseBytes)
    this.#deadlines = new DeadlineTimer(options.world.clock, nowMs => this.#checkDeadlines(nowMs))
    socket.receive({
      data: bytes => this.#received(bytes),
      drain: () => this.#drained(),
      close: error => this.#fail(new DisconnectedError(`${this.#name()} closed the connection`, error)),
    })
  }

  /** Connects and agrees on versions. Throws a NetError, DisconnectedError, TimeoutError or KafkaError. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { world, address, connectTimeoutMs } = options
    const socket = await world.net.connect({ ...address, timeoutMs: connectTimeoutMs })
    const connection = new Connection(options, socket)
    try {
      await connection.#negotiate()
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  get isOpen(): boolean {
    return this.#closed === undefined
  }

  /** Requests that have no answer yet. */
  get outstanding(): number {
    return this.#inFlight.length + this.#waiting.length
  }

  /** Called once when the connection is lost or closed. */
  set onClose(listener: () => void) {
    this.#onClose = listener
  }

  /** The version to speak: the highest that both sides know. Throws KafkaError UNSUPPORTED_VERSION. */
  versionOf(api: Api<any, any>, maxVersion = Infinity): number {
    return commonVersion(api, this.#versions.get(api.key), maxVersion, this.#name())
  }

  supports(api: Api<any, any>, minVersion = 0): boolean {
    const range = this.#versions.get(api.key)
    return range !== undefined && range.max >= minVersion && range.min <= (api.versions?.max ?? -1)
  }

  /**
   * Sends and waits for the answer; without one, until the socket takes more. Chunks of the body belong to the connection until then: they must not change.
   * Rejects with KafkaError UNSUPPORTED_VERSION, DisconnectedError, TimeoutError or a ProtocolError.
   */
  request<Request, Response>(api: Api<Request, Response>, body: Body<Request>, options: RequestOptions = {}): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#closed
      this.#enqueue(api, this.versionOf(api, options.maxVersion), body, options, resolve, reject)
    })
  }

  close(): void {
    this.#fail(new DisconnectedError(`The connection to ${this.#name()} was closed`))
  }

  #enqueue<Request>(
    api: Api<Request, any>,
    version: number,
    body: Body<Request>,
    { timeoutMs = this.#options.requestTimeoutMs, expectResponse = true }: RequestOptions,
    resolve: (response: any) => void,
    reject: (error: Error) => void,
  ): void {
    const correlationId = this.#correlationId
    this.#correlationId = nextCorrelationId(correlationId)
    const draft = typeof body === 'function' ? (body as BodyOfVersion<Request>)(version) : body
    const chunks = encodeRequest(api, version, { correlationId, clientId: this.#options.clientId }, draft)
    if (!expectResponse) {
      if (this.#socket.write(chunks)) resolve(undefined)
      else this.#undrained.push({ resolve, reject })
      return
    }
    const deadlineMs = this.#options.world.clock.monotonic() + timeoutMs
    const mayGo = this.#inFlight.length < this.#options.maxInFlightRequests
    const pending: Pending = { api, version, correlationId, deadlineMs, chunks: mayGo ? null : chunks, resolve, reject }
    if (mayGo) {
      this.#inFlight.push(pending)
      this.#socket.write(chunks)
    } else {
      this.#waiting.push(pending)
    }
    this.#deadlines.arm(deadlineMs)
  }

  async #negotiate(): Promise<void> {
    this.#versions = await askVersions(
      (version, body) =>
        new Promise((resolve, reject) => {
          if (this.#closed) throw this.#closed
          this.#enqueue(ApiVersions, version, body, {}, resolve, reject)
        }),
    )
  }

  #drained(): void {
    const waiters = this.#undrained
    this.#undrained = []
    for (const { resolve } of waiters) resolve(undefined)
  }

  #received(bytes: Buffer): void {
    if (this.#closed) return
    try {
      for (const frame of this.#splitter.push(bytes)) {
        this.#answer(frame)
        if (this.#closed) return
      }
    } catch (error) {
      this.#options.logger.warn('client.connection.bad-response', { broker: this.#name(), error: messageOf(error) })
      this.#fail(error as Error)
    }
  }

  #answer(frame: Buffer): void {
    const pending = this.#inFlight[0]
    const correlationId = correlationIdOf(frame)
    if (!pending || pending.correlationId !== correlationId) {
      const expected = pending ? `correlation id ${pending.correlationId}` : 'no answer'
      throw new DisconnectedError(`${this.#name()} sent an answer with correlation id ${correlationId}, expected was ${expected}`)
    }
    // Decoded before it leaves the queue: a frame that can't be read fails this request together with those behind it.
    const { body } = decodeResponse(pending.api, pending.version, frame)
    this.#inFlight.shift()
    const next = this.#waiting.shift()
    if (next) {
      this.#inFlight.push(next)
      this.#socket.write(next.chunks!)
    }
    pending.resolve(body)
  }

  #checkDeadlines(nowMs: number): number {
    let earliestMs = Infinity
    for (const queue of [this.#inFlight, this.#waiting])
      for (const { deadlineMs, api } of queue) {
        if (deadlineMs <= nowMs) {
          this.#fail(new TimeoutError(`${this.#name()} did not answer a ${api.name} request in time`))
          return Infinity
        }
        earliestMs = Math.min(earliestMs, deadlineMs)
      }
    return earliestMs
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.#closed = error
    this.#deadlines.cancel()
    this.#socket.destroy()
    for (const { reject } of [...this.#inFlight.splice(0), ...this.#waiting.splice(0), ...this.#undrained.splice(0)])
      reject(error)
    this.#onClose?.()
  }

  #name(): string {
    return formatAddress(this.#options.address)
  }
}
