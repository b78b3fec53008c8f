import { type Cluster, startCluster } from '@millrace/testkit'
import {
  Admin,
  type CompressionAlgorithmValue,
  Consumer,
  type Message,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './process-harness.ts'
import { codecs, compressible, storedCodecs } from './stored-batches-harness.ts'

type Text = Message<string, string, string, string>

let cluster: Cluster
let admin: Admin

beforeAll(async () => {
  cluster = await startCluster()
  admin = new Admin({ clientId: 'platformatic', bootstrapBrokers: [cluster.bootstrapServers], retries: 0 })
})
afterAll(async () => {
  await admin?.close()
  await cluster?.close()
})

const newProducer = (more: { idempotent?: boolean } = {}) =>
  new Producer({
    clientId: 'platformatic',
    bootstrapBrokers: [cluster.bootstrapServers],
    serializers: stringSerializers,
    retries: 0,
    ...more,
  })

const newConsumer = (groupId: string) =>
  new Consumer({
    clientId: 'platformatic',
    groupId,
    bootstrapBrokers: [cluster.bootstrapServers],
    deserializers: stringDeserializers,
    heartbeatInterval: 200,
    maxWaitTime: 100,
  })

/** Reads `count` messages in a group and commits each. */
async function consume(topic: string, groupId: string, count: number): Promise<Text[]> {
  const consumer = newConsumer(groupId)
  try {
    const stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: 'earliest',
      autocommit: false,
    })
    const seen: Text[] = []
    for await (const message of stream) {
      seen.push(message)
      await message.commit()
      if (seen.length === count) break
    }
    return seen
  } finally {
    await consumer.close(true)
  }
}

