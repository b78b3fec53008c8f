import { CreateTopics, ErrorCode, type MetadataRequest, zeroUuid } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import { supportedFeatures } from '../controller/features.ts'
import type { MetadataRecord } from '../controller/metadata-record.ts'
import { CommittedMetadata } from '../controller/metadata-view.ts'
import type { BrokerServices } from '../services.ts'
import { VirtualClock } from '../testing/group-scenario.ts'
import { describeTopicPartitionsHandler } from './describe-topic-partitions.ts'
import { metadataHandler } from './metadata.ts'

const topicId = 'TTTTTTTTTTTTTTTTTTTTTQ'

/** Broker 1 is reachable, 2 has no such listener, 3 is fenced. */
function services(properties: Record<string, string> = {}, createErrors: Record<string, number> = {}) {
  const metadata = new CommittedMetadata(silentLogger)
  const texts = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': '1@h:9093',
    ...properties,
  }
  const publish = (...records: MetadataRecord[]) => metadata.publish(records, metadata.appliedOffset + 1 + records.length)
  const register = (brokerId: number, name: string, fenced: boolean): MetadataRecord => ({
    type: 'RegisterBrokerRecord',
    value: {
      brokerId,
      isMigratingZkBroker: false,
      incarnationId: zeroUuid,
      brokerEpoch: brokerId,
      endPoints: [{ name, host: `host-${brokerId}`, port: 9092, securityProtocol: 0 }],
      features: supportedFeatures,
      rack: null,
      fenced,
      inControlledShutdown: false,
      logDirs: [],
      cordonedLogDirs: [],
    },
  })
  publish(register(1, 'PLAINTEXT', false), register(2, 'OTHER', false), register(3, 'PLAINTEXT', true))
  const created: string[] = []
  const controller: BrokerServices['controller'] = {
    request: async (api, _, request: any) => {
      expect(api.key).toBe(CreateTopics.key)
      const topics = request.topics.map(({ name }: { name: string }) => {
        created.push(name)
        const errorCode = createErrors[name] ?? 0
        if (errorCode === 0) publish(...topic(name, [1]))
        return { name, errorCode }
      })
      return { topics } as never
    },
  }
  const config = readBrokerConfig(new Map(Object.entries(texts)), silentLogger)
  const world = { clock: new VirtualClock(), random: { below: () => 0 } }
  const broker = {
    world,
    metadata,
    config,
    controller,
    logger: silentLogger,
    clusterId: 'C',
    nodeId: 1,
  } as unknown as BrokerServices
  const ask = async (request: Partial<MetadataRequest>, apiVersion = 13) =>
    (await metadataHandler().handle(
      {
        topics: [],
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
        ...request,
      },
      { apiVersion, listenerName: 'PLAINTEXT' } as never,
      broker,
    ))!
  return { ask, publish, created, broker }
}

function topic(name: string, leaders: number[]): MetadataRecord[] {
  const id = name === 't' ? topicId : `${name.padEnd(21, 'X').slice(0, 21)}Q`
  return [
    { type: 'TopicRecord', value: { name, topicId: id } },
    ...leaders.map(
      (leader, partitionId): MetadataRecord => ({
        type: 'PartitionRecord',
        value: {
          topicId: id,
          partitionId,
          replicas: [1, 2, 3],
          isr: [1, 2],
          removingReplicas: [],
          addingReplicas: [],
          leader,
          leaderRecoveryState: 0,
          leaderEpoch: 5,
          partitionEpoch: 0,
          directories: [],
          eligibleLeaderReplicas: null,
          lastKnownElr: null,
        },
      }),
    ),
  ]
}

const named = (...names: string[]) => names.map(name => ({ name, topicId: zeroUuid }))

