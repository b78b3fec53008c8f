import type { Address, World } from '@millrace/runtime'
import type { MetadataView, PeerBrokers } from '../services.ts'
import { PeerChannel } from './peer-channel.ts'

export interface PeerBrokersOptions {
  readonly world: World
  readonly nodeId: number
  readonly metadata: MetadataView
  /** Listener that brokers use among themselves. */
  readonly listenerName: string
}

/** Brokers as the committed metadata name them. */
export class MetadataPeerBrokers implements PeerBrokers {
  readonly #options: PeerBrokersOptions

  constructor(options: PeerBrokersOptions) {
    this.#options = options
  }

  channel(brokerId: number, clientId = `broker-${this.#options.nodeId}`): PeerChannel | null {
    if (this.#addressOf(brokerId) === null) return null
    const { world } = this.#options
    return new PeerChannel({ world, clientId, address: () => this.#addressOf(brokerId) })
  }

  #addressOf(brokerId: number): Address | null {
    const { metadata, listenerName } = this.#options
    for (const { id, listeners } of metadata.brokers())
      if (id === brokerId) return listeners.find(({ name }) => name === listenerName) ?? null
    return null
  }
}
