import { createServer, type Server, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from '../../conformance/free-ports.ts'
import { until } from '../../conformance/process-harness.ts'
import { FaultLinks } from './fault-links.ts'

let links: FaultLinks
let echo: Server
let port: number
const sockets: Socket[] = []

beforeEach(async () => {
  const ports = await freePorts(2)
  port = ports[0]!
  echo = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  await new Promise<void>(resolve => echo.listen(ports[1], '127.0.0.1', resolve))
  links = new FaultLinks()
  await links.proxy(1, port, ports[1]!)
})
afterEach(() => {
  links.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  echo.close()
})

/** A connection to the echo, and what has come back. */
function client(): { socket: Socket; received: () => string; isClosed: () => boolean } {
  const socket = new Socket()
  sockets.push(socket)
  let [text, closed] = ['', false]
  socket.on('data', chunk => (text += chunk))
  socket.on('error', () => {})
  socket.on('close', () => (closed = true))
  socket.connect(port, '127.0.0.1')
  return { socket, received: () => text, isClosed: () => closed }
}

test('without faults bytes pass in both directions, and an end is handed on', async () => {
  const { socket, received, isClosed } = client()
  socket.end('hello')
  await until('echo', () => received() === 'hello')
  await until('closed', isClosed)
})

test('a cut of the way there holds what is sent until it is healed; one of the way back holds the answer', async () => {
  const { socket, received } = client()
  socket.write('a')
  await until('echo', () => received() === 'a')
  for (const [from, to] of [
    ['client', 1],
    [1, 'client'],
  ] as const) {
    const before = received()
    links.set(from, to, { cut: true })
    socket.write('b')
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(received()).toBe(before)
    links.heal()
    await until('echo', () => received() === `${before}b`)
  }
})

test('a connection made during a cut is silent, and works after it', async () => {
  links.between('client', 1, { cut: true })
  const { socket, received } = client()
  socket.write('x')
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(received()).toBe('')
  links.heal()
  await until('echo', () => received() === 'x')
})

test('a delay and a rate slow bytes down and lose none', async () => {
  links.set('client', 1, { delayMs: 50, bytesPerSecond: 400_000 })
  const { socket, received } = client()
  const startedMs = performance.now()
  socket.write('y'.repeat(100_000))
  await until('echo', () => received().length === 100_000)
  expect(performance.now() - startedMs).toBeGreaterThan(200)
})

test('a connection belongs to the process that has opened it', async () => {
  links.pids.set(7, process.pid)
  const { socket, received } = client()
  socket.write('z')
  await until('echo', () => received() === 'z')
  expect([links.openedBy(7), links.openedBy('client')]).toEqual([1, 0])
  links.between(7, 1, { cut: true })
  socket.write('z')
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(received()).toBe('z')
})

test('a reset ends the connections of two ends, and of no others', async () => {
  const first = client()
  first.socket.write('a')
  await until('echo', () => first.received() === 'a')
  links.reset(2, 1)
  expect(first.isClosed()).toBe(false)
  links.reset('client', 1)
  await until('closed', first.isClosed)
})
