import type { Api, Draft } from '@millrace/protocol'
import { KafkaError } from '@millrace/protocol'
import {
  type Address,
  Backoff,
  type BackoffOptions,
  DeadlineTimer,
  formatAddress,
  messageOf,
  sameAddress,
  type Timer,
  type World,
} from '@millrace/runtime'
import { PeerConnection } from './peer-connection.ts'
import { PeerError } from './peer-error.ts'

export interface PeerChannelOptions {
  readonly world: World
  /** Where the peer is now; asked at every request, so that a peer that moves is followed. Null: not known at present. */
  readonly address: () => Address | null
  /** Named in the header of every request. */
  readonly clientId: string
  /** Of a request that does not say. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Default 50 to 1,000. */
  readonly backoff?: BackoffOptions
  /** Default 256 MiB. */
  readonly maxResponseBytes?: number
}

export interface PeerRequestOptions {
  /** From the call to the answer, connecting included. */
  readonly timeoutMs?: number
  /** Where the content asks for a lower version than both sides know. */
  readonly maxVersion?: number
}

/** A body, or how it looks in the version that was agreed. */
export type PeerBody<Request> = Draft<Request> | BodyOfVersion<Request>
type BodyOfVersion<Request> = (version: number) => Draft<Request>

interface Waiting {
  readonly deadlineMs: number
  readonly go: (connection: PeerConnection) => void
  readonly reject: (error: Error) => void
}

const defaultRequestTimeoutMs = 30_000
const defaultConnectTimeoutMs = 10_000
const defaultBackoff = { initialMs: 50, maxMs: 1_000 }
const defaultMaxResponseBytes = 256 * 1024 * 1024

/**
 * Requests to one node over one connection, which is made on demand, and after a loss made again with back-off. Requests are pipelined: whoever
 * sends one that the peer may hold (a fetch) has a channel of its own.
 */
export class PeerChannel {
  readonly #options: PeerChannelOptions
  readonly #backoff: Backoff
  /** Attempts in a row that failed. */
  #failures = 0
  #connection: PeerConnection | null = null
  #connecting: Address | null = null
  /** Connected, and asked what it knows. */
  #begun: PeerConnection | null = null
  #connectNotBeforeMs = 0
  #attempt: Timer | null = null
  #waiting: Waiting[] = []
  /** Ends requests that find no connection in time, while connecting may go on for those behind. */
  readonly #expiry: DeadlineTimer
  #closed = false

  constructor(options: PeerChannelOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.world.random, options.backoff ?? defaultBackoff)
    this.#expiry = new DeadlineTimer(options.world.clock, nowMs => this.#endLate(nowMs))
  }

  /**
   * Sends when there is a connection, and resolves with the answer. Chunks of the body must not change before that. Rejects with a PeerError
   * (lost, refused, too late, closed), or a KafkaError UNSUPPORTED_VERSION when no version suits both.
   */
  request<Request, Response>(
    api: Api<Request, Response>,
    body: PeerBody<Request>,
    { timeoutMs = this.#options.requestTimeoutMs ?? defaultRequestTimeoutMs, maxVersion }: PeerRequestOptions = {},
  ): Promise<Response> {
    if (this.#closed) return Promise.reject(new PeerError('PEER_CLOSED', 'this channel is closed'))
    const deadlineMs = this.#nowMs + timeoutMs
    const send = (connection: PeerConnection): Promise<Response> => {
      const version = connection.versionOf(api, maxVersion)
      const draft = typeof body === 'function' ? (body as BodyOfVersion<Request>)(version) : body
      return connection.request(api, version, draft, deadlineMs)
    }
    const address = this.#options.address()
    if (address === null) return Promise.reject(new PeerError('PEER_UNREACHABLE', 'the address of the peer is not known'))
    if (this.#connection && !sameAddress(this.#connection.address, address)) this.#leave(this.#connection)
    if (this.#connection) {
      try {
        return send(this.#connection)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return new Promise((resolve, reject) => {
      const go = (connection: PeerConnection) => {
        try {
          send(connection).then(resolve, reject)
        } catch (error) {
          reject(error)
        }
      }
      this.#waiting.push({ deadlineMs, go, reject })
      this.#connect()
      this.#expiry.arm(deadlineMs)
    })
  }

  get isConnected(): boolean {
    return this.#connection !== null
  }

  /** The peer is at `address` now, or nowhere: fails what is in flight elsewhere (PEER_CLOSED). The next request connects where the peer is then. */
  leaveUnless(address: Address | null): void {
    if (this.#connection && (address === null || !sameAddress(this.#connection.address, address))) this.#leave(this.#connection)
  }

  /** Fails what is in flight and every later request. */
  close(): void {
    this.#closed = true
    this.#attempt?.cancel()
    this.#expiry.cancel()
    this.#begun?.close()
    this.#connection?.close()
    this.#failWaiting(new PeerError('PEER_CLOSED', 'this channel is closed'))
  }

  get #nowMs(): number {
    return this.#options.world.clock.monotonic()
  }

  /** The peer is elsewhere now: no reason to wait before connecting there. */
  #leave(connection: PeerConnection): void {
    this.#connection = null
    connection.close()
  }

  #connect(): void {
    if (this.#connecting !== null || this.#attempt !== null) return
    const delayMs = this.#connectNotBeforeMs - this.#nowMs
    if (delayMs > 0) {
      this.#attempt = this.#options.world.clock.timer(delayMs, () => {
        this.#attempt = null
        this.#connect()
      })
      return
    }
    // Whoever asked may have given up meanwhile.
    if (this.#waiting.length === 0) return
    const address = this.#options.address()
    if (address === null) this.#failWaiting(new PeerError('PEER_UNREACHABLE', 'the address of the peer is not known'))
    else void this.#open(address)
  }

  async #open(address: Address): Promise<void> {
    const {
      world,
      clientId,
      connectTimeoutMs = defaultConnectTimeoutMs,
      maxResponseBytes = defaultMaxResponseBytes,
    } = this.#options
    this.#connecting = address
    let opened: PeerConnection | null = null
    const closed = () => {
      if (this.#connection !== opened || opened === null) return
      this.#connection = null
      this.#connectNotBeforeMs = this.#nowMs + this.#backoff.delayMs(++this.#failures)
    }
    try {
      const begun = (connection: PeerConnection) => {
        this.#begun = connection
        if (this.#closed) connection.close()
      }
      opened = await PeerConnection.open({ world, address, clientId, connectTimeoutMs, maxResponseBytes, closed, begun })
    } catch (error) {
      this.#connecting = null
      this.#connectNotBeforeMs = this.#nowMs + this.#backoff.delayMs(++this.#failures)
      this.#failWaiting(
        error instanceof KafkaError
          ? error
          : new PeerError('PEER_UNREACHABLE', `${formatAddress(address)} cannot be reached: ${messageOf(error)}`, error),
      )
      return
    } finally {
      this.#begun = null
    }
    this.#connecting = null
    if (this.#closed) {
      opened.close()
      return
    }
    this.#connection = opened
    this.#failures = 0
    for (const { go } of this.#waiting.splice(0)) go(opened)
  }

  #failWaiting(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  #endLate(nowMs: number): number {
    const late = this.#waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs)
    this.#waiting = this.#waiting.filter(({ deadlineMs }) => deadlineMs > nowMs)
    for (const { reject } of late) reject(new PeerError('PEER_TIMEOUT', 'the peer could not be reached in time'))
    return Math.min(...this.#waiting.map(({ deadlineMs }) => deadlineMs))
  }
}
