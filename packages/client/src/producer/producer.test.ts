import { BatchView, ErrorCode, InitProducerId, Metadata, Produce, type ProduceRequest } from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Answer, FakeBroker, type FakeRequest } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'
import { Producer } from './producer.ts'
import type { ProducerOptions } from './producer-options.ts'

let universe: SimulatedUniverse
let broker: FakeBroker
/** What the fake broker has in the log of each partition, in order, with Kafka's checks of sequences. */
let log: Map<number, string[]>
let states: Map<string, { producerEpoch: number; next: number }>

beforeEach(async () => {
  universe = new SimulatedUniverse(7)
  broker = new FakeBroker('broker')
  broker.topics.set('t', 1)
  log = new Map()
  states = new Map()
  await broker.listen(universe.machine('broker').boot())
  broker.on(Produce, request => answer(request, () => ErrorCode.NONE))
})

const open = (options: Partial<ProducerOptions> = {}) =>
  new Producer({ world: universe.machine('client').boot(), bootstrapServers: broker.bootstrapServers, lingerMs: 0, ...options })

const settled = <T>(promise: Promise<T>) => settledIn(universe, promise)
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })

interface Arrived {
  readonly partition: number
  readonly view: BatchView
  readonly values: string[]
}

function batchesOf(request: FakeRequest<ProduceRequest>): Arrived[] {
  return request.body.topicData.flatMap(({ partitionData }) =>
    partitionData.map(({ index: partition, records }) => {
      const view = BatchView.at(records!, 0)!
      expect(view.isCrcValid()).toBe(true)
      expect(view.sizeInBytes).toBe(records!.length)
      const values: string[] = []
      const cursor = view.records()
      while (cursor.next()) values.push(Buffer.from(cursor.value()!).toString())
      return { partition, view, values }
    }),
  )
}

/** Appends as Kafka would, unless `fault` names an error for the batch; -99: append, and lose the answer. */
function answer(request: FakeRequest<ProduceRequest>, fault: (batch: Arrived) => number): Answer<any> {
  let lost = false
  const { topicId, name } = request.body.topicData[0]!
  const partitionResponses = batchesOf(request).map(batch => {
    let errorCode = fault(batch)
    if (errorCode === -99) {
      lost = true
      errorCode = ErrorCode.NONE
    }
    let baseOffset = -1
    if (errorCode === ErrorCode.NONE) ({ errorCode, baseOffset } = append(batch))
    return { index: batch.partition, errorCode, baseOffset }
  })
  return lost ? 'cut' : { responses: [{ topicId, name, partitionResponses }] }
}

function append({ partition, view, values }: Arrived): { errorCode: number; baseOffset: number } {
  let records = log.get(partition)
  if (!records) log.set(partition, (records = []))
  const { producerId, producerEpoch, baseSequence } = view
  if (producerId >= 0) {
    const key = `${partition}/${producerId}`
    const state = states.get(key)
    const isDuplicate = state !== undefined && state.producerEpoch === producerEpoch && baseSequence < state.next
    if (isDuplicate) return { errorCode: ErrorCode.DUPLICATE_SEQUENCE_NUMBER, baseOffset: -1 }
    const isExpected =
      state === undefined || (state.producerEpoch === producerEpoch ? baseSequence === state.next : baseSequence === 0)
    if (!isExpected) return { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1 }
    states.set(key, { producerEpoch, next: baseSequence + values.length })
  }
  const baseOffset = records.length
  records.push(...values)
  return { errorCode: 0, baseOffset }
}

/** Sends `count` records, each in a batch of its own. */
function sendSingly(producer: Producer, count: number, from = 0): Promise<PromiseSettledResult<{ offset: number }>[]> {
  return Promise.allSettled(
    Array.from({ length: count }, (_, i) => producer.send({ topic: 't', partition: 0, value: `${from + i}`.padStart(60, '0') })),
  )
}
const numbers = (partition = 0) => (log.get(partition) ?? []).map(Number)
const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
const arrivals = () => broker.of(Produce).flatMap(batchesOf)

