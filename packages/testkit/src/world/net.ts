import { crc32 } from 'node:zlib'
import { type ConnectOptions, type Listener, type ListenOptions, type Net, NetError, type Socket } from '@millrace/runtime'
import { Connection, type End } from './connection.ts'
import type { SeededRandom } from './random.ts'
import type { Scheduler } from './scheduler.ts'

export interface NetFaults {
  /** Mean one-way latency. */
  latencyMs: number
  /** Probability that a chunk cuts its connection instead of arriving. */
  cutProbability: number
  /** Upper bound of a delivered chunk: streams arrive in arbitrary pieces. */
  maxChunkBytes: number
}

/** A process on the network: what it listens on and what it holds open dies with it. */
export interface Host {
  readonly name: string
  readonly alive: () => boolean
  /** The process is stopped until this time: what arrives waits. */
  readonly pausedUntilMs: () => number
}

/** Byte streams between hosts with TCP's semantics: in order within a connection, never doubled, cut at any byte, independent across connections. */
export class SimulatedNet {
  readonly faults: NetFaults = { latencyMs: 0.3, cutProbability: 0, maxChunkBytes: 64 * 1024 }
  readonly #scheduler: Scheduler
  readonly #random: SeededRandom
  readonly #listeners = new Map<string, { host: Host; accept: (socket: Socket) => void }>()
  readonly #connections = new Set<Connection>()
  /** Direction → who blocks it. */
  readonly #blocked = new Map<string, Set<object>>()
  /** Connections whose one end is gone without the other having heard of it. */
  readonly #orphans = new Map<Connection, { readonly gone: Host; readonly rest: End }>()
  /** Hosts without power: nobody refuses a connection there. */
  readonly #dark = new Set<string>()
  readonly #slowness = new Map<string, number>()
  #nextPort = 40_000
  #trace = 0

  constructor(scheduler: Scheduler, random: SeededRandom) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** A hash of every byte that was delivered, when and to whom: two runs of one seed have the same. */
  get traceHash(): string {
    return this.#trace.toString(16).padStart(8, '0')
  }

  /** Takes a delivery into the trace. */
  record(host: string, bytes: Uint8Array): void {
    this.#trace = crc32(bytes, crc32(`${this.#scheduler.nowMs} ${host}`, this.#trace))
  }

  /** Open connections, for leak checks at rest. */
  get openConnections(): number {
    return this.describeConnections().length
  }

