import { type Facts, type Socket, type SocketEvents, silentLogger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { BrokerMetrics } from './broker-metrics.ts'
import { type Answer, Connection } from './connection.ts'
import { RequestMemory } from './request-memory.ts'

class FakeSocket implements Socket {
  readonly remoteHost = '10.0.0.1'
  readonly remotePort = 5000
  readonly localPort = 9092
  bufferedBytes = 0
  events!: SocketEvents
  readonly writes: string[] = []
  paused = false
  state: 'open' | 'ended' | 'destroyed' = 'open'
  /** Bytes stay buffered until `takeAll`. */
  slow = false

  receive(events: SocketEvents): void {
    this.events = events
  }
  write(chunks: readonly Uint8Array[]): boolean {
    const bytes = Buffer.concat(chunks)
    this.writes.push(bytes.toString())
    if (this.slow) this.bufferedBytes += bytes.length
    return this.bufferedBytes === 0
  }
  takeAll(): void {
    this.bufferedBytes = 0
    this.events.drain()
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  end(): void {
    this.state = 'ended'
  }
  destroy(): void {
    this.state = 'destroyed'
    this.events.close()
  }
}

/** A frame whose content is the request's name; names that begin with `p` are of the pipelined API. */
function frame(name: string): Buffer {
  const bytes = Buffer.alloc(4 + name.length)
  bytes.writeInt32BE(name.length)
  bytes.write(name, 4)
  return bytes
}

function setUp(
  limits: Partial<{ maxRequestBytes: number; maxBufferedResponseBytes: number; maxPipelinedRequests: number }> = {},
) {
  const socket = new FakeSocket()
  const started: string[] = []
  const sentNames: string[] = []
  const waiting = new Map<string, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  const warnings: (Facts | undefined)[] = []
  const errors: (Facts | undefined)[] = []
  const memory = new RequestMemory(10_000)
  let closed = 0
  const connection = new Connection({
    id: 1,
    socket,
    listenerName: 'PLAINTEXT',
    limits: { maxRequestBytes: 1000, maxBufferedResponseBytes: 100, maxPipelinedRequests: 3, ...limits },
    memory,
    logger: { ...silentLogger, warn: (_, facts) => void warnings.push(facts), error: (_, facts) => void errors.push(facts) },
    metrics: new BrokerMetrics(),
    monotonic: () => 0,
    closed: () => closed++,
    dispatcher: {
      isPipelined: bytes => bytes.toString().startsWith('p'),
      dispatch(bytes) {
        const name = bytes.toString()
        started.push(name)
        if (name.startsWith('now')) return { ...answer(name), sent: () => void sentNames.push(name) }
        if (name === 'silent') return { chunks: null, close: false }
        if (name === 'close') return { chunks: null, close: true }
        if (name === 'throw') throw new Error('a bug')
        return new Promise((resolve, reject) => void waiting.set(name, { resolve, reject }))
      },
    },
  })
  const send = (...names: string[]) => socket.events.data(Buffer.concat(names.map(frame)))
  const settle = async (name: string, text = name) => {
    waiting.get(name)!.resolve(answer(text))
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
  }
  return { connection, socket, sentNames, started, waiting, warnings, errors, memory, send, settle, closedCount: () => closed }
}

const answer = (text: string): Answer => ({ chunks: [Buffer.from(`<${text}>`)], close: false })

describe('the order of requests and answers', () => {
  test('requests of one chunk that are answered at once leave in one write', () => {
    const { send, socket } = setUp()
    send('now1', 'now2', 'silent', 'now3')
    expect(socket.writes).toEqual(['<now1><now2><now3>'])
  })

  test('a request waits until the one before is answered, and the socket is not read meanwhile', async () => {
    const { send, socket, started, settle } = setUp()
    send('slow', 'now')
    expect(started).toEqual(['slow'])
    expect(socket.paused).toBe(true)
    await settle('slow')
    expect(started).toEqual(['slow', 'now'])
    expect(socket.writes.join('')).toBe('<slow><now>')
    expect(socket.paused).toBe(false)
  })

  test('requests of a pipelined API overlap, and their answers keep the order', async () => {
    const { send, socket, started, settle } = setUp()
    send('p1', 'p2', 'now')
    expect(started).toEqual(['p1', 'p2'])
    await settle('p2')
    expect(socket.writes).toEqual([])
    await settle('p1')
    expect(socket.writes.join('')).toBe('<p1><p2><now>')
  })

  test('no more of them than the limit are in progress', async () => {
    const { send, started, settle } = setUp({ maxPipelinedRequests: 2 })
    send('p1', 'p2', 'p3')
    expect(started).toEqual(['p1', 'p2'])
    await settle('p1')
    expect(started).toEqual(['p1', 'p2', 'p3'])
  })

  test('a frame cut into single bytes is one request', () => {
    const { socket } = setUp()
    for (const byte of frame('now')) socket.events.data(Buffer.from([byte]))
    expect(socket.writes).toEqual(['<now>'])
  })
})

describe('limits', () => {
  test('a peer that does not take its answers gets no further request started', () => {
    const { send, socket, started } = setUp({ maxBufferedResponseBytes: 10 })
    socket.slow = true
    send('now-a-long-answer')
    send('now2')
    expect(started).toEqual(['now-a-long-answer'])
    expect(socket.paused).toBe(true)
    socket.takeAll()
    expect(started).toEqual(['now-a-long-answer', 'now2'])
    expect(socket.paused).toBe(false)
  })

  test('a frame above the limit closes the connection with one line, whatever follows', () => {
    const { send, socket, warnings, memory, closedCount } = setUp({ maxRequestBytes: 10 })
    socket.events.data(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]))
    expect(socket.state).toBe('destroyed')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ client: '10.0.0.1:5000' })
    send('now')
    expect(socket.writes).toEqual([])
    expect(memory.usedBytes).toBe(0)
    expect(closedCount()).toBe(1)
  })

  test('received bytes are accounted until they are answered', async () => {
    const { send, memory, settle, socket } = setUp()
    send('slow', 'now')
    expect(memory.usedBytes).toBe(4 + 4 + 4 + 3)
    await settle('slow')
    expect(memory.usedBytes).toBe(0)
    socket.events.data(Buffer.from([0, 0, 0, 9, 1]))
    expect(memory.usedBytes).toBe(5)
    socket.destroy()
    expect(memory.usedBytes).toBe(0)
  })
})

