import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startNode } from '@millrace/broker'
import {
  AlterConfigs,
  type Api,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeQuorum,
  DescribeTopicPartitions,
  type Draft,
  IncrementalAlterConfigs,
  ListConfigResources,
  ListPartitionReassignments,
  Metadata,
  zeroUuid,
} from '@millrace/protocol'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RawConnection } from '../security/raw-connection.ts'

/** A running Apache Kafka of one node; `MILLRACE_KAFKA_BOOTSTRAP` says where. Missing is a failure. */
const kafkaPort = Number((process.env['MILLRACE_KAFKA_BOOTSTRAP'] ?? '127.0.0.1:19092').split(':')[1])
const directory = mkdtempSync(join(tmpdir(), 'millrace-answers-'))
/** Topics of this run: the peer is shared. */
const prefix = `answers-${process.pid}`
const a = `${prefix}-a`
const b = `${prefix}-b.x`
const unknownId = 'AAAAAAAAAAAAAAAAAAAB5g'
let broker: Broker
let ours: RawConnection
let theirs: RawConnection

beforeAll(async () => {
  theirs = await RawConnection.open(kafkaPort)
  broker = await startNode({ world: nodeWorld(), dataDirectory: directory, port: 0, logger: silentLogger })
  ours = await RawConnection.open(broker.listeners[0]!.port)
})

afterAll(async () => {
  await theirs?.request(DeleteTopics, 5, { topicNames: [a, b], timeoutMs: 5000 }).catch(() => {})
  ours?.close()
  theirs?.close()
  await broker?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Fields whose values differ from node to node or from run to run, or are prose: only whether there is one is compared. */
const own =
  /^(topicId|clusterId|port|replicaDirectoryId|errorMessage|logEndOffset|highWatermark|last.*Timestamp|documentation|throttleTimeMs|leaderEpochOfQuorum)$/

function comparable(value: any, field = ''): any {
  if (Array.isArray(value)) {
    const members = value.map(member => comparable(member, field))
    // Sets have no order.
    return members.every(member => typeof member?.name === 'string')
      ? [...members].sort((x, y) => (x.name < y.name ? -1 : 1))
      : members
  }
  if (value !== null && typeof value === 'object') {
    // Kafka explains some errors and others not; we explain all.
    const members = Object.entries(value).filter(([name]) => name !== 'errorMessage' || !value.errorCode)
    return Object.fromEntries(members.map(([name, member]) => [name, comparable(member, name)]))
  }
  if (!own.test(field) || value === null || value === zeroUuid || value === -1 || value === 0) return value
  return value === '' ? '' : '…'
}

async function bothAnswer<Request, Response>(api: Api<Request, Response>, version: number, body: Draft<Request>) {
  const [mine, kafkas] = await Promise.all([ours.request(api, version, body), theirs.request(api, version, body)])
  return { mine: comparable(mine), kafkas: comparable(kafkas) }
}

async function sameAnswer<Request>(api: Api<Request, any>, version: number, body: Draft<Request>): Promise<any> {
  const { mine, kafkas } = await bothAnswer(api, version, body)
  expect(mine, `${api.name} version ${version}`).toEqual(kafkas)
  return mine
}

const topic = (name: string, more: object = {}) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more,
})
const byHand = (partitionIndex: number, ...brokerIds: number[]) => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [{ partitionIndex, brokerIds }],
})
const create = (...topics: object[]) => ({ topics, timeoutMs: 5000, validateOnly: false }) as never
const change = (resourceType: number, resourceName: string, ...configs: [string, number, string | null][]) => ({
  resources: [
    { resourceType, resourceName, configs: configs.map(([name, configOperation, value]) => ({ name, configOperation, value })) },
  ],
})

test('CreateTopics: what is created, and every way to be refused', async () => {
  const configs = [{ name: 'retention.ms', value: '1000' }]
  const created = await sameAnswer(CreateTopics, 7, create(topic(a, { numPartitions: 3, configs }), topic(b)))
  expect(created.topics[0]).toMatchObject({ errorCode: 0, numPartitions: 3 })
  await sameAnswer(CreateTopics, 7, { topics: [topic(`${prefix}-v`)], timeoutMs: 5000, validateOnly: true })
  const refused = await sameAnswer(
    CreateTopics,
    7,
    create(
      topic(a),
      topic(b.replace('.', '_')),
      topic(''),
      topic('a/b'),
      topic('..'),
      topic('x'.repeat(250)),
      topic('__cluster_metadata'),
      topic(`${prefix}-1`, { numPartitions: 0 }),
      topic(`${prefix}-2`, { replicationFactor: 0 }),
      topic(`${prefix}-3`, { replicationFactor: 2 }),
      topic(`${prefix}-4`, { configs: [{ name: 'retention', value: '1' }] }),
      topic(`${prefix}-5`, { configs: [{ name: 'retention.ms', value: '-2' }] }),
      topic(`${prefix}-6`, { configs: [{ name: 'retention.ms', value: null }] }),
      topic(`${prefix}-7`, byHand(0, 9)),
      topic(`${prefix}-8`, byHand(1, 1)),
      topic(`${prefix}-9`, byHand(0, 1, 1)),
      topic(`${prefix}-10`, byHand(0)),
      topic(`${prefix}-11`, { ...byHand(0, 1), numPartitions: 1 }),
      topic(`${prefix}-12`),
      topic(`${prefix}-12`),
    ),
  )
  expect(refused.topics.every(({ errorCode }: { errorCode: number }) => errorCode !== 0)).toBe(true)
  await sameAnswer(CreateTopics, 7, create(topic(`${prefix}-13`, { numPartitions: 10_001 })))
})