describe('batching', () => {
  it('sends what one tick appended as one batch, with lingerMs 0', async () => {
    const producer = open()
    const sends = Promise.all(['a', 'b', 'c'].map(value => producer.send({ topic: 't', value })))
    expect((await settled(sends)).value!.map(({ offset }) => offset)).toEqual([0, 1, 2])
    expect(arrivals().map(({ values }) => values)).toEqual([['a', 'b', 'c']])
  })

  it('waits lingerMs for more, and not for a batch that is full', async () => {
    const producer = open({ lingerMs: 50, batchBytes: 200 })
    await settled(producer.send({ topic: 't', value: 'first' }))
    const started = universe.scheduler.nowMs
    producer.append({ topic: 't', value: 'a' })
    await passed(20)
    producer.append({ topic: 't', value: 'b' })
    await passed(20)
    expect(arrivals()).toHaveLength(1)
    await passed(20)
    expect(arrivals().at(-1)!.values).toEqual(['a', 'b'])
    expect(universe.scheduler.nowMs - started).toBeLessThan(100)
    for (let i = 0; i < 5; i++) producer.append({ topic: 't', value: 'x'.repeat(50) })
    await passed(10)
    expect(arrivals().length).toBeGreaterThan(2)
  })

  it('puts partitions of one broker into one request, each with one batch', async () => {
    broker.topics.set('t', 5)
    const producer = open()
    await settled(producer.partitionsOf('t'))
    await settled(Promise.all(range(5).map(partition => producer.send({ topic: 't', partition, value: 'v' }))))
    expect(broker.of(Produce)).toHaveLength(1)
    expect(batchesOf(broker.of(Produce)[0]!).map(({ partition }) => partition)).toEqual(range(5))
  })

  it('keeps requests within maxRequestBytes', async () => {
    broker.topics.set('t', 10)
    const producer = open({ maxRequestBytes: 1_000, batchBytes: 600 })
    await settled(producer.partitionsOf('t'))
    await settled(Promise.all(range(10).map(partition => producer.send({ topic: 't', partition, value: 'x'.repeat(400) }))))
    const sizes = broker.of(Produce).map(request => batchesOf(request).reduce((sum, { view }) => sum + view.sizeInBytes, 0))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000)
    expect(sizes.length).toBe(5)
  })

  it('has at most maxInFlight requests out', async () => {
    let out = 0
    let most = 0
    const releases: (() => void)[] = []
    const producer = open({ maxInFlight: 3, batchBytes: 1 })
    await sendOne(producer)
    broker.on(Produce, async request => {
      out++
      most = Math.max(most, broker.of(Produce).length)
      await new Promise<void>(resolve => releases.push(resolve))
      return answer(request, () => 0)
    })
    const sends = sendSingly(producer, 20)
    await passed(1_000)
    // The fake broker takes one at a time; what is on the wire behind it is not visible there.
    expect(out).toBe(1)
    for (let i = 0; i < 20; i++) {
      releases.shift()?.()
      await passed(10)
    }
    await settled(sends)
    expect(numbers()).toEqual([0, ...range(20)])
    expect(most).toBe(21)
  })
})

async function sendOne(producer: Producer): Promise<void> {
  const { error } = await settled(producer.send({ topic: 't', partition: 0, value: '0' }))
  if (error) throw error
}

