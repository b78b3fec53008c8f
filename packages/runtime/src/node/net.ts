import net from 'node:net'
import { NetError } from '../errors.ts'
import type { ConnectOptions, Listener, ListenOptions, Net, Socket, SocketEvents } from '../world.ts'

export const nodeNet: Net = { listen, connect }

function listen({ host, port }: ListenOptions, accept: (socket: Socket) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ noDelay: true, pauseOnConnect: false }, socket => accept(new NodeSocket(socket)))
    server.once('error', (error: NodeJS.ErrnoException) => reject(netError(error, `listen ${host}:${port}`)))
    server.listen({ host, port, backlog: 1024 }, () => {
      const bound = server.address() as net.AddressInfo
      resolve({
        host: bound.address,
        port: bound.port,
        close: () => new Promise(done => server.close(() => done())),
      })
    })
  })
}

function connect({ host, port, timeoutMs }: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new NetError('ETIMEDOUT', `connect ${host}:${port}: no answer within ${timeoutMs} ms`))
    }, timeoutMs)
    const failed = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(netError(error, `connect ${host}:${port}`))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      resolve(new NodeSocket(socket))
    })
  })
}

function netError(error: NodeJS.ErrnoException, what: string): NetError {
  return new NetError(error.code ?? 'ENET', `${what}: ${error.code ?? error.message}`, error)
}

class NodeSocket implements Socket {
  readonly remoteHost: string
  readonly remotePort: number
  readonly localPort: number
  readonly #socket: net.Socket
  #error: Error | undefined

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.remoteHost = socket.remoteAddress ?? ''
    this.remotePort = socket.remotePort ?? 0
    this.localPort = socket.localPort ?? 0
    socket.on('error', error => {
      this.#error = netError(error, `socket ${this.remoteHost}:${this.remotePort}`)
    })
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  receive(events: SocketEvents): void {
    this.#socket.on('data', bytes => events.data(bytes as Buffer))
    this.#socket.on('drain', () => events.drain())
    this.#socket.on('close', () => events.close(this.#error))
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return true
    if (chunks.length === 1) return socket.write(chunks[0]!)
    socket.cork()
    let open = true
    for (const chunk of chunks) open = socket.write(chunk)
    socket.uncork()
    return open
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
