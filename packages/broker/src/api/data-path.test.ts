import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  BatchBuilder,
  type BatchBuilderOptions,
  batchesIn,
  CreateTopics,
  DeleteRecords,
  DeleteTopics,
  ErrorCode,
  Fetch,
  type FetchRequest,
  IncrementalAlterConfigs,
  InitProducerId,
  ListOffsets,
  Metadata,
  OffsetForLeaderEpoch,
  Produce,
} from '@millrace/protocol'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Broker } from '../broker.ts'
import { startNode } from '../start-node.ts'
import { RawClient } from '../testing/raw-client.ts'

const world = nodeWorld()
let directory: string
let broker: Broker
let client: RawClient

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-data-path-'))
  broker = await startNode({ world, dataDirectory: `${directory}/data`, port: 0, logger: silentLogger })
  client = await RawClient.connect(world, broker.listeners[0]!.port)
})
afterAll(async () => {
  client.close()
  await broker.close()
  fs.rmSync(directory, { recursive: true })
})

let topicCount = 0
async function newTopic(configs: Record<string, string> = {}, numPartitions = 1): Promise<{ name: string; topicId: string }> {
  const name = `topic-${topicCount++}`
  const { topics } = await client.request(CreateTopics, 7, {
    timeoutMs: 5000,
    topics: [
      {
        name,
        numPartitions,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
  })
  expect(topics[0]!.errorCode).toBe(ErrorCode.NONE)
  return { name, topicId: topics[0]!.topicId }
}

function batchOf(
  values: string[],
  { timestamp = 1000, ...options }: Partial<BatchBuilderOptions> & { timestamp?: number } = {},
): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 10_000_000, ...options })
  for (const [i, value] of values.entries()) builder.append(timestamp + i, `k${i}`, value)
  return builder.build()
}

async function produce(name: string, records: Uint8Array, options: { acks?: number; index?: number } = {}) {
  const { responses } = await client.request(Produce, 9, {
    acks: options.acks ?? -1,
    timeoutMs: 5000,
    topicData: [{ name, partitionData: [{ index: options.index ?? 0, records }] }],
  })
  return responses[0]!.partitionResponses[0]!
}

const fetchOf = (name: string, fetchOffset: number, options: Partial<FetchRequest> & { partitionMaxBytes?: number } = {}) => {
  const { partitionMaxBytes = 1_000_000, ...request } = options
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 10_000_000,
    sessionEpoch: -1,
    topics: [{ topic: name, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes }] }],
    ...request,
  }
}
async function fetch(name: string, fetchOffset: number, options: Parameters<typeof fetchOf>[2] = {}) {
  const { responses } = await client.request(Fetch, 12, fetchOf(name, fetchOffset, options))
  const partition = responses[0]!.partitions[0]!
  return { ...partition, batches: [...batchesIn(partition.records ?? new Uint8Array(0))] }
}
function valuesOf(batches: Iterable<{ records(): { next(): boolean; value(): Uint8Array | null; offset: number } }>): string[] {
  const values: string[] = []
  for (const batch of batches) {
    const cursor = batch.records()
    while (cursor.next()) values.push(`${cursor.offset}:${Buffer.from(cursor.value()!).toString()}`)
  }
  return values
}

