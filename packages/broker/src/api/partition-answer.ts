import { ErrorCode } from '@millrace/protocol'
import type { Random } from '@millrace/runtime'
import type { BrokerMetadata, MetadataView, PartitionMetadata } from '../services.ts'

/** What a client on one listener can reach. */
export class ReachableBrokers {
  readonly #listenerName: string
  readonly #registered = new Set<number>()
  readonly #reachable = new Set<number>()
  /** Unfenced, with their address on this listener. */
  readonly endpoints: { readonly broker: BrokerMetadata; readonly host: string; readonly port: number }[] = []

  constructor(metadata: MetadataView, listenerName: string) {
    this.#listenerName = listenerName
    for (const broker of metadata.brokers()) {
      this.#registered.add(broker.id)
      const endpoint = broker.fenced ? undefined : this.addressOf(broker)
      if (!endpoint) continue
      this.#reachable.add(broker.id)
      this.endpoints.push({ broker, ...endpoint })
    }
  }

  /** Any of them: clients send what is for the controller to a broker, which passes it on. -1: there is none. */
  anyId(random: Random): number {
    return this.endpoints.length === 0 ? -1 : this.endpoints[random.below(this.endpoints.length)]!.broker.id
  }

  addressOf(broker: BrokerMetadata): { host: string; port: number } | undefined {
    const listener = broker.listeners.find(({ name }) => name === this.#listenerName)
    return listener && { host: listener.host, port: listener.port }
  }

  has(brokerId: number): boolean {
    return this.#reachable.has(brokerId)
  }

  /** Error of a partition whose leader is this one: NONE, LEADER_NOT_AVAILABLE, or LISTENER_NOT_FOUND where the client knows that code. */
  leaderError({ leader }: PartitionMetadata, knowsListenerNotFound: boolean): number {
    if (this.#reachable.has(leader)) return ErrorCode.NONE
    return knowsListenerNotFound && this.#registered.has(leader) ? ErrorCode.LISTENER_NOT_FOUND : ErrorCode.LEADER_NOT_AVAILABLE
  }
}
