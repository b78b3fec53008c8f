import { gzipSync } from 'node:zlib'
import { BatchBuilder, crc32c, ErrorCode, Fetch, ListOffsets, Metadata, Produce, type ProduceResponse } from '@millrace/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isServed, NodeUnderTest } from './node-under-test.ts'
import type { RawConnection } from './raw-connection.ts'

let node: NodeUnderTest
let connection: RawConnection
let linesBefore: number

beforeAll(async () => {
  node = await NodeUnderTest.start()
  await node.createTopic('t')
  await node.createTopic('small', { configs: { 'max.message.bytes': '1000' } })
  await node.createTopic('compacted', { configs: { 'cleanup.policy': 'compact' } })
  connection = await node.connect()
})
afterAll(async () => {
  connection.close()
  await node.stop()
})
beforeEach(() => {
  linesBefore = node.lines.length
})

function batchOf(values: (string | null)[], options: Partial<ConstructorParameters<typeof BatchBuilder>[0]> = {}): Buffer {
  const builder = new BatchBuilder({ maxBytes: 10 * 1024 * 1024, ...options })
  for (const value of values) if (!builder.append(Date.now(), null, value)) throw new Error('the batch is full')
  return Buffer.from(builder.build())
}

/** The batch with bytes changed and the CRC made right again. */
function changed(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch)
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17)
  return bytes
}

