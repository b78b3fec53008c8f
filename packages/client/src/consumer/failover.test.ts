import { ApiVersions, apis, BatchBuilder, ErrorCode, Fetch, OffsetForLeaderEpoch } from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { describe, expect, it } from 'vitest'
import { LogTruncationError } from '../errors.ts'
import { FakeCluster, type FakeClusterOptions } from '../testing/fake-cluster.ts'
import { settledIn } from '../testing/settled.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'

let universe: SimulatedUniverse
let cluster: FakeCluster

async function start(options: FakeClusterOptions & { seed?: number; brokers?: number; partitions?: number } = {}) {
  universe = new SimulatedUniverse(options.seed ?? 9)
  cluster = new FakeCluster(universe, options.brokers ?? 3, options.partitions ?? 3, options)
  await cluster.start()
}

/** Appends a replicated record. */
function produce(partition: number, value: string): void {
  const builder = new BatchBuilder({ maxBytes: 1_000 })
  builder.append(1, null, value)
  const at = cluster.partitions[partition]!
  at.replicate(at.append(builder.build()).nextOffset)
}

const open = (options: Partial<ConsumerOptions> = {}, partitions = [0, 1, 2]) => {
  const consumer = new Consumer({
    world: universe.machine('client').boot(),
    bootstrapServers: cluster.bootstrapServers,
    autoOffsetReset: 'earliest',
    ...options,
  })
  consumer.assign(partitions.map(partition => ({ topic: 't', partition })))
  return consumer
}
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })
const valuesOf = (batch: ConsumedBatch) => {
  const values: string[] = []
  const cursor = batch.records()
  while (cursor.next()) values.push(Buffer.from(cursor.value()!).toString())
  return values
}

/** Reads in the background: what came from each partition and when, and what `poll` failed with. */
function reading(consumer: Consumer) {
  const seen = new Map<number, { readonly atMs: number; readonly value: string }[]>([0, 1, 2].map(each => [each, []]))
  const failures: unknown[] = []
  const run = async () => {
    for (;;) {
      try {
        for (const batch of await consumer.poll(1_000))
          for (const value of valuesOf(batch)) seen.get(batch.partition)!.push({ atMs: universe.scheduler.nowMs, value })
      } catch (error) {
        if ((error as { code: string }).code === 'CLOSED') return
        failures.push(error)
      }
    }
  }
  void run()
  return { seen, failures, values: (partition: number) => seen.get(partition)!.map(({ value }) => value) }
}

function flow(everyMs: number) {
  let count = 0
  let isOn = true
  const next = () => {
    if (!isOn) return
    produce(count % cluster.partitions.length, String(count++))
    universe.scheduler.after(everyMs, next)
  }
  next()
  return () => (isOn = false)
}

function longestGap(seen: readonly { readonly atMs: number }[], fromMs: number): number {
  const times = [fromMs, ...seen.map(({ atMs }) => atMs).filter(atMs => atMs > fromMs), universe.scheduler.nowMs]
  return Math.max(...times.slice(1).map((atMs, place) => atMs - times[place]!))
}

describe('when a leader dies or hangs', () => {
  it('reading goes on at the same offsets, whoever leads', async () => {
    for (let seed = 1; seed <= 2; seed++) {
      await start({ seed, hints: seed % 2 === 1 })
      const consumer = open()
      const { values, failures } = reading(consumer)
      const stop = flow(10)
      await passed(300)
      for (let round = 0; round < 4; round++) {
        const victim = 1 + ((round + seed) % 3)
        if (round % 2 === 0) cluster.kill(victim, 300)
        else cluster.pause(victim, 2_000, 300)
        await passed(4_000)
        if (round % 2 === 0) await cluster.restart(victim)
        else cluster.unfence(victim)
        await passed(500)
      }
      stop()
      await passed(3_000)
      for (const partition of [0, 1, 2]) expect(values(partition)).toEqual(cluster.values(partition))
      expect(failures).toEqual([])
      await settledIn(universe, consumer.close())
    }
  })

  it.each(['dies', 'hangs'])('records of its partitions come a moment after another one is elected (it %s)', async how => {
    await start()
    const consumer = open()
    const { seen } = reading(consumer)
    const stop = flow(10)
    await passed(500)
    const { nowMs } = universe.scheduler
    if (how === 'dies') cluster.kill(1, 5_000)
    else cluster.pause(1, 12_000, 5_000)
    await passed(10_000)
    // A hanging broker is noticed by time alone: half a second is the fetch's own wait.
    expect(longestGap(seen.get(0)!, nowMs)).toBeLessThan(how === 'dies' ? 5_300 : 7_000)
    expect(longestGap(seen.get(1)!, nowMs)).toBeLessThan(300)
    stop()
    await passed(5_000)
    await settledIn(universe, consumer.close())
  })
})

