import {
  BatchBuilder,
  type Draft,
  ErrorCode,
  Fetch,
  type FetchRequest,
  type FetchResponse,
  ListOffsets,
  Metadata,
  OffsetFetch,
  setBaseOffsetAndEpoch,
} from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Answer, FakeBroker, type FakeRequest } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'

let universe: SimulatedUniverse
let broker: FakeBroker
/** Batches of each partition of topic `t`, in order. */
let log: Map<number, Uint8Array[]>

beforeEach(async () => {
  universe = new SimulatedUniverse(3)
  broker = new FakeBroker('broker')
  broker.topics.set('t', 3)
  log = new Map([0, 1, 2].map(partition => [partition, []]))
  await broker.listen(universe.machine('broker').boot())
  broker.on(Fetch, request => answer(request))
  broker.on(ListOffsets, ({ body }) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => ({
        partitionIndex,
        offset: timestamp === -2 ? 0 : endOf(partitionIndex),
      })),
    })),
  }))
})

const open = (options: Partial<ConsumerOptions> = {}) =>
  new Consumer({
    world: universe.machine('client').boot(),
    bootstrapServers: broker.bootstrapServers,
    autoOffsetReset: 'earliest',
    ...options,
  })
const t = (partition: number) => ({ topic: 't', partition })

const settled = <T>(promise: Promise<T>) => settledIn(universe, promise)
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })
const polled = async (consumer: Consumer, maxWaitMs = 5_000) => {
  const { value, error } = await settled(consumer.poll(maxWaitMs))
  if (error) throw error
  return value!
}
/** Polls until `count` records have come. */
async function taken(consumer: Consumer, count: number): Promise<string[]> {
  const values: string[] = []
  while (values.length < count) {
    const batches = await polled(consumer)
    if (batches.length === 0) throw new Error(`only ${values.length} of ${count} came`)
    values.push(...batches.flatMap(valuesOf))
  }
  return values
}

function valuesOf(batch: ConsumedBatch): string[] {
  const values: string[] = []
  const cursor = batch.records()
  while (cursor.next()) values.push(Buffer.from(cursor.value()!).toString())
  return values
}

interface BatchSpec {
  readonly producerId?: number
  readonly transactional?: boolean
  readonly control?: 'abort' | 'commit'
  readonly leaderEpoch?: number
}

function endOf(partition: number): number {
  const last = log.get(partition)!.at(-1)
  return last ? Number(Buffer.from(last).readBigInt64BE(0)) + Buffer.from(last).readInt32BE(23) + 1 : 0
}

/** Appends a batch with these values to the fake log. */
function append(
  partition: number,
  values: string[],
  { producerId = -1, transactional = false, control, leaderEpoch = 0 }: BatchSpec = {},
): void {
  const identity = { producerId, producerEpoch: 0, baseSequence: 0 }
  const builder = new BatchBuilder({ maxBytes: 1e6, transactional, control: control !== undefined, ...identity })
  if (control) builder.append(0, Buffer.from([0, 0, 0, control === 'abort' ? 0 : 1]), Buffer.alloc(6))
  else for (const value of values) builder.append(1_000, 'k', value)
  const bytes = builder.build().slice()
  setBaseOffsetAndEpoch(bytes, 0, endOf(partition), leaderEpoch)
  log.get(partition)!.push(bytes)
}

type PartitionAnswer = Draft<NonNullable<FetchResponse['responses'][number]>['partitions'][number]>

/** Answers a fetch from the log, with sessions off; `change` may alter the answer of a partition. */
async function answer(
  { body }: FakeRequest<FetchRequest>,
  change: (partition: number, answer: PartitionAnswer) => PartitionAnswer = (_, same) => same,
): Promise<Answer<FetchResponse>> {
  let found = false
  const responses = body.topics.map(({ topicId, partitions }) => ({
    topicId,
    partitions: partitions.map(({ partition, fetchOffset, partitionMaxBytes }) => {
      const end = endOf(partition)
      if (fetchOffset > end)
        return change(partition, { partitionIndex: partition, errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, highWatermark: -1 })
      const batches: Uint8Array[] = []
      let bytes = 0
      for (const batch of log.get(partition)!) {
        const last = Number(Buffer.from(batch).readBigInt64BE(0)) + Buffer.from(batch).readInt32BE(23)
        if (last < fetchOffset || (bytes > 0 && bytes + batch.length > partitionMaxBytes)) continue
        batches.push(batch)
        bytes += batch.length
      }
      if (bytes > 0) found = true
      return change(partition, {
        partitionIndex: partition,
        highWatermark: end,
        lastStableOffset: end,
        logStartOffset: 0,
        records: Buffer.concat(batches),
      })
    }),
  }))
  if (!found) await new Promise<void>(resolve => universe.scheduler.after(body.maxWaitMs, resolve))
  return { responses }
}