test('Metadata: brokers, topics, partitions and errors in every version', async () => {
  for (let version = 0; version <= 13; version++) {
    const named = { topics: [{ name: a }, { name: b }, { name: 'a/b' }] }
    const asked = version >= 8 && version % 2 === 0
    await sameAnswer(Metadata, version, {
      ...named,
      ...(asked ? { includeTopicAuthorizedOperations: true } : {}),
      ...(asked && version <= 10 ? { includeClusterAuthorizedOperations: true } : {}),
    })
  }
  const missing = { topics: [{ name: `${prefix}-none` }], allowAutoTopicCreation: false }
  for (const version of [4, 8, 12, 13]) await sameAnswer(Metadata, version, missing)
  await sameAnswer(Metadata, 12, { topics: [] })
  await sameAnswer(Metadata, 12, { topics: [{ name: null, topicId: unknownId }] })
  await sameAnswer(Metadata, 10, { topics: [{ name: a, topicId: unknownId }] })
})

test('DescribeTopicPartitions: pages', async () => {
  const topics = [{ name: a }, { name: b }]
  await sameAnswer(DescribeTopicPartitions, 0, { topics: [...topics, { name: `${prefix}-none` }, { name: 'a/b' }] })
  const first = await sameAnswer(DescribeTopicPartitions, 0, { topics, responsePartitionLimit: 2 })
  expect(first.nextCursor).toEqual({ topicName: a, partitionIndex: 2 })
  for (const partitionIndex of [2, 7])
    await sameAnswer(DescribeTopicPartitions, 0, { topics, responsePartitionLimit: 1, cursor: { topicName: a, partitionIndex } })
})

test('DescribeCluster: versions, operations, endpoints', async () => {
  for (const version of [0, 1, 2])
    for (const includeClusterAuthorizedOperations of [false, true])
      await sameAnswer(DescribeCluster, version, { includeClusterAuthorizedOperations })
  await sameAnswer(DescribeCluster, 2, { includeFencedBrokers: true })
  for (const endpointType of [2, 7]) await sameAnswer(DescribeCluster, 1, { endpointType })
})

test('DescribeConfigs: every setting of a topic with its synonyms, and errors', async () => {
  const resource = (resourceType: number, resourceName: string, configurationKeys: string[] | null = null) => ({
    resources: [{ resourceType, resourceName, configurationKeys }],
  })
  for (const version of [1, 2, 3, 4]) await sameAnswer(DescribeConfigs, version, { ...resource(2, a), includeSynonyms: true })
  await sameAnswer(DescribeConfigs, 4, resource(2, a, ['retention.ms', 'no.such.key']))
  await sameAnswer(DescribeConfigs, 4, { ...resource(4, ''), includeSynonyms: true })
  for (const [type, name] of [
    [2, `${prefix}-none`],
    [2, 'a/b'],
    [4, '2'],
    [4, 'x'],
    [32, ''],
  ] as const)
    await sameAnswer(DescribeConfigs, 4, resource(type, name))
})

test('DescribeConfigs: the settings of a broker that both have', async () => {
  const request = { resources: [{ resourceType: 4, resourceName: '1', configurationKeys: null }], includeSynonyms: true }
  const { mine, kafkas } = await bothAnswer(DescribeConfigs, 4, request)
  const theirEntries = new Map<string, any>(kafkas.results[0].configs.map((entry: any) => [entry.name, entry]))
  // Given in the two files, each its own.
  const given =
    /^(broker\.id|node\.id|log\.dirs|listeners|advertised\.listeners|controller\.quorum\..*|inter\.broker\.listener\.name|offsets\.topic\..*|group\.initial.*|listener\.security\.protocol\.map)$/
  // Kafka's internal keys are not shown by it.
  const compared = mine.results[0].configs.filter(({ name }: any) => !given.test(name) && theirEntries.has(name))
  expect(compared.length).toBeGreaterThan(50)
  for (const { readOnly: _, ...entry } of compared) {
    const { readOnly: __, ...expected } = theirEntries.get(entry.name)
    if (expected.configSource !== 4) expect(entry).toEqual(expected)
  }
})