describe('produce', () => {
  test.each([-1, 1])('with acks=%i gives the offset of the first record', async acks => {
    const { name } = await newTopic()
    expect(await produce(name, batchOf(['a', 'b']), { acks })).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
      logStartOffset: 0,
      logAppendTimeMs: -1,
    })
    expect(await produce(name, batchOf(['c']), { acks })).toMatchObject({ errorCode: 0, baseOffset: 2 })
    expect(valuesOf((await fetch(name, 0)).batches)).toEqual(['0:a', '1:b', '2:c'])
  })

  test('requests sent without waiting are appended in their order', async () => {
    const { name } = await newTopic()
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => produce(name, batchOf([`v${i}`]))))
    expect(answers.map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test('several partitions of one request are answered one by one', async () => {
    const { name } = await newTopic({}, 2)
    const { responses } = await client.request(Produce, 9, {
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name, partitionData: [0, 1, 2].map(index => ({ index, records: batchOf(['a']) })) }],
    })
    expect(responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([
      0,
      0,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ])
  })

  test('by topic id in version 13', async () => {
    const { topicId } = await newTopic()
    const { responses } = await client.request(Produce, 13, {
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ topicId, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    })
    expect(responses[0]).toMatchObject({ topicId, partitionResponses: [{ errorCode: 0, baseOffset: 0 }] })
  })

  test('a batch sent again by an idempotent producer is answered with its first offset and stored once', async () => {
    const { name } = await newTopic()
    const { producerId, producerEpoch } = await client.request(InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
    })
    const batch = (baseSequence: number) => batchOf(['a', 'b'], { producerId, producerEpoch, baseSequence })
    expect((await produce(name, batch(0))).baseOffset).toBe(0)
    expect((await produce(name, batch(2))).baseOffset).toBe(2)
    expect(await produce(name, batch(0))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await produce(name, batch(9))).toMatchObject({ errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1 })
    expect((await fetch(name, 0)).highWatermark).toBe(4)
  })

  test('producer ids are given once', async () => {
    const init = () => client.request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
    const given = await Promise.all(Array.from({ length: 20 }, init))
    expect(new Set(given.map(({ producerId }) => producerId)).size).toBe(20)
    expect(given.every(({ errorCode, producerEpoch }) => errorCode === 0 && producerEpoch === 0)).toBe(true)
  })

  test('a transactional id is refused: transactions are not served yet', async () => {
    const answer = await client.request(InitProducerId, 4, { transactionalId: 'tx', transactionTimeoutMs: 60_000 })
    expect(answer).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION, producerId: -1 })
  })

  test("with message.timestamp.type=LogAppendTime records carry the broker's time", async () => {
    const { name } = await newTopic({ 'message.timestamp.type': 'LogAppendTime' })
    const before = world.clock.now()
    const { logAppendTimeMs } = await produce(name, batchOf(['a', 'b'], { timestamp: 5 }))
    expect(logAppendTimeMs).toBeGreaterThanOrEqual(before)
    const [batch] = (await fetch(name, 0)).batches
    expect(batch!.timestampType).toBe('LogAppendTime')
    expect(batch!.maxTimestamp).toBe(logAppendTimeMs)
    expect(batch!.isCrcValid()).toBe(true)
  })

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('a %s batch is stored as it was sent', async compression => {
    const { name } = await newTopic()
    const sent = batchOf(['a'.repeat(1000), 'b'.repeat(1000)], { compression })
    await produce(name, sent)
    const [batch] = (await fetch(name, 0)).batches
    expect(batch!.compression).toBe(compression)
    expect(Buffer.from(batch!.bytes.subarray(21))).toEqual(Buffer.from(sent.subarray(21)))
  })

  test.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'])(
    'compression.type=%s is what is stored, whatever was sent',
    async type => {
      const { name } = await newTopic({ 'compression.type': type })
      await produce(name, batchOf(['a'.repeat(1000), 'b'.repeat(1000)]))
      await produce(name, batchOf(['c'.repeat(1000)], { compression: 'gzip' }))
      const { batches } = await fetch(name, 0)
      expect(batches.map(batch => batch.compression)).toEqual(Array(2).fill(type === 'uncompressed' ? 'none' : type))
      expect(batches.every(batch => batch.isCrcValid())).toBe(true)
      expect(valuesOf(batches).map(value => value.slice(0, 3))).toEqual(['0:a', '1:b', '2:c'])
    },
  )

  test('a setting changed while the topic is in use holds from then on', async () => {
    const { name } = await newTopic()
    expect((await produce(name, batchOf(['x'.repeat(2000)]))).errorCode).toBe(ErrorCode.NONE)
    await client.request(IncrementalAlterConfigs, 1, {
      resources: [
        { resourceType: 2, resourceName: name, configs: [{ name: 'max.message.bytes', configOperation: 0, value: '1000' }] },
      ],
    })
    expect((await produce(name, batchOf(['x'.repeat(2000)]))).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE)
  })

  test('a timestamp outside the window is refused', async () => {
    const { name } = await newTopic({ 'message.timestamp.before.max.ms': '1000' })
    expect((await produce(name, batchOf(['a'], { timestamp: 5 }))).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect((await produce(name, batchOf(['a'], { timestamp: world.clock.now() }))).errorCode).toBe(ErrorCode.NONE)
  })
})