  /** Who made each of them, and to whom. */
  describeConnections(): string[] {
    // An end that is closed may still have to hear of it.
    const open = [...this.#connections].filter(({ client, server }) => !client.closed || !server.closed)
    return open.map(({ client, server }) => `${client.host.name} to ${server.host.name}:${client.remotePort}`)
  }

  /** Nothing travels from one host to another any more, in this direction; connections stall, new ones time out. Gives how to end it; blocks add up. */
  block(from: string, to: string): () => void {
    const direction = `${from}>${to}`
    const blocks = this.#blocked.get(direction) ?? new Set()
    const block = {}
    blocks.add(block)
    this.#blocked.set(direction, blocks)
    return () => {
      if (!blocks.delete(block) || blocks.size > 0 || this.#blocked.get(direction) !== blocks) return
      this.#blocked.delete(direction)
      this.#resume()
    }
  }

  /** What comes from or goes to the host takes longer, by this mean; 0 ends it. */
  slow(host: string, extraLatencyMs: number): void {
    if (extraLatencyMs > 0) this.#slowness.set(host, extraLatencyMs)
    else this.#slowness.delete(host)
  }

  heal(): void {
    this.#blocked.clear()
    this.#slowness.clear()
    this.#dark.clear()
    this.#resume()
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`)
  }

  /** Cuts every connection between the two hosts (either order), or of one host. */
  cut(host: string, other?: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.touches(host) && (other === undefined || connection.touches(other))) connection.fail('ECONNRESET')
    }
  }

  /**
   * The process is gone: its listeners and connections with it. Peers see a reset, unless the machine has lost its power or nothing travels to
   * them: they hear of it when the machine is up again, or the link.
   */
  removeHost(host: Host, lostPower = false): void {
    for (const [address, listener] of [...this.#listeners]) if (listener.host === host) this.#listeners.delete(address)
    if (lostPower) this.#dark.add(host.name)
    for (const connection of [...this.#connections]) {
      if (!connection.belongsTo(host)) continue
      const { client, server } = connection
      const [own, rest] = client.host === host ? [client, server] : [server, client]
      own.closeWith(new NetError('ECONNRESET', 'socket: ECONNRESET'))
      this.#orphans.set(connection, { gone: host, rest })
    }
    this.#resume()
  }

  /** The network as one process sees it. */
  open(host: Host): Net {
    if (this.#dark.delete(host.name)) this.#resume()
    return {
      listen: (options, accept) => this.#listen(host, options, accept),
      connect: options => this.#connect(host, options),
    }
  }

  /** How long a piece takes between the two. */
  delayMs(from: Host, to: Host): number {
    const extra = this.#slowness.size === 0 ? 0 : (this.#slowness.get(from.name) ?? 0) + (this.#slowness.get(to.name) ?? 0)
    return 0.02 + this.#random.exponential(this.faults.latencyMs + extra)
  }

  get random(): SeededRandom {
    return this.#random
  }

  get scheduler(): Scheduler {
    return this.#scheduler
  }

  /** Calls `run` in the host's process when it is not stopped; never after its death. */
  whenAwake(host: Host, run: () => void): void {
    if (this.#scheduler.nowMs < host.pausedUntilMs()) this.#scheduler.at(host.pausedUntilMs(), () => this.whenAwake(host, run))
    else if (host.alive()) run()
  }

  /** Something may travel again. */
  #resume(): void {
    for (const [connection, { gone, rest }] of [...this.#orphans]) {
      if (this.#dark.has(gone.name) || this.isBlocked(gone.name, rest.host.name)) continue
      this.#orphans.delete(connection)
      rest.closeWith(new NetError('ECONNRESET', 'socket: ECONNRESET'))
    }
    for (const connection of this.#connections) connection.pump()
  }

  #listen(host: Host, { host: address, port }: ListenOptions, accept: (socket: Socket) => void): Promise<Listener> {
    const bound = port === 0 ? this.#nextPort++ : port
    const key = `${host.name}:${bound}`
    if (this.#listeners.has(key)) return Promise.reject(new NetError('EADDRINUSE', `listen ${address}:${bound}: EADDRINUSE`))
    this.#listeners.set(key, { host, accept })
    return Promise.resolve({
      host: address,
      port: bound,
      close: () => {
        this.#listeners.delete(key)
        return Promise.resolve()
      },
    })
  }

  #connect(host: Host, { host: to, port, timeoutMs }: ConnectOptions): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const fail = (code: string, afterMs: number) =>
        this.#scheduler.after(afterMs, () =>
          this.whenAwake(host, () => reject(new NetError(code, `connect ${to}:${port}: ${code}`))),
        )
      if (this.#dark.has(to) || this.isBlocked(host.name, to) || this.isBlocked(to, host.name)) {
        fail('ETIMEDOUT', timeoutMs)
        return
      }
      const attempt = () => {
        const listener = this.#listeners.get(`${to}:${port}`)
        if (!listener?.host.alive()) {
          fail('ECONNREFUSED', 0)
          return
        }
        // Both ends are taken up in the tick in which they are handed out.
        const pausedUntilMs = Math.max(host.pausedUntilMs(), listener.host.pausedUntilMs())
        if (this.#scheduler.nowMs < pausedUntilMs) {
          this.#scheduler.at(pausedUntilMs, () => host.alive() && attempt())
          return
        }
        const connection = new Connection(this, host, listener.host, port, this.#nextPort++)
        this.#connections.add(connection)
        connection.whenClosed(() => this.#connections.delete(connection))
        listener.accept(connection.server)
        resolve(connection.client)
      }
      const roundTripMs = this.delayMs(host, host) * 2
      if (roundTripMs > timeoutMs) fail('ETIMEDOUT', timeoutMs)
      else this.#scheduler.after(roundTripMs, () => host.alive() && attempt())
    })
  }
}