describe('reading', () => {
  it('gives the batches of all partitions, in order within each', async () => {
    for (let i = 0; i < 5; i++)
      for (const partition of [0, 1, 2]) append(partition, [`${partition}:${2 * i}`, `${partition}:${2 * i + 1}`])
    const consumer = open()
    consumer.assign([t(0), t(1), t(2)])
    const values = await taken(consumer, 30)
    for (const partition of [0, 1, 2])
      expect(values.filter(value => value.startsWith(`${partition}:`))).toEqual(
        Array.from({ length: 10 }, (_, i) => `${partition}:${i}`),
      )
  })

  it('starts within a batch when the position is there', async () => {
    append(0, ['a', 'b', 'c', 'd'])
    const consumer = open()
    consumer.assign([t(0)])
    consumer.seek(t(0), 2)
    const [batch] = await polled(consumer)
    expect(valuesOf(batch!)).toEqual(['c', 'd'])
    expect(valuesOf(batch!)).toEqual(['c', 'd'])
    expect([batch!.baseOffset, batch!.nextOffset]).toEqual([2, 4])
  })

  it('leaves out aborted transactions and markers with read_committed, and moves past them', async () => {
    append(0, ['before'])
    append(0, ['lost 1'], { producerId: 5, transactional: true })
    append(0, ['kept'], { producerId: 6, transactional: true })
    append(0, ['lost 2'], { producerId: 5, transactional: true })
    append(0, [], { producerId: 5, transactional: true, control: 'abort' })
    append(0, ['kept too'], { producerId: 5, transactional: true })
    append(0, [], { producerId: 6, transactional: true, control: 'commit' })
    append(0, [], { producerId: 5, transactional: true, control: 'commit' })
    broker.on(Fetch, request =>
      answer(request, (_, same) => ({
        ...same,
        abortedTransactions: request.body.isolationLevel === 1 ? [{ producerId: 5, firstOffset: 1 }] : null,
      })),
    )
    const committed = open({ isolationLevel: 'read_committed' })
    committed.assign([t(0)])
    expect(await taken(committed, 3)).toEqual(['before', 'kept', 'kept too'])
    expect(committed.position(t(0))).toBe(8)
    expect(committed.lag(t(0))).toBe(0)
    await settled(committed.close())
    const all = open()
    all.assign([t(0)])
    expect(await taken(all, 5)).toEqual(['before', 'lost 1', 'kept', 'lost 2', 'kept too'])
    expect(all.position(t(0))).toBe(8)
  })

  it('moves past an answer that holds nothing but markers', async () => {
    append(0, [], { producerId: 5, transactional: true, control: 'commit' })
    const consumer = open()
    consumer.assign([t(0)])
    expect(await polled(consumer, 200)).toEqual([])
    expect(consumer.position(t(0))).toBe(1)
    append(0, ['a'])
    expect(await taken(consumer, 1)).toEqual(['a'])
  })

  it('reports a batch with a wrong CRC, stays before it, and goes on behind it after a seek', async () => {
    append(0, ['a'])
    append(0, ['b'])
    append(0, ['c'])
    log.get(0)![1]![62] = 9
    const consumer = open()
    consumer.assign([t(0)])
    expect(await taken(consumer, 1)).toEqual(['a'])
    for (let i = 0; i < 2; i++) expect((await settled(consumer.poll(1_000))).error).toMatchObject({ code: 'CORRUPT_MESSAGE' })
    expect(consumer.position(t(0))).toBe(1)
    consumer.seek(t(0), 2)
    expect(await taken(consumer, 1)).toEqual(['c'])
    const trusting = open({ checkCrcs: false })
    trusting.assign([t(0)])
    expect((await polled(trusting)).flatMap(batch => batch.recordCount)).toEqual([1, 1, 1])
  })

  it.each([
    ['a negative batch length', (bytes: Uint8Array) => bytes.fill(0xff, 8, 12)],
    ['another magic byte', (bytes: Uint8Array) => bytes.fill(1, 16, 17)],
    ['a length beyond the answer', (bytes: Uint8Array) => bytes.fill(0x7f, 8, 9)],
  ])('reports records that begin with %s', async (_, damage) => {
    append(0, ['a'])
    damage(log.get(0)![0]!)
    log.set(1, [])
    broker.on(Fetch, request => answer(request, (_, same) => ({ ...same, partitionIndex: 0, records: log.get(0)![0]! })))
    const consumer = open()
    consumer.assign([t(0)])
    consumer.seek(t(0), 0)
    expect((await settled(consumer.poll(5_000))).error).toMatchObject({ code: 'CORRUPT_MESSAGE' })
  })

  it('drops what comes for an offset that was sought away from', async () => {
    for (let i = 0; i < 10; i++) append(0, [`${i}`])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    let release = () => {}
    broker.on(Fetch, async request => {
      const made = await answer(request)
      await new Promise<void>(resolve => (release = resolve))
      return made
    })
    const poll = settled(consumer.poll(10_000))
    await passed(50)
    consumer.seek(t(0), 7)
    broker.on(Fetch, request => answer(request))
    release()
    expect((await poll).value!.flatMap(valuesOf)).toEqual(['7', '8', '9'])
  })

  it('takes no notice of partitions that it did not ask for', async () => {
    append(0, ['a'])
    append(1, ['stray'])
    broker.on(Fetch, async request => {
      const made = (await answer(request)) as { responses: { topicId: string; partitions: PartitionAnswer[] }[] }
      made.responses[0]!.partitions.push({ partitionIndex: 1, highWatermark: 1, records: log.get(1)![0]! })
      return made
    })
    const consumer = open()
    consumer.assign([t(0)])
    expect(await taken(consumer, 1)).toEqual(['a'])
    expect(await polled(consumer, 1_000)).toEqual([])
  })

  it('stops fetching when enough waits to be read, and goes on when it was', async () => {
    for (let i = 0; i < 100; i++) append(0, ['x'.repeat(1_000)])
    const consumer = open({ maxPartitionFetchBytes: 5_000, prefetchBytes: 20_000, maxPollRecords: 1 })
    consumer.assign([t(0)])
    await polled(consumer)
    await passed(60_000)
    const fetches = broker.of(Fetch).length
    expect(fetches).toBeLessThan(6)
    await passed(60_000)
    expect(broker.of(Fetch).length).toBe(fetches)
    expect((await taken(consumer, 99)).length).toBe(99)
  })

  it('never waits for idle partitions while it has read all of a busy one', async () => {
    for (let i = 0; i < 100; i++) append(0, ['x'.repeat(1_000)])
    const consumer = open({ maxPartitionFetchBytes: 1_000, fetchMaxWaitMs: 500, maxPollRecords: 1 })
    consumer.assign([t(0), t(1)])
    const startedMs = universe.scheduler.nowMs
    expect((await taken(consumer, 100)).length).toBe(100)
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(500)
  })

  it('fetches the others when what has been read enough of is paused', async () => {
    for (let i = 0; i < 10; i++) append(0, ['x'.repeat(1_000)])
    const consumer = open({ maxPartitionFetchBytes: 1_000, fetchMaxWaitMs: 100, maxPollRecords: 1 })
    consumer.assign([t(0), t(1)])
    await taken(consumer, 1)
    await passed(1_000)
    consumer.pause([t(0)])
    append(1, ['b'])
    expect(await taken(consumer, 1)).toEqual(['b'])
  })

  it('does not fetch what is paused, and keeps what it has of it', async () => {
    append(0, ['a'])
    append(1, ['b'])
    const consumer = open({ fetchMaxWaitMs: 100, maxPollRecords: 1 })
    consumer.assign([t(0), t(1)])
    await taken(consumer, 1)
    await passed(1_000)
    consumer.pause([t(0), t(1)])
    expect(await polled(consumer, 500)).toEqual([])
    const before = broker.of(Fetch).length
    await polled(consumer, 2_000)
    expect(broker.of(Fetch).length).toBe(before)
    consumer.resume([t(0), t(1)])
    expect((await taken(consumer, 1)).length).toBe(1)
  })

  it('reads on after the broker was silent, and after it was gone', async () => {
    append(0, ['a'])
    const consumer = open({ requestTimeoutMs: 1_000 })
    consumer.assign([t(0)])
    await taken(consumer, 1)
    broker.on(Fetch, () => 'silent')
    await polled(consumer, 5_000)
    append(0, ['b'])
    broker.on(Fetch, request => answer(request))
    expect(await taken(consumer, 1)).toEqual(['b'])
    universe.machine('broker').kill()
    await polled(consumer, 5_000)
    append(0, ['c'])
    await broker.listen(universe.machine('broker').boot())
    expect(await taken(consumer, 1)).toEqual(['c'])
  })

  it('moves to the new leader of a partition', async () => {
    const other = new FakeBroker('other', 2)
    broker.peers.push(other)
    other.on(Fetch, request => answer(request))
    await other.listen(universe.machine('other').boot())
    append(0, ['a'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    await taken(consumer, 1)
    broker.on(Fetch, request =>
      answer(request, partition => ({ partitionIndex: partition, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER })),
    )
    broker.leaders.set('t-0', { nodeId: 2, leaderEpoch: 1 })
    append(0, ['b'])
    expect(await taken(consumer, 1)).toEqual(['b'])
    expect(other.of(Fetch)[0]!.body.topics[0]!.partitions[0]).toMatchObject({ currentLeaderEpoch: 1, lastFetchedEpoch: 0 })
  })

  it.each(['FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'OFFSET_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION'] as const)(
    'tries again after %s, with fresh metadata',
    async code => {
      append(0, ['a'])
      let refusals = 2
      broker.on(Fetch, request =>
        answer(request, (partition, same) => (refusals-- > 0 ? { partitionIndex: partition, errorCode: ErrorCode[code] } : same)),
      )
      const consumer = open({ fetchMaxWaitMs: 100 })
      consumer.assign([t(0)])
      const asked = broker.of(Metadata).length
      expect(await taken(consumer, 1)).toEqual(['a'])
      expect(broker.of(Metadata).length).toBeGreaterThan(asked)
    },
  )

  it('passes over batches that lie wholly before the position', async () => {
    append(0, ['a'])
    append(0, ['b'])
    append(0, ['c'])
    broker.on(Fetch, request => answer(request, (_, same) => ({ ...same, records: Buffer.concat(log.get(0)!) })))
    const consumer = open()
    consumer.assign([t(0)])
    consumer.seek(t(0), 2)
    expect((await polled(consumer)).flatMap(valuesOf)).toEqual(['c'])
  })

  it('drops what comes for a partition that was given back and assigned again meanwhile', async () => {
    append(0, ['a'])
    let release = () => {}
    broker.on(Fetch, async request => {
      const made = await answer(request)
      await new Promise<void>(resolve => (release = resolve))
      return made
    })
    const consumer = open()
    consumer.assign([t(0)])
    const poll = settled(consumer.poll(3_000))
    await passed(100)
    consumer.assign([])
    consumer.assign([t(0)])
    consumer.pause([t(0)])
    broker.on(Fetch, request => answer(request))
    release()
    expect((await poll).value).toEqual([])
    consumer.resume([t(0)])
    expect(await taken(consumer, 1)).toEqual(['a'])
  })

  it('does not take a committed offset that comes when the reader has sought elsewhere', async () => {
    append(0, ['a', 'b', 'c'])
    let release = () => {}
    broker.on(OffsetFetch, async ({ body }) => {
      await new Promise<void>(resolve => (release = resolve))
      const partitions = [{ partitionIndex: 0, committedOffset: 0, metadata: '', errorCode: 0 }]
      return { groups: body.groups.map(({ groupId }) => ({ groupId, topics: [{ name: 't', partitions }], errorCode: 0 })) }
    })
    const consumer = open({ groupId: 'g' })
    consumer.assign([t(0)])
    const poll = settled(consumer.poll(5_000))
    await passed(100)
    consumer.seek(t(0), 2)
    release()
    expect((await poll).value!.flatMap(valuesOf)).toEqual(['c'])
    expect(consumer.position(t(0))).toBe(3)
  })

  it('goes to the nearer replica that the leader names, and back when that fails (KIP-392)', async () => {
    const near = new FakeBroker('near', 2)
    broker.peers.push(near)
    let isBroken = false
    near.on(Fetch, request =>
      answer(request, (partition, same) =>
        isBroken ? { partitionIndex: partition, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER } : same,
      ),
    )
    await near.listen(universe.machine('near').boot())
    append(0, ['a'])
    broker.on(Fetch, request =>
      answer(request, (partition, same) =>
        isBroken ? same : { partitionIndex: partition, preferredReadReplica: 2, records: null },
      ),
    )
    const consumer = open({ clientRack: 'here', fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    expect(await taken(consumer, 1)).toEqual(['a'])
    expect(broker.of(Fetch)[0]!.body.rackId).toBe('here')
    isBroken = true
    append(0, ['b'])
    expect(await taken(consumer, 1)).toEqual(['b'])
  })

  it('asks for the brokers when the leader names a replica that it does not know', async () => {
    broker.on(Fetch, request =>
      answer(request, partition => ({ partitionIndex: partition, preferredReadReplica: 9, records: null })),
    )
    const consumer = open({ clientRack: 'here', fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    await polled(consumer, 50)
    const before = broker.of(Metadata).length
    await polled(consumer, 2000)
    expect(broker.of(Metadata).length).toBeGreaterThan(before)
  })

  it('goes back to where a truncated log diverges (KIP-320)', async () => {
    append(0, ['a'])
    append(0, ['b'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    await taken(consumer, 2)
    log.set(0, log.get(0)!.slice(0, 1))
    append(0, ['b again'], { leaderEpoch: 1 })
    broker.on(Fetch, request =>
      answer(request, (partition, same) =>
        request.body.topics[0]!.partitions[0]!.fetchOffset > 1
          ? { partitionIndex: partition, highWatermark: 2, divergingEpoch: { epoch: 0, endOffset: 1 }, records: null }
          : same,
      ),
    )
    expect(await taken(consumer, 1)).toEqual(['b again'])
  })

  it('resets an offset that is out of range once all that was fetched has been read', async () => {
    append(0, ['a'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    consumer.seek(t(0), 99)
    expect(await taken(consumer, 1)).toEqual(['a'])
    const strict = open({ autoOffsetReset: 'none' })
    strict.assign([t(0)])
    expect((await settled(strict.poll(1_000))).error).toMatchObject({ code: 'NO_OFFSET_FOR_PARTITION' })
    strict.seek(t(0), 99)
    expect((await settled(strict.poll(1_000))).error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    strict.seek(t(0), 0)
    expect(await taken(strict, 1)).toEqual(['a'])
  })

  it('tells of errors that trying again does not help', async () => {
    broker.on(Fetch, request =>
      answer(request, partition => ({ partitionIndex: partition, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED })),
    )
    const consumer = open()
    consumer.assign([t(0)])
    expect((await settled(consumer.poll(1_000))).error).toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
  })

  it('asks for metadata once more when the topic was deleted and made again', async () => {
    append(0, ['a'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    await taken(consumer, 1)
    let isOld = true
    broker.on(Fetch, request =>
      isOld
        ? {
            errorCode: ErrorCode.NONE,
            responses: [
              { topicId: broker.topicId('t'), partitions: [{ partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] },
            ],
          }
        : answer(request),
    )
    const asked = broker.of(Metadata).length
    await polled(consumer, 500)
    expect(broker.of(Metadata).length).toBeGreaterThan(asked)
    isOld = false
    append(0, ['b'])
    expect(await taken(consumer, 1)).toEqual(['b'])
  })
})

describe('fetch sessions', () => {
  let sessionId: number
  let epoch: number

  beforeEach(() => {
    sessionId = 0
    epoch = 0
    broker.on(Fetch, async request => {
      const { body } = request
      if (body.sessionEpoch === 0) {
        sessionId++
        epoch = 1
      } else if (body.sessionId !== sessionId) return { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND }
      else if (body.sessionEpoch !== epoch++) return { errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH }
      const made = (await answer(request)) as Draft<FetchResponse>
      return { ...made, sessionId }
    })
  })
  const requested = () =>
    broker.of(Fetch).map(({ body }) => ({
      epoch: body.sessionEpoch,
      asked: body.topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)),
      forgotten: body.forgottenTopicsData.flatMap(({ partitions }) => partitions),
    }))

  it('ask for everything once and then only for what changed', async () => {
    append(0, ['a'])
    append(1, ['b'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0), t(1), t(2)])
    await taken(consumer, 2)
    await polled(consumer, 300)
    expect(requested().slice(0, 3)).toEqual([
      { epoch: 0, asked: [0, 1, 2], forgotten: [] },
      { epoch: 1, asked: [0, 1], forgotten: [] },
      { epoch: 2, asked: [], forgotten: [] },
    ])
    consumer.pause([t(1)])
    await polled(consumer, 300)
    expect(requested().find(({ forgotten }) => forgotten.length > 0)).toEqual({
      epoch: expect.any(Number),
      asked: [],
      forgotten: [1],
    })
  })

  it.each([
    ['forgot it', () => (sessionId += 10)],
    ['counts otherwise', () => (epoch += 3)],
  ])('begin anew when the broker %s', async (_, fault) => {
    append(0, ['a'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    await taken(consumer, 1)
    fault()
    append(0, ['b'])
    await passed(1_000)
    expect(await taken(consumer, 1)).toEqual(['b'])
    expect(requested().filter(each => each.epoch === 0).length).toBe(2)
  })

  it('begin anew on a new connection', async () => {
    append(0, ['a'])
    const consumer = open({ fetchMaxWaitMs: 100 })
    consumer.assign([t(0)])
    await taken(consumer, 1)
    universe.net.cut('client', 'broker')
    append(0, ['b'])
    expect(await taken(consumer, 1)).toEqual(['b'])
  })
})

describe('the reader', () => {
  it('is one: a second poll at the same time is refused', async () => {
    const consumer = open()
    expect((await settled(consumer.poll(10))).error).toMatchObject({ code: 'ILLEGAL_STATE' })
    consumer.assign([t(0)])
    const first = settled(consumer.poll(1_000))
    const second = consumer.poll(1_000)
    await expect(second).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
    expect((await first).value).toEqual([])
  })

  it('is woken by close: poll rejects, iterations end', async () => {
    const consumer = open()
    consumer.assign([t(0)])
    const poll = settled(consumer.poll(60_000))
    await passed(500)
    await settled(consumer.close())
    expect((await poll).error).toMatchObject({ code: 'CLOSED' })
    const other = open()
    other.assign([t(0)])
    const loop = settled(
      (async () => {
        let count = 0
        for await (const _ of other) count++
        return count
      })(),
    )
    await passed(500)
    await settled(other.close())
    expect((await loop).value).toBe(0)
    await passed(5_000)
    expect(universe.net.openConnections).toBe(0)
  })

  it('can close while its first connection is being made', async () => {
    universe.net.block('client', 'broker')
    const consumer = open()
    consumer.assign([t(0)])
    const poll = settled(consumer.poll(60_000))
    await passed(100)
    await settled(consumer.close())
    expect((await poll).error).toMatchObject({ code: 'CLOSED' })
    universe.net.heal()
    await passed(60_000)
    expect(universe.net.openConnections).toBe(0)
    expect((await settled(consumer.poll(10))).error).toMatchObject({ code: 'CLOSED' })
    expect((await settled(consumer.commit([]))).error).toMatchObject({ code: 'CLOSED' })
  })

  it('hears when its committed offset can’t be read', async () => {
    broker.on(OffsetFetch, ({ body }) => ({
      groups: body.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED })),
    }))
    const consumer = open({ groupId: 'g' })
    consumer.assign([t(0)])
    expect((await settled(consumer.poll(1_000))).error).toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
  })

  it.each([
    [{ groupId: '' }, /group.id/],
    [{ heartbeatIntervalMs: 50_000 }, /heartbeatIntervalMs/],
    [{ assignors: ['sticky'] }, /assignors/],
    [{ isolationLevel: 'none' }, /isolation.level/],
    [{ enableAutoCommit: true }, /groupId/],
  ])('refuses the options %j', (options, message) => {
    expect(() => open(options as Partial<ConsumerOptions>)).toThrow(message)
  })
})