describe('fetch', () => {
  test('an offset within a batch gives the whole batch', async () => {
    const { name } = await newTopic()
    await produce(name, batchOf(['a', 'b', 'c']))
    expect(valuesOf((await fetch(name, 1)).batches)).toEqual(['0:a', '1:b', '2:c'])
  })

  test('limits cut between batches, and the first one comes however large it is', async () => {
    const { name } = await newTopic()
    for (let i = 0; i < 3; i++) await produce(name, batchOf(['x'.repeat(1000)]))
    expect((await fetch(name, 0, { partitionMaxBytes: 1 })).batches).toHaveLength(1)
    expect((await fetch(name, 0, { maxBytes: 1 })).batches).toHaveLength(1)
    expect((await fetch(name, 0, { partitionMaxBytes: 2500 })).batches).toHaveLength(2)
    expect((await fetch(name, 0)).batches).toHaveLength(3)
  })

  test('the end of the log is waited at, and an append ends the wait', async () => {
    const { name } = await newTopic()
    const other = await RawClient.connect(world, broker.listeners[0]!.port)
    const waiting = other.request(Fetch, 12, fetchOf(name, 0, { maxWaitMs: 20_000 }))
    await produce(name, batchOf(['a']))
    const { responses } = await waiting
    expect(valuesOf(batchesIn(responses[0]!.partitions[0]!.records!))).toEqual(['0:a'])
    other.close()
  })

  test('fewer bytes than asked for are waited for until there are enough', async () => {
    const { name } = await newTopic()
    const other = await RawClient.connect(world, broker.listeners[0]!.port)
    await produce(name, batchOf(['x'.repeat(100)]))
    const waiting = other.request(Fetch, 12, fetchOf(name, 0, { maxWaitMs: 20_000, minBytes: 1000 }))
    await produce(name, batchOf(['x'.repeat(100)]))
    await produce(name, batchOf(['x'.repeat(1000)]))
    const { responses } = await waiting
    expect([...batchesIn(responses[0]!.partitions[0]!.records!)]).toHaveLength(3)
    other.close()
  })

  test('more than an answer may hold is not waited for', async () => {
    const { name } = await newTopic()
    await produce(name, batchOf(['a']))
    const { batches } = await fetch(name, 0, { maxWaitMs: 60_000, minBytes: 1000, maxBytes: 10 })
    expect(valuesOf(batches)).toEqual(['0:a'])
  })

  test('nothing new is answered after the longest wait', async () => {
    const { name } = await newTopic()
    expect(await fetch(name, 0, { maxWaitMs: 5 })).toMatchObject({ errorCode: 0, batches: [], highWatermark: 0 })
  })

  test('a topic deleted meanwhile ends the wait', async () => {
    const { name } = await newTopic()
    const other = await RawClient.connect(world, broker.listeners[0]!.port)
    const waiting = other.request(Fetch, 12, fetchOf(name, 0, { maxWaitMs: 20_000 }))
    await client.request(DeleteTopics, 6, { timeoutMs: 5000, topics: [{ name }] })
    const { responses } = await waiting
    expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    other.close()
  })

  test('a wrong leader epoch is fenced', async () => {
    const { name } = await newTopic()
    const { topics } = await client.request(Metadata, 12, { topics: [{ name }] })
    const leaderEpoch = topics[0]!.partitions[0]!.leaderEpoch
    const at = (currentLeaderEpoch: number) =>
      fetch(name, 0, {
        topics: [{ topic: name, partitions: [{ partition: 0, fetchOffset: 0, currentLeaderEpoch, partitionMaxBytes: 1000 }] }],
      } as never)
    expect((await at(leaderEpoch)).errorCode).toBe(ErrorCode.NONE)
    expect(await at(leaderEpoch + 1)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH, highWatermark: -1 })
  })

  test('an unknown topic id is said to be one', async () => {
    const { responses } = await client.request(Fetch, 17, {
      ...fetchOf('', 0),
      topics: [{ topicId: 'abcdefghijklmnopqrstuA', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    })
    expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
  })
})

describe('fetch sessions', () => {
  const partition = (index: number, fetchOffset = 0) => ({ partition: index, fetchOffset, partitionMaxBytes: 1_000_000 })
  const ask = (
    topicId: string,
    partitions: ReturnType<typeof partition>[],
    sessionId: number,
    sessionEpoch: number,
    forgotten: number[] = [],
  ) =>
    client.request(Fetch, 17, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 10_000_000,
      sessionId,
      sessionEpoch,
      topics: partitions.length === 0 ? [] : [{ topicId, partitions }],
      forgottenTopicsData: forgotten.length === 0 ? [] : [{ topicId, partitions: forgotten }],
    })
  const indexes = ({ responses }: Awaited<ReturnType<typeof ask>>) =>
    responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex))

  test('later requests name changes only, and answers too', async () => {
    const { name, topicId } = await newTopic({}, 3)
    const first = await ask(topicId, [partition(0), partition(1), partition(2)], 0, 0)
    expect(first.sessionId).toBeGreaterThan(0)
    expect(indexes(first)).toEqual([0, 1, 2])
    expect(indexes(await ask(topicId, [], first.sessionId, 1))).toEqual([])
    await produce(name, batchOf(['a']), { index: 1 })
    expect(indexes(await ask(topicId, [], first.sessionId, 2))).toEqual([1])
    expect(indexes(await ask(topicId, [partition(1, 1)], first.sessionId, 3))).toEqual([])
    await produce(name, batchOf(['b']), { index: 1 })
    await produce(name, batchOf(['c']), { index: 0 })
    expect(indexes(await ask(topicId, [], first.sessionId, 4, [1]))).toEqual([0])
  })

  test('a wrong epoch or id is an error, and epoch 0 with an old id starts anew', async () => {
    const { topicId } = await newTopic()
    const { sessionId } = await ask(topicId, [partition(0)], 0, 0)
    expect((await ask(topicId, [], sessionId, 5)).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    expect((await ask(topicId, [], sessionId + 1, 1)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    const again = await ask(topicId, [partition(0)], sessionId, 0)
    expect(again.errorCode).toBe(ErrorCode.NONE)
    expect(again.sessionId).not.toBe(sessionId)
    expect((await ask(topicId, [], sessionId, 1)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    await ask(topicId, [partition(0)], again.sessionId, -1)
    expect((await ask(topicId, [], again.sessionId, 1)).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  })

  test('names and ids do not mix in a session', async () => {
    const { topicId } = await newTopic()
    const { sessionId } = await ask(topicId, [partition(0)], 0, 0)
    const { errorCode } = await client.request(Fetch, 12, { maxWaitMs: 0, minBytes: 0, sessionId, sessionEpoch: 1, topics: [] })
    expect(errorCode).toBe(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
  })

  test('no request at all of a session that is not there is left waiting', async () => {
    const { errorCode, responses } = await client.request(Fetch, 12, {
      maxWaitMs: 20_000,
      minBytes: 1,
      sessionId: 77,
      sessionEpoch: 9,
      topics: [],
    })
    expect({ errorCode, responses }).toEqual({ errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND, responses: [] })
  })
})

describe('offsets', () => {
  const list = async (name: string, timestamp: number, version = 8) => {
    const { topics } = await client.request(ListOffsets, version, {
      replicaId: -1,
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp }] }],
    })
    const { errorCode, offset, timestamp: found } = topics[0]!.partitions[0]!
    return { errorCode, offset, timestamp: found }
  }

  test('by special place and by time', async () => {
    const { name } = await newTopic()
    await produce(name, batchOf(['a', 'b'], { timestamp: 1000 }))
    await produce(name, batchOf(['c', 'd'], { timestamp: 2000 }))
    expect(await list(name, -1)).toEqual({ errorCode: 0, offset: 4, timestamp: -1 })
    expect(await list(name, -2)).toEqual({ errorCode: 0, offset: 0, timestamp: -1 })
    expect(await list(name, -3)).toEqual({ errorCode: 0, offset: 3, timestamp: 2001 })
    expect(await list(name, -4)).toEqual({ errorCode: 0, offset: 0, timestamp: -1 })
    expect(await list(name, 1001)).toEqual({ errorCode: 0, offset: 1, timestamp: 1001 })
    expect(await list(name, 1500)).toEqual({ errorCode: 0, offset: 2, timestamp: 2000 })
    expect(await list(name, 9999)).toEqual({ errorCode: 0, offset: -1, timestamp: -1 })
    expect((await list(name, -3, 6)).errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
    expect((await list(name, -9)).errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
    expect(await list(name, -1, 1)).toEqual({ errorCode: 0, offset: 4, timestamp: -1 })
  })

  test('deleted records move the start', async () => {
    const { name } = await newTopic()
    for (const value of ['a', 'b', 'c']) await produce(name, batchOf([value]))
    const { topics } = await client.request(DeleteRecords, 2, {
      timeoutMs: 5000,
      topics: [{ name, partitions: [{ partitionIndex: 0, offset: 2 }] }],
    })
    expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: 2 })
    expect((await list(name, -2)).offset).toBe(2)
    expect((await fetch(name, 0)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(valuesOf((await fetch(name, 2)).batches)).toEqual(['2:c'])
  })

  test('the end of the current epoch is the end of the log', async () => {
    const { name } = await newTopic()
    await produce(name, batchOf(['a', 'b']))
    const { topics } = await client.request(Metadata, 12, { topics: [{ name }] })
    const { leaderEpoch } = topics[0]!.partitions[0]!
    const answer = await client.request(OffsetForLeaderEpoch, 4, {
      topics: [{ topic: name, partitions: [{ partition: 0, currentLeaderEpoch: leaderEpoch, leaderEpoch }] }],
    })
    expect(answer.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, leaderEpoch, endOffset: 2 })
  })
})