describe('@platformatic/kafka', () => {
  test('produces with every codec and consumes them in a group, which goes on where it committed', async () => {
    await admin.createTopics({ topics: ['all-codecs'], partitions: 1, replicas: 1 })
    const expected: string[] = []
    const producer = newProducer({ idempotent: true })
    for (const codec of codecs) {
      const values = [0, 1, 2].map(i => compressible(`${codec}-${i}`))
      const { offsets } = await producer.send({
        messages: values.map((value, i) => ({
          topic: 'all-codecs',
          partition: 0,
          key: `key-${i}`,
          value,
          headers: { codec, n: String(i) },
          timestamp: BigInt(1_000 + i),
        })),
        compression: codec as CompressionAlgorithmValue,
      })
      expect(offsets).toEqual([{ topic: 'all-codecs', partition: 0, offset: BigInt(expected.length) }])
      expected.push(...values.map((value, i) => `${expected.length + i}|${1_000 + i}|key-${i}|${value}|${codec}|${i}`))
    }
    expect(storedCodecs(cluster.dataDirectory, 'all-codecs')).toEqual(codecs)
    const seen = await consume('all-codecs', 'codec-readers', 15)
    expect(
      seen.map(({ offset, timestamp, key, value, headers }) =>
        [offset, timestamp, key, value, headers.get('codec'), headers.get('n')].join('|'),
      ),
    ).toEqual(expected)
    await producer.send({ messages: [{ topic: 'all-codecs', key: 'last', value: 'one' }] })
    await producer.close()
    expect((await consume('all-codecs', 'codec-readers', 1)).map(({ offset, key, value }) => [offset, key, value])).toEqual([
      [15n, 'last', 'one'],
    ])
    expect(await admin.listConsumerGroupOffsets({ groups: ['codec-readers'] })).toMatchObject([
      { groupId: 'codec-readers', topics: [{ name: 'all-codecs', partitions: [{ partitionIndex: 0, committedOffset: 16n }] }] },
    ])
  })

  test('two members of a group share the partitions', async () => {
    await admin.createTopics({ topics: ['shared'], partitions: 4, replicas: 1 })
    const producer = newProducer()
    const [first, second] = [newConsumer('sharers'), newConsumer('sharers')]
    const seen: [string[], string[]] = [[], []]
    try {
      for (const [i, consumer] of [first, second].entries()) {
        const stream = await consumer.consume({
          topics: ['shared'],
          mode: MessagesStreamModes.COMMITTED,
          fallbackMode: 'earliest',
          autocommit: 100,
        })
        stream.on('data', message => seen[i]!.push(message.value!))
      }
      const assigned = (consumer: typeof first) => consumer.assignments?.find(({ topic }) => topic === 'shared')?.partitions ?? []
      await until('two and two partitions', () => assigned(first).length === 2 && assigned(second).length === 2)
      expect([...assigned(first), ...assigned(second)].sort()).toEqual([0, 1, 2, 3])
      const values = Array.from({ length: 40 }, (_, i) => `value-${i}`)
      await producer.send({ messages: values.map((value, i) => ({ topic: 'shared', partition: i % 4, value })) })
      await until('all read', () => new Set(seen.flat()).size === 40)
      expect(seen.map(each => each.length > 0)).toEqual([true, true])

      const group = (await admin.describeGroups({ groups: ['sharers'] })).get('sharers')!
      expect(group).toMatchObject({ id: 'sharers', state: 'Stable', protocolType: 'consumer' })
      expect([...group.members.values()].map(member => member.assignments!.get('shared')!.partitions.length)).toEqual([2, 2])
      expect((await admin.listGroups({ states: ['STABLE'] })).get('sharers')).toMatchObject({
        state: 'Stable',
        groupType: 'classic',
        protocolType: 'consumer',
      })
    } finally {
      await Promise.all([first.close(true), second.close(true), producer.close()])
    }
  })

  test('administers topics, configs, offsets and groups', async () => {
    const created = await admin.createTopics({
      topics: ['life'],
      partitions: 2,
      replicas: 1,
      configs: [{ name: 'retention.ms', value: '5000000' }],
    })
    expect(created).toMatchObject([{ name: 'life', partitions: 2, replicas: 1, configuration: { 'retention.ms': '5000000' } }])
    expect(await admin.listTopics()).toContain('life')
    await admin.createPartitions({ topics: [{ name: 'life', count: 3, assignments: null }] })
    const metadata = await admin.metadata({ topics: ['life'], forceUpdate: true })
    const [host, port] = cluster.bootstrapServers.split(':')
    expect([...metadata.brokers.values()]).toMatchObject([{ host, port: Number(port) }])
    expect(metadata.topics.get('life')!.partitions).toMatchObject([0, 1, 2].map(() => ({ leader: 1, replicas: [1], isr: [1] })))

    const resource = { resourceType: 2, resourceName: 'life' } as const
    await admin.incrementalAlterConfigs({
      resources: [{ ...resource, configs: [{ name: 'retention.ms', configOperation: 0, value: '6000000' }] }],
    })
    const [described] = await admin.describeConfigs({ resources: [{ ...resource, configurationKeys: ['retention.ms'] }] })
    expect(described!.configs).toMatchObject([{ name: 'retention.ms', value: '6000000' }])

    const producer = newProducer()
    await producer.send({
      messages: [0, 1, 2].map(i => ({ topic: 'life', partition: 2, value: String(i), timestamp: BigInt(1_000 * i) })),
    })
    await producer.close()
    const offsetAt = async (timestamp: bigint) =>
      (await admin.listOffsets({ topics: [{ name: 'life', partitions: [{ partitionIndex: 2, timestamp }] }] }))[0]!.partitions[0]!
        .offset
    expect([await offsetAt(-2n), await offsetAt(-1n), await offsetAt(1_500n)]).toEqual([0n, 3n, 2n])
    expect(await admin.deleteRecords({ topics: [{ name: 'life', partitions: [{ partition: 2, offset: 1n }] }] })).toMatchObject([
      { name: 'life', partitions: [{ partition: 2, lowWatermark: 1n }] },
    ])
    expect(await offsetAt(-2n)).toBe(1n)

    await admin.alterConsumerGroupOffsets({
      groupId: 'movers',
      topics: [{ name: 'life', partitionOffsets: [{ partition: 2, offset: 2n }] }],
    })
    const consumer = newConsumer('movers')
    expect((await consumer.listOffsets({ topics: ['life'] })).get('life')).toEqual([0n, 0n, 3n])
    const committed = await consumer.listCommittedOffsets({ topics: [{ topic: 'life', partitions: [2] }] })
    expect(committed.get('life')![2]).toBe(2n)
    await consumer.close(true)
    await admin.deleteGroups({ groups: ['movers'] })
    expect((await admin.listGroups()).has('movers')).toBe(false)
    await admin.deleteTopics({ topics: ['life'] })
    expect(await admin.listTopics()).not.toContain('life')
  })

  test('is refused with the error it knows', async () => {
    await admin.createTopics({ topics: ['taken'], partitions: 1, replicas: 1 })
    const refused = async (asked: Promise<unknown>) =>
      asked.then(
        () => 'not refused',
        error => JSON.stringify(error, ['name', 'code', 'apiId', 'errors', 'cause', 'message']),
      )
    expect(await refused(admin.createTopics({ topics: ['taken'], partitions: 1, replicas: 1 }))).toContain('TOPIC_ALREADY_EXISTS')
    expect(await refused(admin.createTopics({ topics: ['il/legal'], partitions: 1, replicas: 1 }))).toContain(
      'INVALID_TOPIC_EXCEPTION',
    )
    expect(await refused(admin.createTopics({ topics: ['wide'], partitions: 1, replicas: 3 }))).toContain(
      'INVALID_REPLICATION_FACTOR',
    )
    expect(await refused(admin.deleteTopics({ topics: ['nowhere'] }))).toContain('UNKNOWN_TOPIC_OR_PARTITION')
    const producer = newProducer()
    expect(await refused(producer.send({ messages: [{ topic: 'taken', value: 'x'.repeat(1_100_000) }] }))).toContain(
      'MESSAGE_TOO_LARGE',
    )
    await producer.close()
  })
})
