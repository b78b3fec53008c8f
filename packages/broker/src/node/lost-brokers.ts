import { type Address, formatAddress, type Logger, type Timer, type World } from '@millrace/runtime'
import type { ConnectionContext } from '../api/handler.ts'
import { PeerConnection } from '../channel/peer-connection.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'

export interface LostBrokersOptions {
  readonly world: World
  readonly logger: Logger
  readonly quorum: QuorumMember
}

/** A process that restarts its network listens again within this time. */
const secondLookMs = 100
/** A new controller hears those that live within this time. */
const settleMs = 250
const connectTimeoutMs = 2_000
const maxResponseBytes = 1024 * 1024
const refusals: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'PEER_DISCONNECTED'])

/**
 * Finds brokers whose process has ended without waiting for the end of their sessions: when the connection of a broker's heartbeats closes, and after
 * a change of the controller, its listener is tried. Only a refusal counts, twice in a row: the host is there, and nobody listens, or hangs up at once. A broker that was fenced wrongly
 * comes back with its next heartbeat.
 */
export class LostBrokers {
  readonly #options: LostBrokersOptions
  /** The connection over which a broker was heard last. */
  readonly #connections = new Map<number, number>()
  #settling: Timer | null = null
  #closed = false

  constructor(options: LostBrokersOptions) {
    this.#options = options
  }

  /** A heartbeat came over the connection. */
  heard(brokerId: number, brokerEpoch: number, connection: ConnectionContext): void {
    if (this.#connections.get(brokerId) === connection.id) return
    this.#connections.set(brokerId, connection.id)
    connection.whenClosed(() => {
      if (this.#connections.get(brokerId) !== connection.id) return
      this.#connections.delete(brokerId)
      void this.#look(brokerId, brokerEpoch)
    })
  }

  /** This node has become the active controller, or stopped being it. */
  leaderChanged(): void {
    this.#settling?.cancel()
    this.#settling = null
    if (!this.#options.quorum.active || this.#closed) return
    this.#settling = this.#options.world.clock.timer(settleMs, () => {
      for (const { id, epoch, fenced } of this.#options.quorum.metadata.brokers())
        if (!fenced && !this.#connections.has(id)) void this.#look(id, epoch)
    })
  }

  close(): void {
    this.#closed = true
    this.#settling?.cancel()
  }

  async #look(brokerId: number, brokerEpoch: number): Promise<void> {
    const { world, logger, quorum } = this.#options
    const sinceMs = world.clock.monotonic()
    const broker = quorum.metadata.image.broker(brokerId)
    if (broker === undefined || broker.fenced || broker.epoch !== brokerEpoch || broker.listeners.length === 0) return
    const address = broker.listeners[0]!
    if (!(await this.#isRefused(address))) return
    await new Promise<void>(resolve => world.clock.timer(secondLookMs, resolve))
    if (!(await this.#isRefused(address)) || !quorum.active || this.#closed) return
    logger.info('controller.broker-gone', { brokerId, epoch: brokerEpoch, why: `nobody answers on ${formatAddress(address)}` })
    quorum.active.brokerGone(brokerId, brokerEpoch, sinceMs)
  }

  /** Nobody listens, or who accepts (a proxy) hangs up before a word; silence is no answer. */
  async #isRefused(address: Address): Promise<boolean> {
    const { world } = this.#options
    const limits = { connectTimeoutMs, maxResponseBytes }
    try {
      const connection = await PeerConnection.open({ world, address, clientId: 'lost-brokers', ...limits, closed: () => {} })
      connection.close()
      return false
    } catch (error) {
      return refusals.has((error as { code?: string }).code ?? '')
    }
  }
}