describe('where logs begin and end', () => {
  it('is asked of the new leader as soon as there is one, though the old one hangs', async () => {
    await start()
    const consumer = open({}, [0])
    const partition = { topic: 't', partition: 0 }
    produce(0, 'a')
    expect((await settledIn(universe, consumer.endOffsets([partition]))).value).toEqual([1])
    cluster.pause(1, 60_000, 3_000)
    const startedMs = universe.scheduler.nowMs
    expect((await settledIn(universe, consumer.endOffsets([partition]))).value).toEqual([1])
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(6_000)
    await settledIn(universe, consumer.close())
  })
})

describe('a replica nearby (KIP-392)', () => {
  const redirect = (to: number) => {
    const leader = cluster.brokers[0]!
    const partition = cluster.partitions[0]!
    leader.on(Fetch, ({ body }) => ({
      responses: body.topics.map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ fetchOffset }) =>
          body.rackId === 'near'
            ? { partitionIndex: 0, highWatermark: partition.highWatermark, preferredReadReplica: to }
            : {
                partitionIndex: 0,
                highWatermark: partition.highWatermark,
                records: Buffer.concat(partition.read(fetchOffset, 20)),
              },
        ),
      })),
    }))
  }
  const serve = (id: number, answer: (fetchOffset: number) => object) =>
    cluster.brokers[id - 1]!.on(Fetch, ({ body }) => ({
      responses: body.topics.map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ fetchOffset }) => ({ partitionIndex: 0, ...answer(fetchOffset) })),
      })),
    }))

  it('is read from when the leader names it', async () => {
    await start({ partitions: 1 })
    redirect(2)
    serve(2, offset => ({ highWatermark: 1, records: Buffer.concat(cluster.partitions[0]!.read(offset, 20)) }))
    produce(0, 'a')
    const consumer = open({ clientRack: 'near' }, [0])
    const { values } = reading(consumer)
    await passed(1_000)
    expect(values(0)).toEqual(['a'])
    expect(cluster.brokers[1]!.of(Fetch).length).toBeGreaterThan(0)
    await settledIn(universe, consumer.close())
  })

  it.each([
    ['OFFSET_OUT_OF_RANGE', ErrorCode.OFFSET_OUT_OF_RANGE],
    ['OFFSET_NOT_AVAILABLE', ErrorCode.OFFSET_NOT_AVAILABLE],
  ])('that answers %s sends the consumer back to the leader, at the same offset', async (_name, errorCode) => {
    await start({ partitions: 1 })
    redirect(2)
    serve(2, () => ({ errorCode, highWatermark: -1 }))
    for (const value of ['a', 'b', 'c']) produce(0, value)
    const consumer = open({ clientRack: 'near', autoOffsetReset: 'none' }, [0])
    consumer.seek({ topic: 't', partition: 0 }, 1)
    const { values, failures } = reading(consumer)
    await passed(200)
    // The leader serves by itself from now on.
    cluster.serveAll()
    await passed(1_000)
    expect([values(0), failures]).toEqual([['b', 'c'], []])
    await settledIn(universe, consumer.close())
  })

  it('that is gone is left for the leader', async () => {
    await start({ partitions: 1 })
    redirect(2)
    universe.machine('broker-2').kill()
    produce(0, 'a')
    const consumer = open({ clientRack: 'near' }, [0])
    const { values } = reading(consumer)
    await passed(300)
    cluster.serveAll()
    await passed(3_000)
    expect(values(0)).toEqual(['a'])
    await settledIn(universe, consumer.close())
  })
})

