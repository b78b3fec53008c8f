import { ApiVersions, encodeResponse } from '@millrace/protocol'
import { NetError, nodeWorld, type Socket, type SocketEvents, silentLogger, type World } from '@millrace/runtime'
import { beforeEach, expect, test } from 'vitest'
import type { ConnectionContext } from '../api/handler.ts'
import type { QuorumMember } from '../controller/quorum-member.ts'
import { VirtualClock } from '../testing/group-scenario.ts'
import { LostBrokers } from './lost-brokers.ts'

/** What connecting to a broker that does not listen comes to: the host of 2 is gone. */
const codes = new Map([
  [1, 'ECONNREFUSED'],
  [2, 'ETIMEDOUT'],
  [3, 'ECONNREFUSED'],
])

/** Somebody who answers ApiVersions. */
function answeringSocket(): Socket {
  let events: SocketEvents
  return {
    receive: (given: SocketEvents) => {
      events = given
    },
    write: ([frame]: Uint8Array[]) => {
      const request = Buffer.from(frame!)
      const answer = encodeResponse(ApiVersions, request.readInt16BE(6), request.readInt32BE(8), { apiKeys: [] })
      events.data(Buffer.concat(answer))
      return true
    },
    destroy: () => {},
  } as unknown as Socket
}

/** Somebody who accepts and hangs up. */
function closingSocket(): Socket {
  const receive = (events: SocketEvents) => queueMicrotask(() => events.close())
  return { receive, write: () => true, destroy: () => {} } as unknown as Socket
}

let clock: VirtualClock
let listening: Set<number>
let behindProxy: Set<number>
let gone: number[][]
let lost: LostBrokers
let quorum: { active: { brokerGone(...facts: number[]): void } | null }
const closers = new Map<number, () => void>()

beforeEach(() => {
  clock = new VirtualClock()
  listening = new Set([1, 2, 3])
  behindProxy = new Set()
  gone = []
  closers.clear()
  const brokers = [1, 2, 3].map(id => ({ id, epoch: 10 * id, fenced: id === 3, listeners: [{ host: 'h', port: id }] }))
  const connect = ({ port }: { port: number }) => {
    if (listening.has(port)) return Promise.resolve(answeringSocket())
    return behindProxy.has(port) ? Promise.resolve(closingSocket()) : Promise.reject(new NetError(codes.get(port)!, 'no'))
  }
  const world = { ...nodeWorld(), clock, net: { connect } } as unknown as World
  const image = { broker: (id: number) => brokers.find(broker => broker.id === id) }
  quorum = { active: { brokerGone: (...facts) => void gone.push(facts) } }
  const member = Object.assign(quorum, { metadata: { image, brokers: () => brokers } }) as unknown as QuorumMember
  lost = new LostBrokers({ world, logger: silentLogger, quorum: member })
})

function connection(id: number): ConnectionContext {
  return { id, whenClosed: (listener: () => void) => closers.set(id, listener) } as unknown as ConnectionContext
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed <= ms; passed += 10) {
    clock.pass(10)
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
}

test('a broker whose connection closes and whose listener refuses, twice, is gone since then', async () => {
  lost.heard(1, 10, connection(71))
  await pass(1000)
  const sinceMs = clock.monotonic()
  listening.delete(1)
  closers.get(71)!()
  await pass(50)
  expect(gone).toEqual([])
  await pass(100)
  expect(gone).toEqual([[1, 10, sinceMs]])
})

test('a broker that listens has only lost its connection', async () => {
  lost.heard(1, 10, connection(71))
  closers.get(71)!()
  await pass(500)
  expect(gone).toEqual([])
})

test('a broker that listens again at the second look lives', async () => {
  lost.heard(1, 10, connection(71))
  listening.delete(1)
  closers.get(71)!()
  await pass(50)
  listening.add(1)
  await pass(500)
  expect(gone).toEqual([])
})

test('a broker behind a proxy that hangs up is gone too', async () => {
  lost.heard(1, 10, connection(71))
  listening.delete(1)
  behindProxy.add(1)
  closers.get(71)!()
  await pass(500)
  expect(gone.map(([id]) => id)).toEqual([1])
})

test('a host that does not answer says nothing: the session takes its time', async () => {
  lost.heard(2, 20, connection(72))
  listening.delete(2)
  closers.get(72)!()
  await pass(5000)
  expect(gone).toEqual([])
})

test('an old connection that closes after the broker came over another one says nothing', async () => {
  lost.heard(1, 10, connection(71))
  lost.heard(1, 10, connection(75))
  listening.delete(1)
  closers.get(71)!()
  await pass(500)
  expect(gone).toEqual([])
})

test('a new controller looks for those that it has not heard, and not for the fenced', async () => {
  lost.heard(2, 20, connection(72))
  listening.clear()
  lost.leaderChanged()
  await pass(1000)
  expect(gone.map(([id]) => id)).toEqual([1])
})

test('a node that is not the active controller looks for nobody', async () => {
  quorum.active = null
  lost.heard(1, 10, connection(71))
  listening.clear()
  lost.leaderChanged()
  closers.get(71)!()
  await pass(1000)
  expect(gone).toEqual([])
})
