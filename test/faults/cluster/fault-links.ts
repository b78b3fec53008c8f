import { connect, createServer, type Server, type Socket } from 'node:net'
import { ownerOfPeer } from './socket-owner.ts'

/** An end of a connection: a node by its id, or whoever is no node. */
export type End = number | 'client'

/** What happens to bytes on their way from one end to another. */
export interface LinkFault {
  /** Nothing passes; what was sent waits, as behind a broken router. New connections are accepted and stay silent. */
  readonly cut?: boolean
  /** Bytes wait so long. */
  readonly delayMs?: number
  /** At most so many bytes a second. */
  readonly bytesPerSecond?: number
}

const chunkBytes = 16 * 1024
const msPerSecond = 1000

/**
 * The network between processes on one host: each listener of a node is reached through a proxy in this process, which knows by the system's tables which node a connection comes from.
 * Faults are of a direction: from one end to the other, on all connections between the two, whoever has opened them.
 */
export class FaultLinks {
  readonly #faults = new Map<string, LinkFault>()
  readonly #connections = new Set<ProxiedConnection>()
  readonly #servers: Server[] = []
  /** Process of each node that runs. */
  readonly pids = new Map<number, number>()

  /** A proxy on `port` for a listener of the node on `targetPort`. */
  async proxy(node: number, port: number, targetPort: number): Promise<void> {
    const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }, client => {
      const from = this.#endOf(client.remotePort!, port)
      const connection = new ProxiedConnection(client, targetPort, from, node, (a, b) => this.#faults.get(key(a, b)))
      this.#connections.add(connection)
      connection.closed = () => this.#connections.delete(connection)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    this.#servers.push(server)
  }

  /** One direction from now on; `null` heals it. */
  set(from: End, to: End, fault: LinkFault | null): void {
    if (fault === null) this.#faults.delete(key(from, to))
    else this.#faults.set(key(from, to), fault)
    for (const connection of this.#connections) connection.faultsChanged()
  }

  /** Both directions. */
  between(a: End, b: End, fault: LinkFault | null): void {
    this.set(a, b, fault)
    this.set(b, a, fault)
  }

  /** Resets all connections between the two. */
  reset(a: End, b: End): void {
    for (const connection of [...this.#connections])
      if ((connection.from === a && connection.to === b) || (connection.from === b && connection.to === a)) connection.reset()
  }

  /** No fault is left; connections that a cut has held go on. */
  heal(): void {
    this.#faults.clear()
    for (const connection of this.#connections) connection.faultsChanged()
  }

  /** Connections whose first end is the node: for tests of the rig. */
  openedBy(end: End): number {
    return [...this.#connections].filter(({ from }) => from === end).length
  }

  close(): void {
    for (const connection of [...this.#connections]) connection.reset()
    for (const server of this.#servers) server.close()
  }

  #endOf(peerPort: number, ownPort: number): End {
    const pid = ownerOfPeer(peerPort, ownPort, this.pids.values())
    for (const [node, of] of this.pids) if (of === pid) return node
    return 'client'
  }
}

function key(from: End, to: End): string {
  return `${from}>${to}`
}

class ProxiedConnection {
  readonly from: End
  readonly to: End
  closed: () => void = () => {}
  readonly #client: Socket
  readonly #server: Socket
  readonly #pumps: readonly Pump[]

  constructor(client: Socket, targetPort: number, from: End, to: End, faultOf: (a: End, b: End) => LinkFault | undefined) {
    this.from = from
    this.to = to
    this.#client = client
    const server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#server = server
    this.#pumps = [new Pump(client, server, () => faultOf(from, to)), new Pump(server, client, () => faultOf(to, from))]
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      // A refused target is a reset for who has connected, as it is without a proxy.
      socket.on('error', () => other.resetAndDestroy())
      socket.on('close', () => {
        other.destroy()
        this.closed()
      })
    }
  }

  faultsChanged(): void {
    for (const pump of this.#pumps) pump.wake()
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
  }
}

/** Carries bytes in one direction, under the fault of the moment. */
class Pump {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #fault: () => LinkFault | undefined
  readonly #waiting: { readonly chunk: Buffer; readonly notBeforeMs: number }[] = []
  #timer: NodeJS.Timeout | null = null
  #hasEnded = false
  #isBlocked = false

  constructor(source: Socket, sink: Socket, fault: () => LinkFault | undefined) {
    this.#source = source
    this.#sink = sink
    this.#fault = fault
    source.on('data', chunk => this.#take(chunk))
    source.on('end', () => {
      this.#hasEnded = true
      this.#pass()
    })
    sink.on('drain', () => {
      this.#isBlocked = false
      this.#pass()
    })
    if (fault()?.cut) source.pause()
    else source.resume()
  }

  wake(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#pass()
  }

  #take(chunk: Buffer): void {
    const { delayMs = 0, bytesPerSecond } = this.#fault() ?? {}
    const size = bytesPerSecond === undefined ? chunk.length : chunkBytes
    for (let at = 0; at < chunk.length; at += size)
      this.#waiting.push({ chunk: chunk.subarray(at, at + size), notBeforeMs: performance.now() + delayMs })
    this.#pass()
  }

  #pass(): void {
    if (this.#timer !== null || this.#isBlocked || this.#sink.destroyed) return
    for (;;) {
      const fault = this.#fault()
      if (fault?.cut) {
        this.#source.pause()
        return
      }
      const next = this.#waiting[0]
      if (next === undefined) break
      const waitMs = next.notBeforeMs - performance.now()
      if (waitMs > 0) {
        this.#later(waitMs)
        return
      }
      this.#waiting.shift()
      if (!this.#sink.write(next.chunk)) {
        this.#isBlocked = true
        this.#source.pause()
        return
      }
      if (fault?.bytesPerSecond !== undefined) {
        this.#source.pause()
        this.#later((next.chunk.length / fault.bytesPerSecond) * msPerSecond)
        return
      }
    }
    if (this.#hasEnded) this.#sink.end()
    else this.#source.resume()
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#pass()
    }, ms)
  }
}
