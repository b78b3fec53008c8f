import { crc32 } from 'node:zlib'
import {
  type ConnectOptions,
  type Listener,
  type ListenOptions,
  type Net,
  NetError,
  type Socket,
  type SocketEvents,
} from '@millrace/runtime'
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

const highWaterBytes = 64 * 1024

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
      this.#scheduler.after(this.delayMs(host, host) * 2, () => host.alive() && attempt())
    })
  }
}

class Connection {
  readonly client: End
  readonly server: End
  readonly hostNames: readonly string[]
  #closed: (() => void)[] = []

  constructor(net: SimulatedNet, from: Host, to: Host, port: number, localPort: number) {
    this.client = new End(net, this, from, to, port, localPort)
    this.server = new End(net, this, to, from, localPort, port)
    this.client.peer = this.server
    this.server.peer = this.client
    this.hostNames = [from.name, to.name]
  }

  touches(name: string): boolean {
    return this.client.host.name === name || this.server.host.name === name
  }

  belongsTo(host: Host): boolean {
    return this.client.host === host || this.server.host === host
  }

  whenClosed(run: () => void): void {
    this.#closed.push(run)
  }

  pump(): void {
    this.client.pump()
    this.server.pump()
  }

  /** Both ends see the cut, each after a delay of its own. */
  fail(code: string): void {
    this.client.closeWith(new NetError(code, `socket: ${code}`))
    this.server.closeWith(new NetError(code, `socket: ${code}`))
  }

  endClosed(): void {
    if (this.client.closed && this.server.closed) for (const run of this.#closed.splice(0)) run()
  }
}

/** One end of a connection: what it writes travels to the peer in pieces, each after a latency, in order. */
class End implements Socket {
  readonly remoteHost: string
  readonly remotePort: number
  readonly localPort: number
  readonly host: Host
  peer!: End
  closed = false
  readonly #net: SimulatedNet
  readonly #connection: Connection
  readonly #outgoing: Buffer[] = []
  #outgoingBytes = 0
  #travelling = false
  #ending = false
  #needDrain = false
  #events: SocketEvents | null = null
  #paused = false
  readonly #arrived: Buffer[] = []

  constructor(net: SimulatedNet, connection: Connection, host: Host, remote: Host, remotePort: number, localPort: number) {
    this.#net = net
    this.#connection = connection
    this.host = host
    this.remoteHost = remote.name
    this.remotePort = remotePort
    this.localPort = localPort
  }

  get bufferedBytes(): number {
    return this.#outgoingBytes
  }

  receive(events: SocketEvents): void {
    this.#events = events
  }

  write(chunks: readonly Uint8Array[]): boolean {
    // A process may be dead in the middle of a tick.
    if (this.closed || this.#ending || !this.host.alive()) return true
    for (const chunk of chunks) {
      if (chunk.length === 0) continue
      // Not copied before it leaves: who changes the bytes too early is found out.
      this.#outgoing.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
      this.#outgoingBytes += chunk.length
    }
    this.pump()
    if (this.#outgoingBytes > highWaterBytes) this.#needDrain = true
    return !this.#needDrain
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#net.scheduler.after(0, () => {
      this.#deliver()
      this.peer.pump()
    })
  }

  end(): void {
    if (this.closed || this.#ending || !this.host.alive()) return
    this.#ending = true
    this.pump()
  }

  destroy(): void {
    if (!this.host.alive()) return
    this.closeWith(undefined)
    this.peer.closeWith(new NetError('ECONNRESET', 'socket: ECONNRESET'))
  }

  closeWith(error: Error | undefined): void {
    if (this.closed) return
    this.closed = true
    this.#net.scheduler.after(this.#delayMs(), () => {
      this.#net.whenAwake(this.host, () => this.#events?.close(error))
      this.#connection.endClosed()
    })
  }

  /** Sends the next piece, if none is on its way and the peer takes any. */
  pump(): void {
    if (this.#travelling || this.closed) return
    if (this.#net.isBlocked(this.host.name, this.peer.host.name) || this.peer.#arrived.length > 16) return
    if (this.#outgoing.length === 0) {
      if (this.#ending) this.#finish()
      return
    }
    this.#travelling = true
    this.#net.scheduler.after(
      this.#delayMs(),
      () => {
        this.#travelling = false
        if (this.closed) return
        const { cutProbability } = this.#net.faults
        if (cutProbability > 0 && this.#net.random.chance(cutProbability)) {
          this.#connection.fail('ECONNRESET')
          return
        }
        this.peer.#arrive(this.#takePiece())
        if (this.#needDrain && this.#outgoingBytes === 0) {
          this.#needDrain = false
          this.#net.whenAwake(this.host, () => this.#events?.drain())
        }
        this.pump()
      },
      this.#connection.hostNames,
    )
  }

  #delayMs(): number {
    return this.#net.delayMs(this.host, this.peer.host)
  }

  /** Several small writes may arrive as one piece, a large one in several. */
  #takePiece(): Buffer {
    const limit = 1 + this.#net.random.below(this.#net.faults.maxChunkBytes)
    const pieces: Buffer[] = []
    let length = 0
    while (this.#outgoing.length > 0 && length < limit) {
      const next = this.#outgoing[0]!
      const take = Math.min(next.length, limit - length)
      pieces.push(next.subarray(0, take))
      length += take
      if (take === next.length) this.#outgoing.shift()
      else this.#outgoing[0] = next.subarray(take)
    }
    this.#outgoingBytes -= length
    return Buffer.concat(pieces, length)
  }

  #arrive(bytes: Buffer): void {
    if (this.closed) return
    this.#arrived.push(bytes)
    this.#deliver()
  }

  #deliver(): void {
    const { scheduler } = this.#net
    if (scheduler.nowMs < this.host.pausedUntilMs()) {
      scheduler.at(this.host.pausedUntilMs(), () => this.#deliver(), this.#connection.hostNames)
      return
    }
    while (!this.#paused && !this.closed && this.#arrived.length > 0) {
      const bytes = this.#arrived.shift()!
      if (!this.host.alive()) continue
      this.#net.record(this.host.name, bytes)
      this.#events?.data(bytes)
    }
  }

  #finish(): void {
    this.closeWith(undefined)
    this.#net.scheduler.after(this.#delayMs(), () => this.peer.closeWith(undefined))
  }
}
