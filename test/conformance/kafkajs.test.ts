import { createRequire } from 'node:module'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Cluster, startCluster } from '@millrace/testkit'
import { lz4Compress, lz4Decompress } from '@platformatic/wasm-utils'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './process-harness.ts'
import { codecs, compressible, storedCodecs } from './stored-batches-harness.ts'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs
// kafkajs has gzip built in and takes the others from elsewhere.
CompressionCodecs[CompressionTypes.Snappy] = createRequire(import.meta.url)('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => lz4Compress(buffer),
  decompress: async (bytes: Buffer) => lz4Decompress(bytes),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer),
  decompress: async (bytes: Buffer) => zstdDecompressSync(bytes),
})
const types = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

let cluster: Cluster
let kafka: kafkajs.Kafka
let admin: kafkajs.Admin

beforeAll(async () => {
  cluster = await startCluster()
  kafka = new Kafka({ clientId: 'kafkajs', brokers: [cluster.bootstrapServers], logLevel: logLevel.NOTHING })
  admin = kafka.admin()
  await admin.connect()
})
afterAll(async () => {
  await admin?.disconnect()
  await cluster?.close()
})

const create = (topic: string, numPartitions = 1) =>
  admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }] })

async function produce(topic: string, messages: kafkajs.Message[], options: { compression?: number; idempotent?: boolean } = {}) {
  const producer = kafka.producer(options.idempotent ? { idempotent: true, maxInFlightRequests: 1 } : {})
  await producer.connect()
  try {
    return await producer.send({
      topic,
      messages,
      ...(options.compression === undefined ? {} : { compression: options.compression }),
    })
  } finally {
    await producer.disconnect()
  }
}

/** Reads `count` messages in a group, which has committed what it read when this returns. */
async function consume(
  topic: string,
  groupId: string,
  count: number,
): Promise<{ partition: number; message: kafkajs.KafkaMessage }[]> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 200 })
  const seen: { partition: number; message: kafkajs.KafkaMessage }[] = []
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ eachMessage: async ({ partition, message }) => void seen.push({ partition, message }) })
    await until(`${count} messages of ${topic}`, () => seen.length >= count)
  } finally {
    await consumer.disconnect()
  }
  return seen
}

