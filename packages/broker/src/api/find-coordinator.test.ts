import { type CreateTopicsRequest, ErrorCode } from '@millrace/protocol'
import { ConfigSet, silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { nodeKeys } from '../config/node-keys.ts'
import type { BrokerMetadata, BrokerServices, MetadataChange, TopicMetadata } from '../services.ts'
import { VirtualClock } from '../testing/group-scenario.ts'
import { findCoordinator } from './find-coordinator.ts'
import type { RequestContext } from './handler.ts'

const node: BrokerMetadata = {
  id: 1,
  epoch: 1,
  rack: null,
  fenced: false,
  listeners: [{ name: 'PLAINTEXT', host: 'h', port: 9, securityProtocol: 0 }],
}
const offsetsTopic = {
  name: '__consumer_offsets',
  topicId: 'x',
  partitions: [{ leader: 1 }, { leader: 1 }],
} as unknown as TopicMetadata

function setUp(
  options: { topic?: TopicMetadata; refusal?: { errorCode: number; errorMessage: string }; brokers?: BrokerMetadata[] } = {},
) {
  const clock = new VirtualClock()
  const requests: CreateTopicsRequest[] = []
  const listeners = new Set<(change: MetadataChange) => void>()
  const state = { topic: options.topic as TopicMetadata | undefined, listeners, requests, clock }
  const services = {
    world: { clock },
    logger: silentLogger,
    config: new ConfigSet(
      [nodeKeys.offsetsTopicNumPartitions, nodeKeys.offsetsTopicReplicationFactor, nodeKeys.offsetsTopicSegmentBytes],
      new Map([['offsets.topic.num.partitions', '2']]),
    ),
    metadata: {
      topic: () => state.topic,
      brokers: () => options.brokers ?? [node],
      subscribe: (listener: (change: MetadataChange) => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    controller: {
      request: async (_api: unknown, _version: number, request: CreateTopicsRequest) => {
        requests.push(request)
        return { topics: [{ errorCode: 0, errorMessage: null, ...options.refusal }] }
      },
    },
  } as unknown as BrokerServices
  const handler = findCoordinator()
  const find = async (version: number, request: object, listenerName = 'PLAINTEXT') =>
    handler.handle(
      { key: '', keyType: 0, coordinatorKeys: [], ...request },
      { apiVersion: version, listenerName } as RequestContext,
      services,
    )
  return { ...state, state, find }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

test('the first that ask create the topic, once, compacted and sized as configured, and are answered when this broker knows it', async () => {
  const { state, requests, listeners, find } = setUp()
  const answers = Promise.all([find(4, { coordinatorKeys: ['a', 'b'] }), find(0, { key: 'a' })])
  await settled()
  expect(requests.map(({ topics }) => topics)).toEqual([
    [
      {
        name: '__consumer_offsets',
        numPartitions: 2,
        replicationFactor: 3,
        assignments: [],
        configs: [
          { name: 'compression.type', value: 'producer' },
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'segment.bytes', value: '104857600' },
        ],
      },
    ],
  ])
  state.topic = offsetsTopic
  for (const listener of listeners) listener({ topics: [offsetsTopic], deletedTopics: [], configs: [], brokersChanged: false })
  const [batched, single] = await answers
  const found = { nodeId: 1, host: 'h', port: 9, errorCode: 0 }
  expect(batched).toEqual({
    coordinators: [
      { key: 'a', ...found, errorMessage: '' },
      { key: 'b', ...found, errorMessage: '' },
    ],
  })
  expect(single).toEqual({ ...found, errorMessage: 'NONE' })
  expect(listeners.size).toBe(0)
})

test('a topic that cannot be created: the reason, and no second try within a second', async () => {
  const { requests, clock, find } = setUp({
    refusal: { errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, errorMessage: 'one broker for three replicas' },
  })
  const answer = await find(1, { key: 'a' })
  expect(answer).toMatchObject({
    errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    errorMessage: '__consumer_offsets cannot be created: one broker for three replicas',
    nodeId: -1,
    port: -1,
  })
  expect(await find(1, { key: 'a' })).toEqual(answer)
  expect(requests).toHaveLength(1)
  clock.pass(1000)
  await find(1, { key: 'a' })
  expect(requests).toHaveLength(2)
})

test('a topic that this broker does not hear of in time: ask again', async () => {
  const { clock, listeners, find } = setUp()
  const answer = find(1, { key: 'a' })
  await settled()
  clock.pass(5000)
  expect(await answer).toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
  expect(listeners.size).toBe(0)
})

test('no coordinator to reach: fenced, unknown, or not on this listener', async () => {
  for (const brokers of [[{ ...node, fenced: true }], [{ ...node, id: 2 }]])
    expect(await setUp({ topic: offsetsTopic, brokers }).find(1, { key: 'a' })).toMatchObject({
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    })
  expect(await setUp({ topic: offsetsTopic }).find(1, { key: 'a' }, 'OTHER')).toMatchObject({
    errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
  })
})

test('other kinds of coordinators are refused for good, so that no client waits for one', async () => {
  const { requests, find } = setUp()
  expect(await find(4, { keyType: 1, coordinatorKeys: ['t'] })).toMatchObject({
    coordinators: [{ key: 't', errorCode: ErrorCode.INVALID_REQUEST }],
  })
  expect(await find(1, { keyType: 1, key: 't' })).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST })
  expect(requests).toEqual([])
})
