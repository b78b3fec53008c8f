import { type Api, Envelope, ErrorCode, errorOf, KafkaError } from '@millrace/protocol'
import { type Address, type Clock, MillraceError, messageOf, sleep, type World } from '@millrace/runtime'
import type { ControllerClient, RequestOrigin } from '../services.ts'
import { unwrapResponse, wrapRequest } from './envelope.ts'
import { PeerChannel } from './peer-channel.ts'
import { PeerError } from './peer-error.ts'

/** The active controller in this process. Rejects with KafkaError NOT_CONTROLLER when it is none any more. */
export interface LocalController {
  request(api: Api<any, any>, version: number, request: unknown, origin?: RequestOrigin): Promise<unknown>
}

export interface ControllerClientOptions {
  readonly world: World
  readonly nodeId: number
  /** The active controller if it is in this process. */
  readonly local: () => LocalController | null
  /** Where the active controller listens if it is on another node; null while nobody is known to lead. */
  readonly remote: () => Address | null
  /** One attempt fails after so long. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** A request that finds no active controller for so long fails. Default 60,000. */
  readonly deadlineMs?: number
  /** Wait before the active controller is looked for again. Default 50. */
  readonly retryBackoffMs?: number
}

/** Each sort of request has a connection of its own, so that a heartbeat does not wait behind the creation of a thousand topics. */
type Purpose = 'lifecycle' | 'partitions' | 'directories' | 'forwarding'
const purposes: Readonly<Record<string, Purpose>> = {
  BrokerRegistration: 'lifecycle',
  BrokerHeartbeat: 'lifecycle',
  ControllerRegistration: 'lifecycle',
  AlterPartition: 'partitions',
  AssignReplicasToDirs: 'directories',
}

const ownOrigin: RequestOrigin = { clientId: null, connection: { clientHost: '127.0.0.1' } }

/** Finds the active controller, here or elsewhere, and asks again where it has moved. */
export class ClusterControllerClient implements ControllerClient {
  readonly #options: ControllerClientOptions
  readonly #clock: Clock
  readonly #channels = new Map<Purpose, PeerChannel>()
  #closed = false

  constructor(options: ControllerClientOptions) {
    this.#options = options
    this.#clock = options.world.clock
  }

  async request<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    origin?: RequestOrigin,
    options: { readonly deadlineMs?: number } = {},
  ): Promise<Response> {
    const { retryBackoffMs = 50, deadlineMs = 60_000 } = this.#options
    const endMs = this.#clock.monotonic() + (options.deadlineMs ?? deadlineMs)
    for (;;) {
      if (this.#closed) throw new KafkaError(ErrorCode.NOT_CONTROLLER, 'this node is closing')
      const leftMs = endMs - this.#clock.monotonic()
      let reason: unknown
      try {
        const response = await this.#attempt(api, version, request, origin, leftMs)
        if (response !== null) return response
      } catch (error) {
        if (!mayBeElsewhere(error)) throw error
        reason = error
      }
      if (endMs - this.#clock.monotonic() <= retryBackoffMs) {
        const why = reason === undefined ? 'no active controller is known' : messageOf(reason)
        throw new KafkaError(ErrorCode.REQUEST_TIMED_OUT, `${api.name} was not answered by an active controller: ${why}`)
      }
      await sleep(this.#clock, retryBackoffMs)
    }
  }

  /** Who leads may have changed: what waits for another one than the active controller is asked again. While nobody is known, the one before may still answer. */
  controllerMoved(): void {
    const { local, remote } = this.#options
    const address = remote()
    if (address === null && !local()) return
    for (const channel of this.#channels.values()) channel.leaveUnless(address)
  }

  /** Fails what waits. */
  close(): void {
    this.#closed = true
    for (const channel of this.#channels.values()) channel.close()
  }

  /** Null: nobody leads, as far as this node knows. */
  async #attempt<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    origin: RequestOrigin | undefined,
    leftMs: number,
  ): Promise<Response | null> {
    const { local, remote, requestTimeoutMs = 30_000 } = this.#options
    const controller = local()
    if (controller) return (await controller.request(api, version, request, origin)) as Response
    if (remote() === null) return null
    const timeoutMs = Math.max(1, Math.min(leftMs, requestTimeoutMs))
    if (api.forwarded && api.listeners.includes('broker'))
      return this.#forward(api, version, request, origin ?? ownOrigin, timeoutMs)
    const response = await this.#channel(api).request(api, request as never, { timeoutMs, maxVersion: version })
    const { errorCode } = response as { errorCode?: number }
    if (errorCode === ErrorCode.NOT_CONTROLLER) throw errorOf(errorCode)
    return response
  }

  async #forward<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    origin: RequestOrigin,
    timeoutMs: number,
  ): Promise<Response> {
    const envelope = wrapRequest(api, version, request, origin)
    const { errorCode, responseData } = await this.#channel(api).request(Envelope, envelope, { timeoutMs })
    if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode)
    if (responseData === null)
      throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, `the controller's answer to ${api.name} is empty`)
    return unwrapResponse(api, version, responseData)
  }

  #channel(api: Api<any, any>): PeerChannel {
    const purpose = purposes[api.name] ?? 'forwarding'
    let channel = this.#channels.get(purpose)
    if (!channel) {
      const { world, nodeId, remote } = this.#options
      channel = new PeerChannel({ world, clientId: `node-${nodeId}-to-controller-${purpose}`, address: remote })
      this.#channels.set(purpose, channel)
    }
    return channel
  }
}

/** The controller has moved, or went away before it answered: another one may answer. */
function mayBeElsewhere(error: unknown): boolean {
  if (error instanceof PeerError) return true
  if (error instanceof KafkaError) return error.errorCode === ErrorCode.NOT_CONTROLLER
  return error instanceof MillraceError && error.retriable
}