describe('retries keep the order and double nothing', () => {
  it('sends refused batches again with the same numbers, in their order', async () => {
    const producer = open({ batchBytes: 1 })
    await sendOne(producer)
    let refusals = 3
    broker.on(Produce, request => answer(request, () => (refusals-- > 0 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : 0)))
    const { value } = await settled(sendSingly(producer, 30, 1))
    expect(value!.map(outcome => outcome.status === 'fulfilled' && outcome.value.offset)).toEqual(range(30, 1))
    expect(numbers()).toEqual(range(31))
    const sequences = new Map<string, Set<number>>()
    for (const { values, view } of arrivals()) {
      const seen = sequences.get(values[0]!) ?? new Set()
      sequences.set(values[0]!, seen.add(view.baseSequence))
    }
    expect([...sequences.values()].every(({ size }) => size === 1)).toBe(true)
  })

  it('takes a duplicate for a success when only the answer was lost', async () => {
    const producer = open({ batchBytes: 1 })
    await sendOne(producer)
    let losses = 2
    broker.on(Produce, request => answer(request, () => (losses-- > 0 ? -99 : 0)))
    const { value } = await settled(sendSingly(producer, 10, 1))
    expect(value!.every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(numbers()).toEqual(range(11))
  })

  it('lets nothing overtake the very first batch, whose number the broker cannot check', async () => {
    const producer = open({ batchBytes: 1 })
    let first = true
    broker.on(Produce, request =>
      answer(request, () => {
        const refused = first
        first = false
        return refused ? ErrorCode.NOT_ENOUGH_REPLICAS : 0
      }),
    )
    await settled(sendSingly(producer, 10))
    expect(numbers()).toEqual(range(10))
  })

  it('closes the hole that a refused batch leaves: those behind it take its numbers', async () => {
    const producer = open({ batchBytes: 1 })
    await sendOne(producer)
    broker.on(Produce, request => answer(request, ({ values }) => (Number(values[0]) === 3 ? ErrorCode.INVALID_RECORD : 0)))
    const { value } = await settled(sendSingly(producer, 10, 1))
    expect(value!.map(({ status }) => status === 'rejected')).toEqual(range(10, 1).map(number => number === 3))
    expect(numbers()).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10])
    expect(arrivals().every(({ view }) => view.producerEpoch === 0)).toBe(true)
  })

  it('starts to count anew under the next epoch when a batch was given up of which nobody knows whether it was written', async () => {
    const producer = open({ batchBytes: 1, requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000 })
    await sendOne(producer)
    broker.on(Produce, () => 'silent')
    const given = await settled(sendSingly(producer, 2, 1))
    expect(given.value!.every(outcome => outcome.status === 'rejected' && outcome.reason.code === 'REQUEST_TIMED_OUT')).toBe(true)
    broker.on(Produce, request => answer(request, () => 0))
    await settled(sendSingly(producer, 3, 10))
    expect(numbers()).toEqual([0, 10, 11, 12])
    const last = arrivals().at(-1)!.view
    expect([last.producerEpoch, last.baseSequence]).toEqual([1, 2])
  })

  it('starts to count anew when the broker has lost count', async () => {
    const producer = open({ batchBytes: 1 })
    await settled(sendSingly(producer, 5))
    states.set('0/4000', { producerEpoch: 0, next: 2 })
    states.get('0/4000')!.next = 2
    broker.on(Produce, request =>
      answer(request, ({ view }) => (view.producerEpoch === 0 ? ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER : 0)),
    )
    await settled(sendSingly(producer, 10, 5))
    expect(numbers()).toEqual(range(15))
    expect(arrivals().at(-1)!.view.producerEpoch).toBe(1)
  })

  it('renumbers other partitions only when nothing of theirs is out', async () => {
    broker.topics.set('t', 2)
    const producer = open({ batchBytes: 1 })
    await settled(producer.partitionsOf('t'))
    await settled(Promise.all([0, 1].map(partition => producer.send({ topic: 't', partition, value: '0' }))))
    broker.on(Produce, request =>
      answer(request, ({ view, partition }) => (partition === 0 && view.producerEpoch === 0 ? ErrorCode.UNKNOWN_PRODUCER_ID : 0)),
    )
    await settled(Promise.all(range(20, 1).map(i => producer.send({ topic: 't', partition: i % 2, value: `${i}` }))))
    expect(numbers(0)).toEqual([0, ...range(20, 1).filter(i => i % 2 === 0)])
    expect(numbers(1)).toEqual([0, ...range(20, 1).filter(i => i % 2 === 1)])
  })

  it('splits a batch that is too large and goes on behind it', async () => {
    const producer = open({ batchBytes: 2_000 })
    await sendOne(producer)
    broker.on(Produce, request => answer(request, ({ view }) => (view.sizeInBytes > 400 ? ErrorCode.MESSAGE_TOO_LARGE : 0)))
    const { value } = await settled(sendSingly(producer, 100, 1))
    expect(value!.map(outcome => outcome.status === 'fulfilled' && outcome.value.offset)).toEqual(range(100, 1))
    expect(numbers()).toEqual(range(101))
  })

  it('follows the leader that an error answer names, without asking for metadata (KIP-951)', async () => {
    const other = new FakeBroker('other', 2)
    await other.listen(universe.machine('other').boot())
    other.on(Produce, request => answer(request, () => 0))
    const producer = open()
    await sendOne(producer)
    const asked = broker.of(Metadata).length
    broker.on(Produce, request => ({
      responses: [
        {
          topicId: request.body.topicData[0]!.topicId,
          partitionResponses: [
            { index: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader: { leaderId: 2, leaderEpoch: 5 } },
          ],
        },
      ],
      nodeEndpoints: [{ nodeId: 2, host: 'other', port: 9092 }],
    }))
    expect((await settled(sendSingly(producer, 1, 1))).value![0]!.status).toBe('fulfilled')
    expect(other.of(Produce)).toHaveLength(1)
    expect(broker.of(Metadata).length).toBe(asked)
  })

  it('waits for a partition that has no leader for a while', async () => {
    broker.leaders.set('t-0', { nodeId: -1, leaderEpoch: 1 })
    const producer = open()
    const send = settled(producer.send({ topic: 't', value: 'v' }))
    universe.scheduler.after(5_000, () => broker.leaders.set('t-0', { nodeId: 1, leaderEpoch: 2 }))
    expect((await send).value!.offset).toBe(0)
    expect(universe.scheduler.nowMs).toBeLessThan(10_000)
  })

  it('goes on when the broker was away for a while', async () => {
    const producer = open({ batchBytes: 1 })
    await sendOne(producer)
    universe.machine('broker').kill()
    const sends = settled(sendSingly(producer, 10, 1))
    universe.scheduler.after(5_000, () => void broker.listen(universe.machine('broker').boot()))
    const { value } = await sends
    expect(value!.every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(numbers()).toEqual(range(11))
  })

  it('does not touch a batch whose request has no answer yet, even when its caller was told of a timeout', async () => {
    const producer = open({ batchBytes: 1, requestTimeoutMs: 2_000, deliveryTimeoutMs: 2_000 })
    await sendOne(producer)
    let release = () => {}
    let arrived: FakeRequest<ProduceRequest> | undefined
    broker.on(Produce, async request => {
      arrived = request
      await new Promise<void>(resolve => (release = resolve))
      return answer(request, () => 0)
    })
    const first = await settled(sendSingly(producer, 1, 1))
    expect(first.value![0]!.status).toBe('rejected')
    for (let i = 0; i < 50; i++) producer.append({ topic: 't', partition: 0, value: 'other bytes'.repeat(5) })
    expect(Number(batchesOf(arrived!)[0]!.values[0])).toBe(1)
    release()
    broker.on(Produce, request => answer(request, () => 0))
    await settled(producer.flush())
    expect(log.get(0)!.filter(value => Number(value) === 1).length).toBeLessThanOrEqual(1)
  })
})