describe('kafkajs', () => {
  test('produces with every codec and consumes them in a group, which goes on where it committed', async () => {
    await create('all-codecs')
    const expected: string[] = []
    for (const codec of codecs) {
      const values = [0, 1, 2].map(i => compressible(`${codec}-${i}`))
      const [result] = await produce(
        'all-codecs',
        values.map((value, i) => ({ key: `key-${i}`, value, headers: { codec, n: String(i) }, timestamp: String(1_000 + i) })),
        { compression: types[codec] },
      )
      expect(result).toMatchObject({ partition: 0, errorCode: 0, baseOffset: String(expected.length) })
      expected.push(...values.map((value, i) => `${expected.length + i}|${1_000 + i}|key-${i}|${value}|${codec}|${i}`))
    }
    expect(storedCodecs(cluster.dataDirectory, 'all-codecs')).toEqual(codecs)
    const seen = await consume('all-codecs', 'codec-readers', 15)
    expect(
      seen.map(({ message: { offset, timestamp, key, value, headers } }) =>
        [offset, timestamp, key, value, headers!['codec'], headers!['n']].join('|'),
      ),
    ).toEqual(expected)
    await produce('all-codecs', [{ key: null, value: null }], { compression: types.none })
    const [last, ...more] = await consume('all-codecs', 'codec-readers', 1)
    expect([last!.message.offset, last!.message.key, last!.message.value, more]).toEqual(['15', null, null, []])
    expect(await admin.fetchOffsets({ groupId: 'codec-readers', topics: ['all-codecs'] })).toEqual([
      { topic: 'all-codecs', partitions: [{ partition: 0, offset: '16', metadata: null }] },
    ])
  })

  test('produces idempotently', async () => {
    await create('once')
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (let i = 0; i < 3; i++) await producer.send({ topic: 'once', messages: [{ value: String(i) }, { value: `${i} again` }] })
    await producer.disconnect()
    expect((await consume('once', 'once-readers', 6)).map(({ message }) => message.value!.toString())).toEqual([
      '0',
      '0 again',
      '1',
      '1 again',
      '2',
      '2 again',
    ])
  })

  test('administers topics, configs, offsets and groups', async () => {
    expect(await create('life', 2)).toBe(true)
    expect(await create('life', 2)).toBe(false)
    expect(await admin.listTopics()).toContain('life')
    const [host, port] = cluster.bootstrapServers.split(':')
    expect(await admin.describeCluster()).toMatchObject({
      brokers: [{ nodeId: 1, host, port: Number(port) }],
      controller: 1,
      clusterId: expect.stringMatching(/^[\w-]{22}$/),
    })
    await admin.createPartitions({ topicPartitions: [{ topic: 'life', count: 3 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: ['life'] })
    expect(
      topics[0]!.partitions
        .map(({ partitionId, leader, replicas, isr }) => ({ partitionId, leader, replicas, isr }))
        .sort((a, b) => a.partitionId - b.partitionId),
    ).toEqual([0, 1, 2].map(partitionId => ({ partitionId, leader: 1, replicas: [1], isr: [1] })))

    const resource = { type: ConfigResourceTypes.TOPIC, name: 'life' }
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '5000000' }] }],
    })
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ ...resource, configNames: ['retention.ms', 'cleanup.policy'] }],
    })
    expect(resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]).sort()).toEqual([
      ['cleanup.policy', 'delete'],
      ['retention.ms', '5000000'],
    ])

    await produce(
      'life',
      [0, 1, 2, 3].map(i => ({ partition: 2, value: String(i), timestamp: String(Date.now() - 4_000 + 1_000 * i) })),
    )
    const of2 = <T extends { partition: number }>(partitions: T[]) => partitions.find(({ partition }) => partition === 2)
    expect(of2(await admin.fetchTopicOffsets('life'))).toEqual({ partition: 2, offset: '4', high: '4', low: '0' })
    expect(of2(await admin.fetchTopicOffsetsByTimestamp('life', Date.now() - 2_500))).toMatchObject({ offset: '2' })
    await admin.deleteTopicRecords({ topic: 'life', partitions: [{ partition: 2, offset: '1' }] })
    expect(of2(await admin.fetchTopicOffsets('life'))).toMatchObject({ high: '4', low: '1' })

    await admin.setOffsets({ groupId: 'movers', topic: 'life', partitions: [{ partition: 2, offset: '3' }] })
    const offsets = async () => of2((await admin.fetchOffsets({ groupId: 'movers', topics: ['life'] }))[0]!.partitions)?.offset
    expect(await offsets()).toBe('3')
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain('movers')
    expect((await admin.describeGroups(['movers'])).groups[0]).toMatchObject({ groupId: 'movers', state: 'Empty', members: [] })
    await admin.deleteGroups(['movers'])
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('movers')
    await admin.deleteTopics({ topics: ['life'] })
    expect(await admin.listTopics()).not.toContain('life')
  })

  test('is refused with the error it knows', async () => {
    const once = new Kafka({ brokers: [cluster.bootstrapServers], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
    const impatient = once.admin()
    await impatient.connect()
    try {
      await expect(impatient.createTopics({ topics: [{ topic: 'wide', replicationFactor: 3 }] })).rejects.toMatchObject({
        errors: [{ type: 'INVALID_REPLICATION_FACTOR' }],
      })
      await expect(impatient.createTopics({ topics: [{ topic: 'il/legal' }] })).rejects.toMatchObject({
        errors: [{ type: 'INVALID_TOPIC_EXCEPTION' }],
      })
      await expect(impatient.deleteTopics({ topics: ['nowhere'] })).rejects.toMatchObject({
        cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' },
      })
    } finally {
      await impatient.disconnect()
    }
    await create('small')
    await expect(produce('small', [{ value: 'x'.repeat(1_100_000) }])).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await produce('small', [{ value: 'fits' }])
    expect((await consume('small', 'small-readers', 1)).map(({ message }) => message.value!.toString())).toEqual(['fits'])
  })
})
