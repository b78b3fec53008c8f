import { type Address, Backoff, formatAddress, type Logger, messageOf, sleep, type World } from '@millrace/runtime'
import { ClosedError, ConnectError } from '../errors.ts'
import { Connection, type ConnectionOptions } from './connection.ts'

/**
 * Why a request is sent. Brokers answer the requests of a connection one after the other: a fetch that waits for records, or a join that
 * waits for other members, must not hold up anything else.
 */
export type Purpose = 'general' | 'produce' | 'fetch' | 'coordinator'

export interface PoolOptions extends Omit<ConnectionOptions, 'address'> {
  readonly world: World
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly logger: Logger
}

interface Slot {
  connection: Connection | undefined
  opening: Promise<Connection> | undefined
}

interface Health {
  failures: number
  /** Monotonic; no attempt before. */
  retryAtMs: number
}

/** The client's connections: one per address and purpose, made when first asked for and again after a loss, with back-off per address. */
export class ConnectionPool {
  readonly #options: PoolOptions
  readonly #backoff: Backoff
  readonly #slots = new Map<string, Slot>()
  readonly #health = new Map<string, Health>()
  /** Of those who wait for a connection. */
  readonly #aborts = new Set<(error: Error) => void>()
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.world.random, {
      initialMs: options.reconnectBackoffMs,
      maxMs: options.reconnectBackoffMaxMs,
    })
  }

  /** An open connection if there is one: for paths that must not wait. */
  open(address: Address, purpose: Purpose): Connection | undefined {
    const connection = this.#slots.get(keyOf(address, purpose))?.connection
    return connection?.isOpen ? connection : undefined
  }

  /** An open connection, made if need be. Rejects with a retriable error when the broker can't be reached. */
  async connect(address: Address, purpose: Purpose): Promise<Connection> {
    if (this.#closed) throw new ClosedError('client')
    const key = keyOf(address, purpose)
    let slot = this.#slots.get(key)
    if (!slot) this.#slots.set(key, (slot = { connection: undefined, opening: undefined }))
    if (slot.connection?.isOpen) return slot.connection
    slot.opening ??= this.#untilClosed(this.#open(address, slot)).finally(() => {
      slot.opening = undefined
    })
    return slot.opening
  }

  /** Whether the last attempt to reach the address failed and the wait after it is not over. */
  isBackingOff(address: Address): boolean {
    const health = this.#health.get(formatAddress(address))
    return health !== undefined && health.retryAtMs > this.#options.world.clock.monotonic()
  }

  /** Closes all connections. Who waits for one is told at once. */
  close(): void {
    this.#closed = true
    for (const abort of this.#aborts) abort(new ClosedError('client'))
    for (const { connection } of this.#slots.values()) connection?.close()
    this.#slots.clear()
  }

  /** An attempt to connect cannot be broken off, but it need not be waited for. */
  #untilClosed(opening: Promise<Connection>): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#aborts.add(reject)
      opening.then(resolve, reject).finally(() => this.#aborts.delete(reject))
    })
  }

  async #open(address: Address, slot: Slot): Promise<Connection> {
    const { world, logger } = this.#options
    const name = formatAddress(address)
    const waitMs = (this.#health.get(name)?.retryAtMs ?? 0) - world.clock.monotonic()
    if (waitMs > 0) await sleep(world.clock, waitMs)
    if (this.#closed) throw new ClosedError('client')
    try {
      const connection = await Connection.open({ ...this.#options, address })
      if (this.#closed) {
        connection.close()
        throw new ClosedError('client')
      }
      this.#health.delete(name)
      slot.connection = connection
      return connection
    } catch (error) {
      const failures = (this.#health.get(name)?.failures ?? 0) + 1
      this.#health.set(name, { failures, retryAtMs: world.clock.monotonic() + this.#backoff.delayMs(failures) })
      if (!this.#closed) logger.warn('client.connect.failed', { broker: name, failures, error: messageOf(error) })
      throw error instanceof ClosedError ? error : new ConnectError(`No connection to ${name}: ${messageOf(error)}`, error)
    }
  }
}

function keyOf(address: Address, purpose: Purpose): string {
  return `${purpose}@${formatAddress(address)}`
}
