import type { Api, Draft } from '@millrace/protocol'

export interface RaftAddress {
  /** -1: a bootstrap server, whose id is not known. */
  readonly id: number
  readonly host: string
  readonly port: number
}

/** Requests to the controller listeners of other nodes. */
export interface RaftTransport {
  /**
   * `body` is made for the version that both sides speak. Rejects when there is no answer within `timeoutMs`, connecting included; with the
   * code `PEER_UNREACHABLE` when nobody listens there.
   * Requests to one address may overlap and be answered in any order.
   */
  request<Request, Response>(
    to: RaftAddress,
    api: Api<Request, Response>,
    body: (version: number) => Draft<Request>,
    timeoutMs: number,
  ): Promise<Response>
}
