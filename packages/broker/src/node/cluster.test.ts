import { BatchBuilder, CreateTopics, DescribeCluster, ErrorCode, Fetch, ListOffsets, Produce, Vote } from '@millrace/protocol'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, describe, expect, test } from 'vitest'
import { nodeStatus, startBroker } from '../broker.ts'
import { formatStorage } from '../storage/format-storage.ts'
import { eventually, TestCluster, type TestClusterOptions } from '../testing/test-cluster.ts'

const world = nodeWorld()
let cluster: TestCluster
afterEach(() => cluster?.remove())

async function startCluster(options: Partial<TestClusterOptions> = {}): Promise<TestCluster> {
  const combined = 'broker,controller'
  cluster = await TestCluster.format({ world, roles: [combined, combined, combined], ...options })
  await cluster.startAll()
  return cluster
}

async function createTopic(through: number, name: string, replicationFactor = 3): Promise<number> {
  const topic = {
    name,
    numPartitions: 3,
    replicationFactor,
    assignments: [],
    configs: [{ name: 'min.insync.replicas', value: '2' }],
  }
  const { topics } = await cluster.request(through, CreateTopics, 7, { topics: [topic], timeoutMs: 10_000 })
  return topics[0]!.errorCode
}

async function produce(
  through: number,
  topic: string,
  partition: number,
  value: string,
): Promise<{ errorCode: number; baseOffset: number }> {
  const builder = new BatchBuilder({ maxBytes: 100_000 })
  builder.append(1000, null, value)
  const topicData = [{ name: topic, partitionData: [{ index: partition, records: builder.build() }] }]
  const { responses } = await cluster.request(through, Produce, 9, { acks: -1, timeoutMs: 10_000, topicData })
  return responses[0]!.partitionResponses[0]!
}

async function partitionsOf(through: number, topic: string) {
  const { topics } = await cluster.metadata(through, topic)
  return topics[0]!.partitions.map(({ leaderId, isrNodes, replicaNodes }) => ({
    leaderId,
    isr: [...isrNodes].sort(),
    replicas: [...replicaNodes].sort(),
  }))
}

const allInSync = async (through: number, topic: string) =>
  (await partitionsOf(through, topic)).every(({ isr, replicas }) => isr.length === replicas.length)

describe.each([
  ['static voters', false],
  ['voters in the metadata log', true],
])('three nodes with %s', (_, dynamicQuorum) => {
  test('form a quorum, register, and know of a topic that any of them was asked to create', async () => {
    await startCluster({ dynamicQuorum })
    expect(cluster.nodes.filter(({ broker }) => nodeStatus(broker!).isActiveController)).toHaveLength(1)
    expect(cluster.nodes.map(({ broker }) => nodeStatus(broker!).unreadiness)).toEqual([null, null, null])
    for (const id of [1, 2, 3]) expect(await createTopic(id, `t${id}`)).toBe(ErrorCode.NONE)
    for (const id of [1, 2, 3]) {
      await eventually(world, async () => (await cluster.metadata(id, 't3')).topics[0]!.errorCode === ErrorCode.NONE)
      const { brokers, topics } = await cluster.metadata(id, 't1')
      expect(brokers.map(({ nodeId, port }) => [nodeId, port]).sort()).toEqual(
        cluster.nodes.map(({ id, broker }) => [id, broker!.listeners[0]!.port]),
      )
      expect(topics[0]!.partitions.map(({ replicaNodes }) => [...replicaNodes].sort())).toEqual(Array(3).fill([1, 2, 3]))
      expect(topics[0]!.partitions.map(({ leaderId }) => leaderId).sort()).toEqual([1, 2, 3])
    }
  })
})

describe('three nodes', () => {
  test('replicate what is produced with acks=all, and go on without one of them', async () => {
    await startCluster()
    expect(await createTopic(1, 't')).toBe(ErrorCode.NONE)
    await eventually(world, async () => (await allInSync(1, 't')) && (await allInSync(2, 't')) && (await allInSync(3, 't')))
    const leaderOf = async (through: number, partition: number) => (await partitionsOf(through, 't'))[partition]!.leaderId
    const first = await leaderOf(1, 0)
    expect(await produce(first, 't', 0, 'a')).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 })

    const other = first === 1 ? 2 : 1
    await cluster.stop(first)
    await eventually(world, async () => ![-1, first].includes(await leaderOf(other, 0)))
    const second = await leaderOf(other, 0)
    await eventually(world, async () => (await produce(second, 't', 0, 'b')).errorCode === ErrorCode.NONE)
    expect((await partitionsOf(second, 't'))[0]!.isr).not.toContain(first)

    await cluster.start(first)
    await eventually(world, () => allInSync(first, 't'))
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }] }]
    const leader = await leaderOf(first, 0)
    await eventually(world, async () => {
      const answer = await cluster.request(leader, ListOffsets, 7, { replicaId: -1, topics })
      return answer.topics[0]!.partitions[0]!.offset >= 2
    })
  })

  test('choose another active controller when that one stops, which goes on where it ended', async () => {
    await startCluster()
    expect(await createTopic(1, 'before')).toBe(ErrorCode.NONE)
    const active = cluster.activeController!
    const others = cluster.nodes.filter(node => node !== active)
    await cluster.stop(active.id)
    await eventually(world, () => cluster.activeController !== undefined)
    expect(await createTopic(others[0]!.id, 'after', 2)).toBe(ErrorCode.NONE)
    await cluster.start(active.id)
    for (const name of ['before', 'after'])
      await eventually(world, async () => (await cluster.metadata(active.id, name)).topics[0]!.errorCode === ErrorCode.NONE)
  })
})

