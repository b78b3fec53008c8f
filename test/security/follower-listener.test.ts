import {
  BatchBuilder,
  BrokerHeartbeat,
  BrokerRegistration,
  CreateTopics,
  DescribeCluster,
  errorFacts,
  Fetch,
  ListOffsets,
  Produce,
} from '@millrace/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../conformance/free-ports.ts'
import { until } from '../conformance/process-harness.ts'
import { NodeUnderTest } from './node-under-test.ts'
import { RawConnection } from './raw-connection.ts'

/** A broker that this test plays, registered and alive: a replica of all that it is asked about. */
const actor = 9
const records = 3

let node: NodeUnderTest
/** A listener for clients only, and the one that brokers use among themselves. */
let clients: RawConnection
let brokers: RawConnection
let actorEpoch: number

beforeAll(async () => {
  const [controllerPort] = await freePorts(1)
  node = await NodeUnderTest.start({
    properties: {
      listeners: `CLIENTS://127.0.0.1:0,INTERNAL://127.0.0.1:0,CONTROLLER://127.0.0.1:${controllerPort}`,
      'listener.security.protocol.map': 'CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'INTERNAL',
      'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
      // Nobody beats the actor's heart again.
      'broker.session.timeout.ms': '600000',
    },
  })
  const at = (name: string) => RawConnection.open(node.broker.listeners.find(listener => listener.name === name)!.port)
  clients = await at('CLIENTS')
  brokers = await at('INTERNAL')
  const controller = await RawConnection.open(controllerPort!)
  const { clusterId } = await clients.request(DescribeCluster, 0, {})
  const features = ['metadata.version', 'group.version', 'transaction.version', 'share.version', 'streams.version']
  const registered = await controller.request(BrokerRegistration, 4, {
    brokerId: actor,
    clusterId,
    incarnationId: 'TheIncarnationOfActorw',
    listeners: ['CLIENTS', 'INTERNAL'].map(name => ({ name, host: '127.0.0.1', port: 1, securityProtocol: 0 })),
    features: [...features, 'eligible.leader.replicas.version', 'kraft.version'].map(name => ({
      name,
      minSupportedVersion: 0,
      maxSupportedVersion: 30,
    })),
    rack: null,
    logDirs: ['TheDirectoryOfTheActow'],
  })
  expect(registered).toMatchObject({ errorCode: 0 })
  actorEpoch = registered.brokerEpoch
  const heartbeat = { brokerId: actor, brokerEpoch: actorEpoch, currentMetadataOffset: 2 ** 40 }
  await until('the actor to be let in', async () => !(await controller.request(BrokerHeartbeat, 1, heartbeat)).isFenced)
  controller.close()
})
afterAll(async () => {
  clients?.close()
  brokers?.close()
  await node?.stop()
})

/** A topic that the node leads and the actor follows, with records that nobody but the leader has. */
async function topicWithRecords(name: string): Promise<string> {
  const created = await clients.request(CreateTopics, 7, {
    timeoutMs: 10_000,
    topics: [
      {
        name,
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [1, actor] }],
        configs: [],
      },
    ],
  })
  expect(created.topics[0]).toMatchObject({ errorCode: 0 })
  const builder = new BatchBuilder({ maxBytes: 10_000 })
  for (let i = 0; i < records; i++) builder.append(1, null, `${i}`)
  const batch = Buffer.from(builder.build())
  await expect
    .poll(async () => {
      const topicData = [{ name, partitionData: [{ index: 0, records: batch }] }]
      const { responses } = await clients.request(Produce, 9, { acks: 1, timeoutMs: 5_000, topicData })
      return responses[0]!.partitionResponses[0]!.errorCode
    })
    .toBe(0)
  return created.topics[0]!.topicId
}

/** What consumers may read: it grows only with what the actor is believed to have. */
async function committed(name: string): Promise<number> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
  return (await clients.request(ListOffsets, 5, { replicaId: -1, topics })).topics[0]!.partitions[0]!.offset
}

async function fetched(connection: RawConnection, topicId: string, fetchOffset: number, session: object) {
  const { errorCode, sessionId, responses } = await connection.request(Fetch, 16, {
    replicaState: { replicaId: actor, replicaEpoch: actorEpoch },
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topicId, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000 }] }],
    forgottenTopicsData: [],
    ...session,
  })
  const partition = responses[0]?.partitions[0]
  return { sessionId, error: errorFacts(errorCode || (partition?.errorCode ?? 0)).name, bytes: partition?.records?.length ?? 0 }
}

const sessionless = { sessionEpoch: -1 }

describe('a follower’s fetch, with the number and the epoch of a replica that lives', () => {
  test('is refused where only clients are, gives no records and acknowledges nothing', async () => {
    const topicId = await topicWithRecords('apart')
    for (const offset of [0, records]) {
      const refused = await fetched(clients, topicId, offset, sessionless)
      expect(refused).toMatchObject({ error: 'TOPIC_AUTHORIZATION_FAILED', bytes: 0 })
    }
    expect(await committed('apart')).toBe(0)
    const answered = await fetched(brokers, topicId, 0, sessionless)
    expect(answered.error).toBe('NONE')
    expect(answered.bytes).toBeGreaterThan(0)
    expect((await fetched(brokers, topicId, records, sessionless)).error).toBe('NONE')
    expect(await committed('apart')).toBe(records)
  })

  test('is refused there in a session of the replica’s own too', async () => {
    const topicId = await topicWithRecords('session')
    const opened = await fetched(brokers, topicId, 0, { sessionEpoch: 0 })
    expect(opened).toMatchObject({ error: 'NONE', sessionId: expect.toSatisfy(id => id > 0) })
    const { sessionId } = opened
    const refused = await fetched(clients, topicId, records, { sessionId, sessionEpoch: 1 })
    expect(refused).toMatchObject({ error: 'TOPIC_AUTHORIZATION_FAILED', bytes: 0 })
    expect(await committed('session')).toBe(0)
  })
})
