import { decodeRequest, decodeRequestHeader, ErrorCode, encodeResponse, ProtocolError } from '@millrace/protocol'
import type { World } from '@millrace/runtime'
import type { BrokerMetrics } from '../broker-metrics.ts'
import type { Answer, Connection, Dispatcher } from '../connection.ts'
import { unsupportedApiVersions } from './api-versions.ts'
import type { ApiHandler, RequestContext } from './handler.ts'
import type { ApiTable } from './table.ts'

const apiVersionsKey = 18
const minHeaderBytes = 8
const noResponse: Answer = { chunks: null, close: false }
const noResponseAndClose: Answer = { chunks: null, close: true }

/** What the dispatcher itself needs of what it hands to the handlers. */
export interface DispatchServices {
  readonly world: World
  readonly metrics: BrokerMetrics
}

/** Frame → handler → frame. What no response can say is thrown: an API or version that is not served, bytes that are no request, a handler's bug. */
export class ApiDispatcher<Services extends DispatchServices> implements Dispatcher {
  readonly #table: ApiTable<Services>
  readonly #services: Services

  constructor(table: ApiTable<Services>, services: Services) {
    this.#table = table
    this.#services = services
  }

  isPipelined(frame: Buffer): boolean {
    return frame.length >= minHeaderBytes && this.#table.handler(frame.readInt16BE(0))?.pipelined === true
  }

  dispatch(frame: Buffer, connection: Connection): Answer | Promise<Answer> {
    if (frame.length < minHeaderBytes) throw new ProtocolError(`a request of ${frame.length} bytes has no header`)
    const apiKey = frame.readInt16BE(0)
    const apiVersion = frame.readInt16BE(2)
    const handler = this.#table.handler(apiKey)
    if (handler === undefined) throw new ProtocolError(`API key ${apiKey} is not served`)
    const { min, max } = handler.versions
    if (apiVersion < min || apiVersion > max) {
      if (apiKey === apiVersionsKey) {
        this.#services.metrics.answered(handler.api, ErrorCode.UNSUPPORTED_VERSION, 0)
        return unsupportedApiVersions(frame.readInt32BE(4), handler.versions)
      }
      throw new ProtocolError(`${handler.api.name} version ${apiVersion} is not served, only ${min} to ${max}`)
    }
    const startedMs = this.#services.world.clock.monotonic()
    const { correlationId, clientId, bodyOffset } = decodeRequestHeader(frame)
    const request = decodeRequest(handler.api, apiVersion, frame, bodyOffset)
    const context = new DispatchedRequest(apiVersion, clientId, connection)
    const response = handler.handle(request, context, this.#services)
    if (response instanceof Promise)
      return response.then(settled => this.#answer(handler, context, correlationId, startedMs, settled))
    return this.#answer(handler, context, correlationId, startedMs, response)
  }

  #answer(
    handler: ApiHandler<any, any, any>,
    context: DispatchedRequest,
    correlationId: number,
    startedMs: number,
    response: { readonly errorCode?: number } | null,
  ): Answer {
    const answer = answerOf(handler, context, correlationId, response)
    const { metrics, world } = this.#services
    metrics.answered(handler.api, response?.errorCode ?? ErrorCode.NONE, world.clock.monotonic() - startedMs)
    return answer
  }
}

function answerOf(
  handler: ApiHandler<any, any, any>,
  context: DispatchedRequest,
  correlationId: number,
  response: unknown,
): Answer {
  if (response === null) return context.closes ? noResponseAndClose : noResponse
  const chunks = encodeResponse(handler.api, context.apiVersion, correlationId, response)
  return { chunks, close: context.closes, ...(context.sent ? { sent: context.sent } : {}) }
}

class DispatchedRequest implements RequestContext {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly connection: Connection
  closes = false
  sent: (() => void) | null = null

  constructor(apiVersion: number, clientId: string | null, connection: Connection) {
    this.apiVersion = apiVersion
    this.clientId = clientId
    this.connection = connection
  }

  get listenerName(): string {
    return this.connection.listenerName
  }

  closeAfterwards(): void {
    this.closes = true
  }

  whenSent(done: () => void): void {
    this.sent = done
  }
}