test('controllers and brokers may be nodes of their own', async () => {
  await startCluster({ roles: ['controller', 'broker', 'broker'] })
  expect(nodeStatus(cluster.node(1).broker!)).toMatchObject({
    isActiveController: true,
    roles: ['controller'],
    unreadiness: null,
  })
  expect(await createTopic(2, 't', 2)).toBe(ErrorCode.NONE)
  await eventually(world, async () => (await partitionsOf(3, 't')).length === 3)
  const { brokers } = await cluster.metadata(3, 't')
  expect(brokers.map(({ nodeId }) => nodeId).sort()).toEqual([2, 3])
})

describe('a listener', () => {
  test('of controllers tells administrators of controllers, and one of brokers of brokers', async () => {
    await startCluster()
    const active = cluster.activeController!
    const describe = (endpointType: number, listener: 'broker' | 'controller') =>
      cluster.request(active.id, DescribeCluster, 1, { endpointType }, listener)
    const controllers = await describe(2, 'controller')
    expect(controllers).toMatchObject({ errorCode: ErrorCode.NONE, endpointType: 2, controllerId: active.id })
    expect(controllers.brokers.map(({ brokerId, port }) => [brokerId, port]).sort()).toEqual(
      cluster.nodes.map(({ id, broker }) => [id, broker!.controllerListeners[0]!.port]),
    )
    expect((await describe(1, 'broker')).brokers).toHaveLength(3)
    expect(await describe(1, 'controller')).toMatchObject({ errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE })
    expect(await describe(2, 'broker')).toMatchObject({ errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE })
  })

  test('serves what belongs to it alone', async () => {
    await startCluster({ roles: ['broker,controller'] })
    const vote = { clusterId: null, voterId: -1, topics: [] }
    await expect(cluster.request(1, Vote, 2, vote, 'broker')).rejects.toThrow('closed instead of answered')
    await expect(cluster.request(1, Produce, 9, { acks: -1, topicData: [] }, 'controller')).rejects.toThrow('closed instead')
    await expect(cluster.request(1, Vote, 2, vote, 'controller')).resolves.toBeDefined()
    await expect(cluster.request(1, Fetch, 12, { topics: [] }, 'broker')).resolves.toMatchObject({ errorCode: 0 })
  })
})

describe('a node that does not belong to the cluster', () => {
  /** Node 2 as its file says, with other settings, on a directory of its own. */
  const stray = (changes: Record<string, string>, clusterId: string) => {
    const given = cluster.node(2).properties
    const properties = new Map([...given, ['log.dirs', `${given.get('log.dirs')}-stray`], ...Object.entries(changes)])
    formatStorage(world, { properties, clusterId })
    return startBroker({ world, properties, logger: silentLogger })
  }

  test('because its directories are another cluster’s ends at once', async () => {
    cluster = await TestCluster.format({ world, roles: ['broker,controller', 'broker'] })
    await cluster.start(1)
    await expect(stray({}, 'AAAAOEVBNTcwNTJENDM2Qg')).rejects.toMatchObject({
      code: 'CLUSTER_ID_MISMATCH',
      message: expect.stringContaining('belong to the cluster AAAAOEVBNTcwNTJENDM2Qg'),
    })
  })

  test('because another process has its number gives up, and that one goes on', async () => {
    cluster = await TestCluster.format({ world, roles: ['broker,controller', 'broker'] })
    await cluster.startAll()
    const twin = stray(
      { listeners: 'PLAINTEXT://127.0.0.1:0', 'initial.broker.registration.timeout.ms': '500' },
      cluster.clusterId,
    )
    await expect(twin).rejects.toMatchObject({
      code: 'NOT_REGISTERED',
      message: expect.stringContaining('DUPLICATE_BROKER_REGISTRATION'),
    })
    expect(nodeStatus(cluster.node(2).broker!).unreadiness).toBeNull()
  })

  test('because nobody leads the quorum that it is to find gives up after its time', async () => {
    cluster = await TestCluster.format({ world, roles: ['broker,controller', 'broker'] })
    cluster.node(2).properties.set('initial.broker.registration.timeout.ms', '300')
    await expect(cluster.start(2)).rejects.toMatchObject({
      code: 'NOT_REGISTERED',
      message: expect.stringContaining('no active controller'),
    })
  })
})
