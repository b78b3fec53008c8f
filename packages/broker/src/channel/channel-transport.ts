import { type Api, type Draft, Fetch, FetchSnapshot } from '@millrace/protocol'
import { formatAddress, type World } from '@millrace/runtime'
import type { RaftAddress, RaftTransport } from '../raft/raft-transport.ts'
import { PeerChannel } from './peer-channel.ts'

export interface ChannelTransportOptions {
  readonly world: World
  readonly nodeId: number
  /** `controller.quorum.request.timeout.ms`: connecting takes no longer either. */
  readonly requestTimeoutMs: number
  /** `controller.quorum.retry.backoff.ms`. */
  readonly retryBackoffMs: number
  /** Sees the code for the whole of each answer. */
  readonly answered?: (to: RaftAddress, errorCode: number) => void
}

const maxBackoffMs = 200

/** Raft's requests over channels: two for each address, as a vote must not wait behind a fetch that the other side holds. */
export class ChannelTransport implements RaftTransport {
  readonly #options: ChannelTransportOptions
  readonly #channels = new Map<string, PeerChannel>()
  #closed = false

  constructor(options: ChannelTransportOptions) {
    this.#options = options
  }

  async request<Request, Response>(
    to: RaftAddress,
    api: Api<Request, Response>,
    body: (version: number) => Draft<Request>,
    timeoutMs: number,
  ): Promise<Response> {
    const purpose = api.key === Fetch.key || api.key === FetchSnapshot.key ? 'fetch' : 'votes'
    const response = await this.#channel({ host: to.host, port: to.port }, purpose).request(api, body, { timeoutMs })
    this.#options.answered?.(to, (response as { errorCode?: number }).errorCode ?? 0)
    return response
  }

  /** Fails what is in flight and every later request. */
  close(): void {
    this.#closed = true
    for (const channel of this.#channels.values()) channel.close()
  }

  #channel(address: { readonly host: string; readonly port: number }, purpose: string): PeerChannel {
    const key = `${formatAddress(address)} ${purpose}`
    let channel = this.#channels.get(key)
    if (!channel) {
      const { world, nodeId, requestTimeoutMs, retryBackoffMs } = this.#options
      channel = new PeerChannel({
        world,
        clientId: `raft-client-${nodeId}`,
        address: () => address,
        connectTimeoutMs: requestTimeoutMs,
        backoff: { initialMs: Math.max(1, retryBackoffMs), maxMs: Math.max(maxBackoffMs, retryBackoffMs) },
      })
      if (this.#closed) channel.close()
      this.#channels.set(key, channel)
    }
    return channel
  }
}
