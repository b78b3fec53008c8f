import { ApiVersions, CreateTopics, Heartbeat, ListGroups, Metadata } from '@millrace/protocol'
import { type Socket, silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeBroker } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'
import { Connection, type ConnectionOptions } from './connection.ts'

let universe: SimulatedUniverse
let broker: FakeBroker

beforeEach(async () => {
  universe = new SimulatedUniverse(1)
  broker = new FakeBroker('broker')
  await broker.listen(universe.machine('broker').boot())
  broker.on(ListGroups, () => ({ groups: [{ groupId: 'g', protocolType: '' }] }))
  broker.on(Heartbeat, () => ({ errorCode: 27 }))
})

const client = () => universe.machine('client').boot()
const open = (options: Partial<ConnectionOptions> = {}) =>
  Connection.open({
    world: client(),
    address: broker,
    clientId: 'test',
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 5_000,
    maxInFlightRequests: 100,
    maxResponseBytes: 1_000_000,
    logger: silentLogger,
    ...options,
  })

/** The outcome of a promise, on virtual time. */
const settled = <T>(promise: Promise<T>) => settledIn(universe, promise)
const opened = async (options?: Partial<ConnectionOptions>) => (await settled(open(options))).value!

/** Answers the next request of an API with these bytes as they are. */
function answerRaw(bytes: (correlationId: number) => Buffer): void {
  broker.on(ListGroups, ({ socket, correlationId }) => {
    socket.write([bytes(correlationId)])
    return 'silent'
  })
}
const frame = (...parts: (number | Buffer)[]) => {
  const body = Buffer.concat(parts.map(part => (typeof part === 'number' ? int32(part) : part)))
  return Buffer.concat([int32(body.length), body])
}
function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

