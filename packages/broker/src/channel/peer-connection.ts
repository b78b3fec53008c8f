import {
  type Api,
  ApiVersions,
  type ApiVersionsResponse,
  type Draft,
  decodeResponse,
  ErrorCode,
  encodeRequest,
  errorOf,
  FrameSplitter,
  KafkaError,
  type VersionRange,
} from '@millrace/protocol'
import { messageOf, type Socket, type Timer, type World } from '@millrace/runtime'
import { type Address, formatAddress } from './address.ts'
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

const softwareName = 'millrace'
const softwareVersion = '0.1.0'
const maxCorrelationId = 2 ** 31 - 1

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
  #versions: ReadonlyMap<number, VersionRange> = new Map()
  #nextCorrelationId = 0
  #deadlineTimer: Timer | null = null
  #timerAtMs = Infinity
  #failure: Error | null = null

  private constructor(options: PeerConnectionOptions, socket: Socket) {
    this.#options = options
    this.address = options.address
    this.#socket = socket
    this.#splitter = new FrameSplitter(options.maxResponseBytes)
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
    const ours = api.versions ?? { min: 0, max: -1 }
    const theirs = this.#versions.get(api.key)
    const version = Math.min(ours.max, theirs?.max ?? -1, maxVersion)
    if (theirs !== undefined && version >= Math.max(ours.min, theirs.min)) return version
    const known = theirs === undefined ? 'does not serve it' : `serves versions ${theirs.min} to ${theirs.max}`
    throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `${api.name} cannot be sent: ${this.#name} ${known}`)
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
      this.#nextCorrelationId = correlationId === maxCorrelationId ? 0 : correlationId + 1
      this.#pending.push({ api, version, correlationId, deadlineMs, resolve, reject })
      this.#arm(deadlineMs)
      this.#socket.write(chunks)
    })
  }

  close(): void {
    this.#fail(new PeerError('PEER_CLOSED', `the connection to ${this.#name} was closed`))
  }

  /** ApiVersions in the newest form; a node that does not know it names in the form of version 0 what it knows (KIP-511). */
  async #negotiate(timeoutMs: number): Promise<void> {
    const newest = ApiVersions.versions!.max
    let response = await this.#askVersions(newest, timeoutMs)
    if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      const theirs = response.apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key)
      response = await this.#askVersions(Math.max(0, Math.min(newest - 1, theirs?.maxVersion ?? 0)), timeoutMs)
    }
    if (response.errorCode !== ErrorCode.NONE) throw errorOf(response.errorCode)
    this.#versions = new Map(
      response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]),
    )
  }

  #askVersions(version: number, timeoutMs: number): Promise<ApiVersionsResponse> {
    const body = version >= 3 ? { clientSoftwareName: softwareName, clientSoftwareVersion: softwareVersion } : {}
    return this.request(ApiVersions, version, body, this.#options.world.clock.monotonic() + timeoutMs)
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
    const correlationId = frame.length >= 4 ? frame.readInt32BE(0) : -1
    if (pending?.correlationId !== correlationId) {
      const expected = pending ? `${pending.correlationId}` : 'none'
      throw new PeerError('PEER_DISCONNECTED', `correlation id ${correlationId}, and ${expected} was expected`)
    }
    const refused =
      pending.api.key === ApiVersions.key && frame.length >= 6 && frame.readInt16BE(4) === ErrorCode.UNSUPPORTED_VERSION
    // Decoded before it leaves the queue: what can't be read fails this request with those behind it.
    const { body } = decodeResponse(pending.api, refused ? 0 : pending.version, frame)
    this.#pending.shift()
    pending.resolve(body)
  }

  #arm(deadlineMs: number): void {
    if (deadlineMs >= this.#timerAtMs) return
    const { clock } = this.#options.world
    this.#deadlineTimer?.cancel()
    this.#timerAtMs = deadlineMs
    this.#deadlineTimer = clock.timer(Math.max(0, deadlineMs - clock.monotonic()), () => this.#checkDeadlines())
  }

  /** An answer does not move the timer: it finds out here what is still waited for. */
  #checkDeadlines(): void {
    this.#deadlineTimer = null
    this.#timerAtMs = Infinity
    const now = this.#options.world.clock.monotonic()
    let earliestMs = Infinity
    for (const { deadlineMs, api } of this.#pending) {
      if (deadlineMs <= now) {
        this.#fail(new PeerError('PEER_TIMEOUT', `${this.#name} did not answer ${api.name} in time`))
        return
      }
      earliestMs = Math.min(earliestMs, deadlineMs)
    }
    if (earliestMs < Infinity) this.#arm(earliestMs)
  }

  #fail(error: Error): void {
    if (this.#failure) return
    this.#failure = error
    this.#deadlineTimer?.cancel()
    this.#socket.destroy()
    for (const { reject } of this.#pending.splice(0)) reject(error)
    this.#options.closed()
  }

  get #name(): string {
    return formatAddress(this.address)
  }
}
