import { nodeWorld, type Socket, type SocketEvents, silentLogger, type World } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { BrokerMetrics } from './broker-metrics.ts'
import { Server } from './server.ts'

test('a server accepts connections and reads nothing of them before it serves', async () => {
  let accept!: (socket: Socket) => void
  const listener = { host: '127.0.0.1', port: 9092, close: () => Promise.resolve() }
  const world: World = {
    ...nodeWorld(),
    net: {
      listen: (_, accepts) => {
        accept = accepts
        return Promise.resolve(listener)
      },
      connect: () => Promise.reject(new Error('nobody connects here')),
    },
  }
  const limits = {
    maxConnections: 10,
    maxConnectionsPerIp: 10,
    maxIdleMs: 60_000,
    maxRequestBytesInFlight: 1000,
    maxRequestBytes: 1000,
    maxBufferedResponseBytes: 1000,
    maxPipelinedRequests: 1,
  }
  const dispatcher = { isPipelined: () => false, dispatch: () => Promise.resolve({ chunks: null, close: false }) }
  const server = new Server({ world, logger: silentLogger, metrics: new BrokerMetrics(), limits })
  await server.listen({ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 })

  const early = new PausableSocket()
  accept(early)
  expect(early.isPaused).toBe(true)
  server.serve(dispatcher)
  expect(early.isPaused).toBe(false)
  const late = new PausableSocket()
  accept(late)
  expect(late.isPaused).toBe(false)
  await server.close(0)
})

class PausableSocket implements Socket {
  readonly remoteHost = '127.0.0.1'
  readonly remotePort = 1
  readonly localPort = 9092
  readonly bufferedBytes = 0
  isPaused = false
  #events!: SocketEvents
  receive(events: SocketEvents): void {
    this.#events = events
  }
  write(): boolean {
    return true
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  end(): void {
    this.destroy()
  }
  destroy(): void {
    queueMicrotask(() => this.#events.close())
  }
}
