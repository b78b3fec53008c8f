import type { BrokerServices } from '../services.ts'

export interface NodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface CurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** Who leads, for answers that refuse because this broker does not (KIP-951): the client moves there without asking for metadata. */
export class LeaderHints {
  readonly #broker: BrokerServices
  readonly #listenerName: string
  readonly #endpoints = new Map<number, NodeEndpoint>()

  constructor(broker: BrokerServices, listenerName: string) {
    this.#broker = broker
    this.#listenerName = listenerName
  }

  /** The endpoints of all leaders that were named. */
  get endpoints(): NodeEndpoint[] {
    return [...this.#endpoints.values()]
  }

  /** The partition's leader as the metadata has it; undefined when there is none. */
  of(topic: string, partition: number): CurrentLeader | undefined {
    const known = this.#broker.metadata.topic(topic)?.partitions[partition]
    if (known === undefined || known.leader < 0) return undefined
    this.#name(known.leader)
    return { leaderId: known.leader, leaderEpoch: known.leaderEpoch }
  }

  #name(nodeId: number): void {
    if (this.#endpoints.has(nodeId)) return
    for (const { id, rack, listeners } of this.#broker.metadata.brokers()) {
      const listener = id === nodeId ? listeners.find(({ name }) => name === this.#listenerName) : undefined
      if (listener) this.#endpoints.set(nodeId, { nodeId, host: listener.host, port: listener.port, rack })
    }
  }
}