describe('compression', () => {
  it.each(['gzip', 'zstd', 'lz4', 'snappy', 'none'] as const)(
    '%s keeps the order of large batches, through retries too',
    async compression => {
      const producer = open({ compression, batchBytes: 200_000, maxRequestBytes: 400_000 })
      await sendOne(producer)
      let refusals = 2
      broker.on(Produce, request => answer(request, () => (refusals-- > 0 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : 0)))
      for (let i = 1; i <= 1_000; i++) producer.append({ topic: 't', partition: 0, value: `${i}`.padStart(1_000, '0') })
      expect((await settled(producer.flush())).error).toBeUndefined()
      expect(numbers()).toEqual(range(1_001))
      const sent = arrivals().at(-3)!
      expect(sent.values.length).toBeGreaterThan(100)
      expect(sent.view.compression).toBe(compression)
    },
  )

  it('splits a large compressed batch that the broker finds too large', async () => {
    const producer = open({ compression: 'gzip', batchBytes: 200_000 })
    await sendOne(producer)
    broker.on(Produce, request => answer(request, ({ values }) => (values.length > 60 ? ErrorCode.MESSAGE_TOO_LARGE : 0)))
    for (let i = 1; i <= 300; i++) producer.append({ topic: 't', partition: 0, value: `${i}`.padStart(1_000, '0') })
    expect((await settled(producer.flush())).error).toBeUndefined()
    expect(numbers()).toEqual(range(301))
    expect(
      arrivals()
        .slice(1)
        .every(({ view }) => view.compression === 'gzip'),
    ).toBe(true)
  })
})