async function produce(
  records: Uint8Array | null,
  topic = 't',
  version = 9,
): Promise<ProduceResponse['responses'][number]['partitionResponses'][number]> {
  const { responses } = await connection.request(Produce, version, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  return responses[0]!.partitionResponses[0]!
}

const endOffset = async (topic = 't') => {
  const { topics } = await connection.request(ListOffsets, 5, {
    replicaId: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  })
  return topics[0]!.partitions[0]!.offset
}

describe('a batch that is refused leaves the log as it was, and the connection open', () => {
  const good = batchOf(['a', 'b', 'c'])
  test.each<[string, Uint8Array | null, number]>([
    ['nothing', null, ErrorCode.INVALID_RECORD],
    ['an empty set', Buffer.alloc(0), ErrorCode.INVALID_RECORD],
    ['two batches', Buffer.concat([good, good]), ErrorCode.INVALID_RECORD],
    ['half a batch', good.subarray(0, 40), ErrorCode.INVALID_RECORD],
    ['a wrong CRC', Buffer.from(good.map((byte, i) => (i === good.length - 1 ? byte ^ 1 : byte))), ErrorCode.CORRUPT_MESSAGE],
    ['a wrong length', changed(good, bytes => bytes.writeInt32BE(30, 8)), ErrorCode.INVALID_RECORD],
    ['an old message format', changed(good, bytes => bytes.writeInt8(1, 16)), ErrorCode.INVALID_RECORD],
    ['a record count beyond its records', changed(good, bytes => bytes.writeInt32BE(4, 57)), ErrorCode.INVALID_RECORD],
    ['a last offset that does not fit its count', changed(good, bytes => bytes.writeInt32BE(9, 23)), ErrorCode.INVALID_RECORD],
    ['offsets that do not run from 0', changed(good, bytes => bytes.writeInt8(6, 61 + 3)), ErrorCode.INVALID_RECORD],
    ['the mark of a control batch', batchOf(['a'], { control: true }), ErrorCode.INVALID_RECORD],
    [
      'a transaction',
      batchOf(['a'], { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }),
      ErrorCode.INVALID_TXN_STATE,
    ],
    ['an unknown codec', changed(good, bytes => bytes.writeInt16BE(7, 21)), ErrorCode.INVALID_RECORD],
    ['bytes that are not what the codec says', changed(good, bytes => bytes.writeInt16BE(1, 21)), ErrorCode.INVALID_RECORD],
    ['a batch above max.message.bytes', batchOf(['x'.repeat(1_100_000)]), ErrorCode.MESSAGE_TOO_LARGE],
  ])('%s', async (_, records, errorCode) => {
    const before = await endOffset()
    const answer = await produce(records)
    expect({ errorCode: answer.errorCode, baseOffset: answer.baseOffset }).toEqual({ errorCode, baseOffset: -1 })
    expect(await endOffset()).toBe(before)
    expect(node.lines.slice(linesBefore).filter(({ level }) => level === 'error')).toEqual([])
  })

  test('the limit is the one of the topic', async () => {
    expect((await produce(batchOf(['x'.repeat(2000)]), 'small')).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE)
    expect((await produce(batchOf(['x'.repeat(500)]), 'small')).errorCode).toBe(ErrorCode.NONE)
  })

  test('records without a key are named when the topic is compacted', async () => {
    const answer = await produce(batchOf(['a', 'b']), 'compacted')
    expect(answer.errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([0, 1])
  })

  test('zstd below version 7 of Produce is an unsupported compression', async () => {
    const batch = () => batchOf(['a'.repeat(1000)], { compression: 'zstd' })
    expect((await produce(batch(), 't', 6)).errorCode).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    expect((await produce(batch(), 't', 7)).errorCode).toBe(ErrorCode.NONE)
  })
})

test('a compression bomb is refused in bounded memory', async () => {
  // 512 MiB of zeros in about half a megabyte of gzip.
  const bomb = gzipSync(Buffer.alloc(512 * 1024 * 1024))
  const shell = batchOf(['a'])
  const bytes = Buffer.concat([shell.subarray(0, 61), bomb])
  bytes.writeInt32BE(bytes.length - 12, 8)
  const batch = changed(bytes, it => it.writeInt16BE(1, 21))
  const before = process.memoryUsage().rss
  const answer = await produce(batch)
  expect(answer.errorCode).not.toBe(ErrorCode.NONE)
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
  expect(await isServed(connection)).toBe(true)
}, 60_000)

describe('places that are not there', () => {
  test('an unknown topic or partition', async () => {
    expect((await produce(batchOf(['a']), 'nowhere')).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const { responses } = await connection.request(Fetch, 11, {
      maxWaitMs: 100,
      minBytes: 1,
      topics: [{ topic: 't', partitions: [{ partition: 99, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    })
    expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, highWatermark: -1 })
  })

  test('an unknown topic id', async () => {
    const { responses } = await connection.request(Produce, 13, {
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ topicId: 'abcdefghijklmnopqrstuA', partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    })
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
  })

  test('an internal topic is not for producers', async () => {
    expect((await produce(batchOf(['a']), '__consumer_offsets')).errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
  })

  test('offsets outside the log', async () => {
    for (const fetchOffset of [-1, 1_000_000]) {
      const { responses } = await connection.request(Fetch, 11, {
        maxWaitMs: 100,
        minBytes: 1,
        topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1000 }] }],
      })
      expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    }
  })

  test('acks that do not exist', async () => {
    const { responses } = await connection.request(Produce, 9, {
      acks: 2,
      timeoutMs: 5000,
      topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    })
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(ErrorCode.INVALID_REQUIRED_ACKS)
  })
})

test('without acks an error closes the connection with one log line, and success answers nothing', async () => {
  const silent = await node.connect()
  const body = (name: string) => ({
    acks: 0,
    timeoutMs: 5000,
    topicData: [{ name, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
  })
  const before = await endOffset()
  silent.send(silent.frameOf(Produce, 9, body('t')))
  expect(await isServed(silent)).toBe(true)
  expect(await endOffset()).toBe(before + 1)
  silent.send(silent.frameOf(Produce, 9, body('nowhere')))
  await silent.closed
  expect(node.complaints(linesBefore)).toHaveLength(1)
})

test('a fetch that calls itself a replica moves no high watermark and gets no data (CVE-2018-1288)', async () => {
  const end = await endOffset()
  const { responses } = await connection.request(Fetch, 11, {
    replicaId: 1,
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  })
  expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  expect(await endOffset()).toBe(end)
})

test('a reader that takes nothing holds up itself alone, in bounded memory', async () => {
  await node.createTopic('wide')
  for (let i = 0; i < 20; i++) await produce(batchOf(['x'.repeat(1_000_000)]), 'wide')
  const slow = await node.connect()
  const fetch = {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 20_000_000,
    sessionEpoch: -1,
    topics: [{ topic: 'wide', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 20_000_000 }] }],
  }
  slow.pause()
  const before = process.memoryUsage().rss
  for (let i = 0; i < 100; i++) slow.send(slow.frameOf(Fetch, 11, fetch))
  for (let i = 0; i < 20; i++) expect(await isServed(connection)).toBe(true)
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
  slow.close()
  const { topics } = await connection.request(Metadata, 9, { topics: [{ name: 'wide' }] })
  expect(topics[0]!.errorCode).toBe(ErrorCode.NONE)
})

test('fifty readers that take nothing do not hold fifty answers in memory', async () => {
  // Of 16 MiB each from disk, as other batches have pushed these out of the memory for recent ones: 800 MiB.
  await node.createTopic('filler')
  for (let i = 0; i < 70; i++) await produce(batchOf(['x'.repeat(1_000_000)]), 'filler')
  const fetch = {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 20_000_000,
    sessionEpoch: -1,
    topics: [{ topic: 'wide', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 20_000_000 }] }],
  }
  const before = process.memoryUsage().rss
  const readers: RawConnection[] = []
  for (let i = 0; i < 50; i++) {
    const reader = await node.connect()
    reader.pause()
    reader.send(reader.frameOf(Fetch, 11, fetch))
    readers.push(reader)
    expect(await isServed(connection)).toBe(true)
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(500 * 1024 * 1024)
  for (const reader of readers) reader.close()
  // Their share is free again: an answer is as large as it was.
  await expect
    .poll(async () => {
      const { responses } = await connection.request(Fetch, 11, fetch)
      return responses[0]!.partitions[0]!.records?.length ?? 0
    })
    .toBeGreaterThan(15_000_000)
}, 60_000)