describe('Metadata', () => {
  test('tells the brokers that this listener reaches', async () => {
    const { brokers, clusterId, controllerId } = await services().ask({})
    expect(brokers).toEqual([{ nodeId: 1, host: 'host-1', port: 9092, rack: null }])
    expect([clusterId, controllerId]).toEqual(['C', 1])
  })

  test('tells why a partition has no leader that can be reached', async () => {
    const { ask, publish } = services()
    publish(...topic('t', [1, 2, 3, -1]))
    const partitions = async (version: number) =>
      (await ask({ topics: named('t') }, version)).topics![0]!.partitions!.map(({ errorCode, leaderId }) => [errorCode, leaderId])
    const { NONE, LISTENER_NOT_FOUND, LEADER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE } = ErrorCode
    expect(await partitions(13)).toEqual([
      [NONE, 1],
      [LISTENER_NOT_FOUND, -1],
      [LISTENER_NOT_FOUND, -1],
      [LEADER_NOT_AVAILABLE, -1],
    ])
    expect(await partitions(5)).toEqual([
      [NONE, 1],
      [LEADER_NOT_AVAILABLE, -1],
      [LEADER_NOT_AVAILABLE, -1],
      [LEADER_NOT_AVAILABLE, -1],
    ])
    expect((await partitions(0))[0]).toEqual([REPLICA_NOT_AVAILABLE, 1])
  })

  test('lists fenced replicas as offline, and in version 0 leaves out those that cannot be reached', async () => {
    const { ask, publish } = services()
    publish(...topic('t', [1]))
    const shown = async (version: number) => (await ask({ topics: named('t') }, version)).topics![0]!.partitions![0]!
    expect(await shown(13)).toMatchObject({ replicaNodes: [1, 2, 3], isrNodes: [1, 2], offlineReplicas: [3], leaderEpoch: 5 })
    expect(await shown(0)).toMatchObject({ replicaNodes: [1], isrNodes: [1] })
  })

  test('null asks for all topics, an empty list for none, except in version 0', async () => {
    const { ask, publish } = services()
    publish(...topic('t', [1]), ...topic('u', [1]))
    const names = async (request: Partial<MetadataRequest>, version?: number) =>
      (await ask(request, version)).topics!.map(({ name }) => name)
    expect(await names({ topics: null })).toEqual(['t', 'u'])
    expect(await names({ topics: [] })).toEqual([])
    expect(await names({ topics: [] }, 0)).toEqual(['t', 'u'])
  })

  test('finds topics by id from version 12 on, and refuses ids before', async () => {
    const { ask, publish } = services()
    publish(...topic('t', [1]))
    const byId = { topics: [{ name: null, topicId }] }
    expect((await ask(byId, 12)).topics).toMatchObject([{ errorCode: 0, name: 't', topicId }])
    expect((await ask({ topics: [{ name: null, topicId: 'UUUUUUUUUUUUUUUUUUUUUQ' }] })).topics).toMatchObject([
      { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null },
    ])
    expect((await ask(byId, 10)).topics).toMatchObject([{ errorCode: ErrorCode.INVALID_REQUEST }])
  })

  test('answers a topic that is named twice once', async () => {
    const { ask, publish } = services()
    publish(...topic('t', [1]))
    expect((await ask({ topics: named('t', 't') })).topics).toHaveLength(1)
  })

  describe('of an unknown topic', () => {
    test('creates it and tells its leaders', async () => {
      const { ask, created } = services()
      const { topics } = await ask({ topics: named('new') })
      expect([created, topics![0]!.errorCode, topics![0]!.partitions!.length]).toEqual([['new'], 0, 1])
    })

    test('tells why it could not be created, unless that is for now only', async () => {
      const { ask } = services({}, { refused: ErrorCode.POLICY_VIOLATION, later: ErrorCode.INVALID_REPLICATION_FACTOR })
      const { topics } = await ask({ topics: named('refused', 'later') })
      expect(topics!.map(({ errorCode }) => errorCode)).toEqual([
        ErrorCode.POLICY_VIOLATION,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ])
    })

    test('creates nothing where client or broker do not want it, and nothing of the coordinators', async () => {
      const unknown = async ({ ask, created }: ReturnType<typeof services>, request: Partial<MetadataRequest>) => {
        const { topics } = await ask(request)
        expect(created).toEqual([])
        return topics![0]!.errorCode
      }
      const { UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode
      expect(await unknown(services(), { topics: named('new'), allowAutoTopicCreation: false })).toBe(UNKNOWN_TOPIC_OR_PARTITION)
      const off = services({ 'auto.create.topics.enable': 'false' })
      expect(await unknown(off, { topics: named('new') })).toBe(UNKNOWN_TOPIC_OR_PARTITION)
      expect(await unknown(services(), { topics: named('__transaction_state') })).toBe(UNKNOWN_TOPIC_OR_PARTITION)
    })

    test('says when no topic can have the name', async () => {
      const { ask } = services()
      const { topics } = await ask({ topics: named('a/b'), allowAutoTopicCreation: false })
      expect(topics![0]!.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
    })
  })
})

describe('DescribeTopicPartitions', () => {
  const describeAll = ({ broker }: ReturnType<typeof services>, request: object) =>
    describeTopicPartitionsHandler().handle(
      { topics: [], responsePartitionLimit: 2000, cursor: null, ...request },
      { apiVersion: 0, listenerName: 'PLAINTEXT' } as never,
      broker,
    ) as any

  test('goes through all topics in pages, each partition once', () => {
    const at = services({ 'max.request.partition.size.limit': '3' })
    at.publish(...topic('b', [1, 1]), ...topic('a', [1, 1, 1, 1, 1]), ...topic('c', [1]))
    const seen: string[] = []
    let pages = 0
    for (let cursor: unknown = null; pages < 10; ) {
      const page = describeAll(at, { cursor })
      pages++
      for (const { name, partitions } of page.topics)
        for (const { partitionIndex } of partitions) seen.push(`${name}-${partitionIndex}`)
      cursor = page.nextCursor
      if (!cursor) break
    }
    expect(seen).toEqual(['a-0', 'a-1', 'a-2', 'a-3', 'a-4', 'b-0', 'b-1', 'c-0'])
    expect(pages).toBe(3)
  })

  test('refuses a cursor before the first partition', () => {
    expect(() => describeAll(services(), { cursor: { topicName: 'a', partitionIndex: -1 } })).toThrow(
      /the cursor's partition is -1/,
    )
  })
})
