import { NetError, type Socket, type SocketEvents } from '@millrace/runtime'
import type { Host, SimulatedNet } from './net.ts'

const highWaterBytes = 64 * 1024

/** What one host has open to another: two ends, each of which may close or hear of the other's end by itself. */
export class Connection {
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
export class End implements Socket {
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