test('IncrementalAlterConfigs and AlterConfigs: every operation, and every way to be refused', async () => {
  const done = await sameAnswer(
    IncrementalAlterConfigs,
    1,
    change(2, a, ['segment.ms', 0, '70000'], ['cleanup.policy', 2, 'compact']),
  )
  expect(done.responses[0].errorCode).toBe(0)
  const describe = { resources: [{ resourceType: 2, resourceName: a, configurationKeys: null }], includeSynonyms: true }
  await sameAnswer(DescribeConfigs, 4, describe)
  for (const request of [
    change(2, a, ['segment.ms', 1, null], ['cleanup.policy', 3, 'compact']),
    change(2, `${prefix}-none`, ['segment.ms', 0, '7']),
    change(2, a, ['no.such.key', 0, '7']),
    change(2, a, ['segment.bytes', 0, '7']),
    change(2, a, ['segment.ms', 2, '7']),
    change(2, a, ['segment.ms', 0, null]),
    change(2, a, ['segment.ms', 0, '7'], ['segment.ms', 0, '8']),
    change(2, a, ['compression.gzip.level', 0, '0']),
    change(2, a, ['leader.replication.throttled.replicas', 0, 'x']),
    change(2, a, ['leader.replication.throttled.replicas', 0, '0:1,1:1']),
    change(2, a, ['remote.storage.enable', 0, 'true']),
    change(4, '2', ['message.max.bytes', 0, '70000']),
    change(4, '1', ['num.partitions', 0, '7']),
    change(4, '1', ['min.insync.replicas', 0, '1']),
    change(4, '', ['min.insync.replicas', 1, null]),
    change(32, 'g', ['no.such.key', 0, '1']),
    change(32, '', ['no.such.key', 0, '1']),
    change(77, 'x', ['a', 0, 'b']),
  ])
    await sameAnswer(IncrementalAlterConfigs, 1, request)
  const resources = [{ resourceType: 2, resourceName: a, configs: [{ name: 'retention.ms', value: '5000' }] }]
  await sameAnswer(AlterConfigs, 2, { resources })
  await sameAnswer(DescribeConfigs, 4, describe)
})

test('CreatePartitions: more partitions, and every way to be refused', async () => {
  const each = async (wanted: { name: string; count: number; assignments: { brokerIds: number[] }[] | null }) =>
    (await sameAnswer(CreatePartitions, 3, { topics: [wanted], timeoutMs: 5000 })).results[0].errorCode
  expect(await each({ name: a, count: 4, assignments: null })).toBe(0)
  for (const refused of [
    { name: b, count: 1, assignments: null },
    { name: a, count: 0, assignments: null },
    { name: `${prefix}-none`, count: 4, assignments: null },
    { name: a, count: 6, assignments: [{ brokerIds: [1] }] },
    { name: b, count: 2, assignments: [{ brokerIds: [3] }] },
  ])
    expect(await each(refused)).not.toBe(0)
})

test('ListPartitionReassignments, DescribeQuorum, ListConfigResources', async () => {
  await sameAnswer(ListPartitionReassignments, 0, { topics: null })
  for (const version of [0, 1, 2]) {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const { mine, kafkas } = await bothAnswer(DescribeQuorum, version, { topics })
    const shape = ({ nodes, topics: [{ partitions }], ...rest }: any) => {
      const [{ leaderEpoch: _, currentVoters, ...partition }] = partitions
      const voters = currentVoters.map(({ replicaDirectoryId: __, ...voter }: any) => voter)
      return { ...rest, partition, voters, nodes: nodes.map(({ nodeId }: any) => nodeId) }
    }
    expect(shape(mine)).toEqual(shape(kafkas))
  }
  await sameAnswer(ListConfigResources, 0, {})
  await sameAnswer(ListConfigResources, 1, { resourceTypes: [4] })
  await sameAnswer(ListConfigResources, 1, { resourceTypes: [77] })
})

test('DeleteTopics: by name and id, and every way to be refused', async () => {
  const each = (name: string | null, topicId = zeroUuid) =>
    sameAnswer(DeleteTopics, 6, { topics: [{ name, topicId }], timeoutMs: 5000 })
  for (const refused of [each(`${prefix}-none`), each(null, unknownId), each(null), each(a, unknownId)])
    expect((await refused).responses[0].errorCode).not.toBe(0)
  expect((await each(a)).responses[0].errorCode).toBe(0)
  await sameAnswer(DeleteTopics, 5, { topicNames: [b, `${prefix}-none`], timeoutMs: 5000 })
})