describe('limits', () => {
  it('says false when the buffer is full, and that there is room when answers come', async () => {
    const producer = open({ bufferBytes: 10_000, batchBytes: 1_000 })
    await sendOne(producer)
    const releases: (() => void)[] = []
    broker.on(Produce, async request => {
      await new Promise<void>(resolve => releases.push(resolve))
      return answer(request, () => 0)
    })
    let taken = 0
    while (producer.append({ topic: 't', partition: 0, value: `${++taken}`.padStart(100, '0') })) if (taken > 1_000) break
    expect(taken).toBeLessThan(120)
    expect(producer.append({ topic: 't', partition: 0, value: 'no' })).toBe(false)
    const room = settled(producer.ready())
    broker.on(Produce, request => answer(request, () => 0))
    await passed(10)
    for (const release of releases.splice(0)) release()
    expect((await room).error).toBeUndefined()
    expect(producer.append({ topic: 't', partition: 0, value: '0' })).toBe(true)
    expect((await settled(producer.flush())).error).toBeUndefined()
    expect(log.get(0)!.length).toBe(taken + 1)
  })

  it('lets send wait for room, in the order of the calls, and fail after maxBlockMs', async () => {
    const producer = open({ bufferBytes: 2_000, batchBytes: 500, maxBlockMs: 1_000 })
    await sendOne(producer)
    broker.on(Produce, () => 'silent')
    const sends = sendSingly(producer, 100, 1)
    await passed(1_500)
    const failed = producer.send({ topic: 't', partition: 0, value: 'x' })
    const outcome = await settled(failed)
    expect(outcome.error).toMatchObject({ code: 'BUFFER_EXHAUSTED', retriable: true })
    universe.machine('broker').kill()
    broker.on(Produce, request => answer(request, () => 0))
    await broker.listen(universe.machine('broker').boot())
    const { value } = await settled(sends)
    const delivered = value!.flatMap(({ status }, i) => (status === 'fulfilled' ? [i + 1] : []))
    expect(delivered.length).toBeGreaterThan(5)
    expect(numbers()).toEqual([0, ...delivered])
  })

  it('tells flush and onError of failures that nobody waits for, once, and not of the others', async () => {
    const told: string[] = []
    const producer = open({
      batchBytes: 1,
      onError: (error, { recordCount }) => void told.push(`${(error as { code?: string }).code} ${recordCount}`),
    })
    await sendOne(producer)
    broker.on(Produce, request => answer(request, () => ErrorCode.TOPIC_AUTHORIZATION_FAILED))
    producer.append({ topic: 't', partition: 0, value: 'a' })
    expect((await settled(producer.flush())).error).toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    expect((await settled(producer.flush())).error).toBeUndefined()
    expect(told).toEqual(['TOPIC_AUTHORIZATION_FAILED 1'])
    expect((await settled(producer.send({ topic: 't', partition: 0, value: 'b' }))).error).toMatchObject({
      code: 'TOPIC_AUTHORIZATION_FAILED',
    })
    expect((await settled(producer.flush())).error).toBeUndefined()
    void producer.send({ topic: 't', partition: 0, value: 'c' })
    expect((await settled(producer.flush())).error).toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(told).toHaveLength(2)
  })

  it('fails all batches when the cluster refuses a producer id for good', async () => {
    broker.on(InitProducerId, () => ({ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED }))
    const producer = open()
    expect((await settled(producer.send({ topic: 't', value: 'v' }))).error).toMatchObject({
      code: 'CLUSTER_AUTHORIZATION_FAILED',
    })
    expect((await settled(producer.send({ topic: 't', value: 'v' }))).error).toMatchObject({
      code: 'CLUSTER_AUTHORIZATION_FAILED',
    })
  })

  it('gets its producer id in the end when brokers hang or load meanwhile', async () => {
    let asked = 0
    broker.on(InitProducerId, () =>
      ++asked === 1
        ? 'silent'
        : asked === 2
          ? { errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }
          : { producerId: 1, producerEpoch: 0 },
    )
    const producer = open({ requestTimeoutMs: 2_000 })
    expect((await settled(producer.send({ topic: 't', value: 'v' }))).value!.offset).toBe(0)
  })

  it('another topic that is gone holds up nothing', async () => {
    broker.topics.set('gone', 1)
    const producer = open()
    await settled(producer.send({ topic: 'gone', value: 'v' }))
    broker.topics.delete('gone')
    broker.on(Produce, request => {
      const { topicData } = request.body
      const gone = broker.topicId('gone')
      return {
        responses: topicData.map(({ topicId, partitionData }) => ({
          topicId,
          partitionResponses: partitionData.map(({ index }) => ({
            index,
            errorCode: topicId === gone ? ErrorCode.UNKNOWN_TOPIC_ID : 0,
            baseOffset: 5,
          })),
        })),
      }
    })
    const stuck = settled(producer.send({ topic: 'gone', value: 'v' }))
    expect((await settled(producer.send({ topic: 't', value: 'v' }))).value!.offset).toBe(5)
    expect((await stuck).error).toMatchObject({ code: 'REQUEST_TIMED_OUT' })
  })

  it('delivers on close, and gives up at the time limit', async () => {
    const producer = open({ lingerMs: 60_000, deliveryTimeoutMs: 120_000 })
    producer.append({ topic: 't', value: 'v' })
    expect((await settled(producer.close())).error).toBeUndefined()
    expect(log.get(0)).toEqual(['v'])
    expect((await settled(producer.send({ topic: 't', value: 'v' }))).error).toMatchObject({ code: 'CLOSED' })
    const stuck = open()
    await sendOne(stuck)
    broker.on(Produce, () => 'silent')
    const send = stuck.send({ topic: 't', value: 'late' })
    const outcome = settled(send)
    await settled(stuck.close(500))
    expect((await outcome).error).toMatchObject({ code: 'CLOSED' })
    await passed(1_000)
    expect(universe.net.openConnections).toBe(0)
  })

  it.each([
    ['lingerMs', -1],
    ['lingerMs', '5'],
    ['acks', 2],
    ['compression', 'brotli'],
    ['maxInFlight', 6],
    ['deliveryTimeoutMs', 10],
    ['bootstrapServers', 'nowhere'],
    ['compressionLevel', 1e6],
  ])('refuses %s %j', (option, value) => {
    expect(() => open({ compression: 'zstd', [option]: value } as Partial<ProducerOptions>)).toThrow(
      expect.objectContaining({ code: 'CONFIG' }),
    )
  })
})