describe('a connection', () => {
  it('holds the deadline of a request that is due before an earlier one', async () => {
    broker.on(ListGroups, () => 'silent')
    const connection = await opened()
    const patient = connection.request(ListGroups, {}, { timeoutMs: 60_000 })
    patient.catch(() => {})
    const startedMs = universe.scheduler.nowMs
    const hasty = await settled(connection.request(ListGroups, {}, { timeoutMs: 200 }))
    expect(hasty.error).toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(300)
  })

  it('gives each of many pipelined requests its own answer', async () => {
    universe.net.faults.maxChunkBytes = 7
    const connection = await opened()
    const answers = await settled(
      Promise.all([
        connection.request(ListGroups, {}),
        connection.request(Heartbeat, { groupId: 'g' }),
        connection.request(Metadata, { topics: [] }),
        connection.request(ListGroups, {}),
      ]),
    )
    expect(answers.value!.map(answer => Object.keys(answer).sort().slice(0, 2))).toHaveLength(4)
    expect(answers.value![0].groups[0]!.groupId).toBe('g')
    expect(answers.value![1].errorCode).toBe(27)
    expect(answers.value![2].clusterId).toBe('fake')
    expect(answers.value![3].groups).toHaveLength(1)
    expect(broker.requests.map(({ correlationId }) => correlationId)).toEqual([0, 1, 2, 3, 4])
  })

  it('keeps at most so many requests on the wire, the others in their order', async () => {
    const connection = await opened({ maxInFlightRequests: 2 })
    let most = 0
    let running = 0
    const held: (() => void)[] = []
    const seen: Socket[] = []
    broker.on(Heartbeat, async ({ socket }) => {
      seen.push(socket)
      running++
      most = Math.max(most, running)
      await new Promise<void>(resolve => held.push(resolve))
      running--
      return {}
    })
    const all = Promise.all(Array.from({ length: 5 }, (_, i) => connection.request(Heartbeat, { groupId: `g${i}` })))
    await universe.scheduler.run({ untilMs: 1_000 })
    expect(broker.of(Heartbeat).length).toBeLessThanOrEqual(2)
    expect(connection.outstanding).toBe(5)
    while (connection.outstanding > 0) {
      held.shift()?.()
      await universe.scheduler.run({ untilMs: universe.scheduler.nowMs + 10 })
    }
    await all
    expect(broker.of(Heartbeat).map(({ body }) => body.groupId)).toEqual(['g0', 'g1', 'g2', 'g3', 'g4'])
  })

  it.each([
    ['another correlation id', () => frame(999, 0)],
    ['an answer that ends too early', (id: number) => frame(id, Buffer.from([0]))],
    ['garbage for an answer', (id: number) => frame(id, Buffer.alloc(40, 0xff))],
    ['a negative length', () => int32(-5)],
    ['a length above the limit', () => int32(2_000_000)],
    ['a length of 2 GiB', () => int32(2 ** 31 - 1)],
    ['a frame without room for a correlation id', () => frame(Buffer.from([1]))],
    ['an answer that nobody asked for behind the right one', (id: number) => Buffer.concat([frame(id + 1, 0), frame(id + 1, 0)])],
  ])('closes on %s, and fails all that was asked', async (_, bytes) => {
    const connection = await opened()
    let closed = 0
    connection.onClose = () => closed++
    answerRaw(bytes)
    const outcomes = await settled(
      Promise.allSettled([connection.request(ListGroups, {}), connection.request(Heartbeat, { groupId: 'g' })]),
    )
    expect(outcomes.value!.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(connection.isOpen).toBe(false)
    expect(closed).toBe(1)
    expect((await settled(connection.request(ListGroups, {}))).error).toBeInstanceOf(Error)
  })

  it('closes when an answer takes too long: a late one would meet another request', async () => {
    const connection = await opened({ requestTimeoutMs: 1_000 })
    broker.on(ListGroups, () => 'silent')
    broker.on(Heartbeat, () => 'silent')
    const started = universe.scheduler.nowMs
    const [first, second] = await Promise.all([
      settled(connection.request(ListGroups, {})),
      settled(connection.request(Heartbeat, { groupId: 'g' }, { timeoutMs: 60_000 })),
    ])
    expect(first.error.code).toBe('REQUEST_TIMED_OUT')
    expect(second.error).toBeInstanceOf(Error)
    expect(connection.isOpen).toBe(false)
    expect(universe.scheduler.nowMs - started).toBeLessThan(1_100)
  })

  it('fails what is under way when the broker goes away', async () => {
    const connection = await opened()
    broker.on(ListGroups, () => 'cut')
    expect((await settled(connection.request(ListGroups, {}))).error).toMatchObject({
      code: 'NETWORK_EXCEPTION',
      retriable: true,
    })
  })

  it('without an answer to wait for is done when the socket has taken the request, and waits when that is full', async () => {
    const connection = await opened()
    const large = Array.from({ length: 20_000 }, (_, i) => ({ name: `topic-${i}`, numPartitions: 1, replicationFactor: 1 }))
    broker.on(CreateTopics, () => 'silent')
    let done = 0
    for (let i = 0; i < 3; i++)
      void connection.request(CreateTopics, { topics: large }, { expectResponse: false }).then(() => done++)
    await Promise.resolve()
    expect(done).toBe(0)
    await universe.scheduler.run({ untilMs: 10_000 })
    expect(done).toBe(3)
    expect(connection.isOpen).toBe(true)
  })
})

describe('agreeing on versions', () => {
  it('falls back to the version that the broker knows (KIP-511)', async () => {
    broker.on(ApiVersions, ({ version }) =>
      version > 2
        ? { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }] }
        : { apiKeys: [{ apiKey: 16, minVersion: 0, maxVersion: 1 }] },
    )
    const connection = await opened()
    expect(broker.of(ApiVersions).map(({ version }) => version)).toEqual([ApiVersions.versions!.max, 2])
    expect(connection.versionOf(ListGroups)).toBe(1)
  })

  it('falls back to version 0 when the broker names none', async () => {
    broker.on(ApiVersions, ({ version }) =>
      version > 0 ? { errorCode: 35 } : { apiKeys: [{ apiKey: 16, minVersion: 0, maxVersion: 9 }] },
    )
    const connection = await opened()
    expect(connection.versionOf(ListGroups)).toBe(ListGroups.versions!.max)
  })

  it('refuses an API that one side does not know, naming both ranges', async () => {
    broker.on(ApiVersions, () => ({ apiKeys: [{ apiKey: 16, minVersion: 90, maxVersion: 99 }] }))
    const connection = await opened()
    expect((await settled(connection.request(ListGroups, {}))).error.message).toMatch(/UNSUPPORTED_VERSION.*0 to 5.*90 to 99/)
    expect((await settled(connection.request(Metadata, {}))).error.message).toMatch(/does not know/)
    expect(connection.isOpen).toBe(true)
  })

  it('gives up on a broker that answers with an error, and on one that says nothing', async () => {
    broker.on(ApiVersions, () => ({ errorCode: 42 }))
    expect((await settled(open())).error.code).toBe('INVALID_REQUEST')
    broker.on(ApiVersions, () => 'silent')
    expect((await settled(open())).error.code).toBe('REQUEST_TIMED_OUT')
  })
})
