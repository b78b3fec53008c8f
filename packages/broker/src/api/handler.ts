import type { Api } from '@millrace/protocol'
import type { BrokerServices } from '../services.ts'

/** One API key: what is advertised is what is in the table of handlers, in exactly these versions. */
export interface ApiHandler<Request, Response, Services = BrokerServices> {
  readonly api: Api<Request, Response>
  readonly versions: { readonly min: number; readonly max: number }
  /**
   * The next request of this API on the same connection may start before this one is answered: `handle` makes its effect (an append) before it
   * returns its promise, so effects keep the order of the requests. All other requests of a connection run one at a time, as in Kafka.
   */
  readonly pipelined?: boolean
  /**
   * Answers in Kafka's own response shape; errors are error codes inside it. `null`: no response is sent (Produce with acks=0).
   * A thrown error closes the connection after one log line: throw only for what no response can say.
   */
  handle(request: Request, context: RequestContext, services: Services): Response | null | Promise<Response | null>
}

export interface RequestContext {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly listenerName: string
  readonly connection: ConnectionContext
  /** Asks the connection to close after the response (acks=0 with an error, …). */
  closeAfterwards(): void
  /** Calls `done` when the answer has left the process and its bytes may change; never when the connection is lost before. */
  whenSent(done: () => void): void
}

/** What lives as long as the connection. */
export interface ConnectionContext {
  readonly id: number
  readonly clientHost: string
  readonly clientPort: number
  /** Client software of ApiVersions; empty before. */
  softwareName: string
  softwareVersion: string
  /** Calls `listener` when the connection has closed or the server is closing: whoever waits on its behalf stops. Returns how to take it back. */
  whenClosed(listener: () => void): () => void
}

/** A response under construction: drafts are read-only once they are handed over. */
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
