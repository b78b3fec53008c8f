import { type Api, type Draft, Fetch, FetchSnapshot } from '@millrace/protocol'
import type { World } from '@millrace/runtime'
import type { RaftAddress, RaftTransport } from '../raft/raft-transport.ts'
import { formatAddress } from './address.ts'
import { PeerChannel } from './peer-channel.ts'

export interface ChannelTransportOptions {
  readonly world: World
  readonly nodeId: number
  /** `controller.quorum.request.timeout.ms`: connecting takes no longer either. */
  readonly requestTimeoutMs: number
  /** `controller.quorum.retry.backoff.ms`. */
  readonly retryBackoffMs: number
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

  request<Request, Response>(
    { host, port }: RaftAddress,
    api: Api<Request, Response>,
    body: (version: number) => Draft<Request>,
    timeoutMs: number,
  ): Promise<Response> {
    const purpose = api.key === Fetch.key || api.key === FetchSnapshot.key ? 'fetch' : 'votes'
    const channel = this.#channel({ host, port }, purpose)
    return channel.request(api, body, { timeoutMs })
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