describe('a log that was cut below the position (KIP-320)', () => {
  const diverge = () => {
    let isFirst = true
    const [leader] = cluster.brokers
    const partition = cluster.partitions[0]!
    leader!.on(Fetch, ({ body }) => ({
      responses: body.topics.map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ fetchOffset, lastFetchedEpoch }) => {
          const answer = { partitionIndex: 0, highWatermark: partition.highWatermark }
          if (fetchOffset < 3) return { ...answer, records: Buffer.concat(partition.read(fetchOffset, 20)) }
          if (!isFirst) return { ...answer, records: Buffer.concat(partition.read(fetchOffset, 20)) }
          isFirst = false
          expect(lastFetchedEpoch).toBe(0)
          return { ...answer, divergingEpoch: { epoch: 0, endOffset: 1 } }
        }),
      })),
    }))
  }

  it('with a reset policy reading goes on where the logs part', async () => {
    await start({ partitions: 1, brokers: 1 })
    for (const value of ['a', 'b', 'c']) produce(0, value)
    diverge()
    const consumer = open({}, [0])
    const { values } = reading(consumer)
    await passed(2_000)
    expect(values(0)).toEqual(['a', 'b', 'c', 'b', 'c'])
    await settledIn(universe, consumer.close())
  })

  it.each([
    ['the epoch ends below the position', { leaderEpoch: 0, endOffset: 1 }, ['a', 'b', 'c', 'b', 'c', 'd']],
    ['the leader knows nothing of that time', { leaderEpoch: -1, endOffset: -1 }, ['a', 'b', 'c', 'a', 'b', 'c', 'd']],
    ['nothing was cut', { leaderEpoch: 0, endOffset: 3 }, ['a', 'b', 'c', 'd']],
  ])(
    'a broker before Kafka 2.7 is asked with OffsetForLeaderEpoch when it has a new leader: %s',
    async (_case, end, expected) => {
      await start({ partitions: 1, brokers: 1 })
      const [leader] = cluster.brokers
      leader!.on(ApiVersions, () => ({
        apiKeys: apis.flatMap(({ key, versions }) =>
          versions === null ? [] : [{ apiKey: key, minVersion: versions.min, maxVersion: key === Fetch.key ? 11 : versions.max }],
        ),
      }))
      leader!.on(OffsetForLeaderEpoch, ({ body }) => {
        expect(body.topics[0]!.partitions[0]).toMatchObject({ currentLeaderEpoch: 1, leaderEpoch: 0 })
        return { topics: [{ topic: 't', partitions: [{ partition: 0, ...end }] }] }
      })
      for (const value of ['a', 'b', 'c']) produce(0, value)
      const consumer = open({ metadataMaxAgeMs: 500 }, [0])
      const { values } = reading(consumer)
      await passed(1_000)
      expect(leader!.of(OffsetForLeaderEpoch)).toEqual([])
      cluster.partitions[0]!.elect(1)
      produce(0, 'd')
      await passed(3_000)
      expect(values(0)).toEqual(expected)
      expect(leader!.of(OffsetForLeaderEpoch)).toHaveLength(1)
      await settledIn(universe, consumer.close())
    },
  )

  it('without one the reader is told where', async () => {
    await start({ partitions: 1, brokers: 1 })
    for (const value of ['a', 'b', 'c']) produce(0, value)
    diverge()
    const consumer = open({ autoOffsetReset: 'none' }, [0])
    consumer.seek({ topic: 't', partition: 0 }, 0)
    const { failures } = reading(consumer)
    await passed(2_000)
    expect(failures[0]).toBeInstanceOf(LogTruncationError)
    expect(failures[0]).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', divergentOffset: 1 })
    await settledIn(universe, consumer.close())
  })
})

describe('closing', () => {
  it('ends the fetch sessions, also that of a fetch that is out', async () => {
    await start({ partitions: 2, brokers: 2 })
    for (const [index, broker] of cluster.brokers.entries())
      broker.on(Fetch, async ({ body }) => {
        if (body.sessionEpoch > 0) await new Promise<void>(resolve => universe.scheduler.after(400, resolve))
        return { sessionId: 70 + index }
      })
    const consumer = open({}, [0, 1])
    reading(consumer)
    await passed(1_000)
    const startedMs = universe.scheduler.nowMs
    await settledIn(universe, consumer.close())
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(400)
    for (const [index, broker] of cluster.brokers.entries()) {
      const { sessionId, sessionEpoch } = broker.of(Fetch).at(-1)!.body
      expect([sessionId, sessionEpoch]).toEqual([70 + index, -1])
    }
  })

  it('does not wait for a broker that is gone', async () => {
    await start({ partitions: 1, brokers: 2 })
    cluster.brokers[0]!.on(Fetch, ({ body }) => (body.sessionEpoch > 0 ? 'silent' : { sessionId: 7 }))
    const consumer = open({}, [0])
    reading(consumer)
    await passed(200)
    universe.machine('broker-1').pause(60_000)
    const startedMs = universe.scheduler.nowMs
    await settledIn(universe, consumer.close())
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(1_500)
  })
})