describe('memory of answers', () => {
  test('is given back when the peer has taken them, and never while the socket holds them', () => {
    const { send, socket, sentNames } = setUp()
    send('now1')
    expect(sentNames).toEqual(['now1'])
    socket.slow = true
    send('now2', 'now3')
    expect(sentNames).toEqual(['now1'])
    socket.takeAll()
    expect(sentNames).toEqual(['now1', 'now2', 'now3'])
  })

  test('is not given back when the connection is lost before', () => {
    const { send, socket, sentNames } = setUp()
    socket.slow = true
    send('now1')
    socket.destroy()
    socket.takeAll()
    expect(sentNames).toEqual([])
  })
})

describe('the end of a connection', () => {
  test('an answer that asks for it is the last one', () => {
    const { send, socket, started } = setUp()
    send('now1', 'close', 'now2')
    expect(socket.writes).toEqual(['<now1>'])
    expect(socket.state).toBe('ended')
    send('now3')
    expect(started).not.toContain('now3')
  })

  test.each(['throw', 'reject'])('a handler that fails (%s) closes it with one line that says where', async how => {
    const { send, socket, errors, waiting, memory } = setUp()
    send(how)
    if (how === 'reject') waiting.get(how)!.reject(new Error('a bug'))
    await Promise.resolve()
    await Promise.resolve()
    expect(socket.state).toBe('destroyed')
    expect(errors).toMatchObject([{ reason: 'a bug', at: expect.stringContaining('connection.test.ts') }])
    expect(memory.usedBytes).toBe(0)
  })

  test('when the server ends it, what waits is told, and the answers in progress leave first', async () => {
    const { connection, send, socket, settle, started } = setUp()
    let told = 0
    connection.whenClosed(() => told++)
    send('slow', 'now')
    connection.end()
    expect(told).toBe(1)
    expect(socket.state).toBe('open')
    await settle('slow')
    expect(socket.writes).toEqual(['<slow>'])
    expect(socket.state).toBe('ended')
    expect(started).toEqual(['slow'])
  })

  test('an answer for a peer that is gone is dropped', async () => {
    const { connection, send, socket, settle, closedCount } = setUp()
    let told = 0
    connection.whenClosed(() => told++)
    send('slow')
    socket.destroy()
    expect(told).toBe(1)
    expect(closedCount()).toBe(1)
    await settle('slow')
    expect(socket.writes).toEqual([])
  })
})
