import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BrokerHeartbeat,
  BrokerRegistration,
  CreateTopics,
  DescribeQuorum,
  ErrorCode,
  Fetch,
  IncrementalAlterConfigs,
} from '@millrace/protocol'
import { type Logger, nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import { noTransport } from '../raft/testing/no-transport.ts'
import type { MetadataChange } from '../services.ts'
import { formatStorage } from '../storage/format-storage.ts'
import { openStorage, type Storage } from '../storage/open-storage.ts'
import { supportedFeatures } from './features.ts'
import { QuorumMember } from './quorum-member.ts'

const world = nodeWorld()
let root: string
let stop: (() => Promise<void>)[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-controller-'))
})
afterEach(async () => {
  for (const step of stop) await step()
  stop = []
  rmSync(root, { recursive: true })
})

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const properties = () =>
  new Map(
    Object.entries({
      'process.roles': 'broker,controller',
      'node.id': '1',
      listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.quorum.bootstrap.servers': '127.0.0.1:9093',
      'log.dirs': root,
    }),
  )

/** A quorum of one that leads, and has done what a new leader does. */
async function start(logger: Logger = silentLogger): Promise<{ quorum: QuorumMember; storage: Storage; failures: Error[] }> {
  formatStorage(world, { properties: properties(), clusterId, standalone: true, ignoreFormatted: true })
  const config = readBrokerConfig(properties(), silentLogger)
  const storage = openStorage(world, config)
  const failures: Error[] = []
  const failed = (error: Error) => failures.push(error)
  const controllerListeners = [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }]
  let isLed = () => {}
  const led = new Promise<void>(resolve => {
    isLed = resolve
  })
  const quorum = new QuorumMember({
    leaderChanged: () => isLed(),
    world,
    logger,
    config,
    storage,
    transport: noTransport,
    controllerListeners,
    failed,
  })
  stop.push(async () => {
    await quorum.close()
    storage.close()
  })
  quorum.start()
  await led
  // The answer comes behind what the controller wrote when it became active.
  await quorum.request(CreateTopics, 7, { topics: [], timeoutMs: 0, validateOnly: false })
  return { quorum, storage, failures }
}

const listeners = [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, securityProtocol: 0 }]

/** As a broker that starts does it: registered, then unfenced. */
async function register(quorum: QuorumMember, incarnation = 1): Promise<number> {
  const { brokerEpoch, errorCode } = await quorum.request(BrokerRegistration, 4, {
    brokerId: 1,
    clusterId,
    incarnationId: `AAAAAAAAAAAAAAAAAAAA${incarnation}A`,
    listeners,
    features: supportedFeatures,
    rack: null,
    isMigratingZkBroker: false,
    logDirs: ['BBBBBBBBBBBBBBBBBBBBBA'],
    previousBrokerEpoch: -1,
  })
  expect(errorCode).toBe(0)
  await heartbeat(quorum, brokerEpoch, false)
  return brokerEpoch
}

function heartbeat(quorum: QuorumMember, brokerEpoch: number, wantShutDown: boolean) {
  return quorum.request(BrokerHeartbeat, 2, {
    brokerId: 1,
    brokerEpoch,
    currentMetadataOffset: quorum.metadata.appliedOffset,
    wantFence: false,
    wantShutDown,
    offlineLogDirs: [],
    cordonedLogDirs: null,
  })
}

async function create(quorum: QuorumMember, ...names: string[]) {
  const topics = names.map(name => ({ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }))
  const response = await quorum.request(CreateTopics, 7, { topics, timeoutMs: 0, validateOnly: false })
  return response.topics.map(({ errorCode }) => errorCode)
}

const leaders = ({ metadata }: QuorumMember, topic: string) =>
  metadata.topic(topic)!.partitions.map(({ leader, leaderEpoch }) => [leader, leaderEpoch])

describe('a new cluster', () => {
  test('has the features of its formatting and one broker, once that is registered', async () => {
    const { quorum } = await start()
    expect(quorum.metadata.features()).toEqual(
      new Map([
        ['metadata.version', 30],
        ['eligible.leader.replicas.version', 1],
        ['group.version', 1],
        ['share.version', 1],
        ['streams.version', 1],
        ['transaction.version', 2],
        ['kraft.version', 1],
      ]),
    )
    expect(quorum.metadata.dynamicConfig(4, '').get('min.insync.replicas')).toBe('1')
    expect([...quorum.metadata.brokers()]).toEqual([])
    const epoch = await register(quorum)
    expect([...quorum.metadata.brokers()]).toMatchObject([{ id: 1, epoch, fenced: false, listeners }])
  })

  test('has no brokers for a topic before that', async () => {
    const { quorum } = await start()
    expect(await create(quorum, 't')).toEqual([ErrorCode.INVALID_REPLICATION_FACTOR])
  })
})

test('a topic is in the metadata when its creation is answered, and subscribers were told before', async () => {
  const { quorum } = await start()
  await register(quorum)
  const changes: MetadataChange[] = []
  const unsubscribe = quorum.metadata.subscribe(change => changes.push(change))
  expect(await create(quorum, 't')).toEqual([0])
  expect(changes.map(({ topics }) => topics.map(({ name }) => name))).toEqual([['t']])
  expect(changes[0]!.topics[0]).toBe(quorum.metadata.topic('t'))
  unsubscribe()
  await create(quorum, 'u')
  expect(changes).toHaveLength(1)
})

test('of many who create one topic at the same time exactly one does', async () => {
  const { quorum } = await start()
  await register(quorum)
  const codes = await Promise.all(Array.from({ length: 20 }, () => create(quorum, 't')))
  expect(codes.flat().sort((a, b) => a - b)).toEqual([0, ...Array(19).fill(ErrorCode.TOPIC_ALREADY_EXISTS)])
})

test('metadata survives a restart, and the partitions get a leader in a new epoch', async () => {
  const first = await start()
  const epoch = await register(first.quorum)
  await create(first.quorum, 'a', 'b')
  const { topicId } = first.quorum.metadata.topic('a')!
  expect(leaders(first.quorum, 'a')).toEqual([
    [1, 0],
    [1, 0],
  ])
  expect(await heartbeat(first.quorum, epoch, true)).toMatchObject({ shouldShutDown: true })
  await stop.pop()!()
  const { quorum } = await start()
  expect(quorum.metadata.topicById(topicId)?.name).toBe('a')
  expect(leaders(quorum, 'a').map(([leader]) => leader)).toEqual([-1, -1])
  await register(quorum, 2)
  expect(leaders(quorum, 'a')).toEqual([
    [1, 2],
    [1, 2],
  ])
})

test('a torn end of the metadata log, which no commit covered, is cut off', async () => {
  const first = await start()
  await register(first.quorum)
  await create(first.quorum, 'a')
  await stop.pop()!()
  appendFileSync(`${root}/__cluster_metadata-0/00000000000000000000.log`, Buffer.alloc(40, 1))
  const { quorum } = await start()
  expect([...quorum.metadata.topics()].map(({ name }) => name)).toEqual(['a'])
})

test('a listener that throws does not keep the others from a change', async () => {
  const errors: string[] = []
  const { quorum } = await start({ ...silentLogger, error: event => errors.push(event) })
  const seen: string[] = []
  quorum.metadata.subscribe(() => {
    throw new Error('broken')
  })
  quorum.metadata.subscribe(({ brokersChanged }) => seen.push(String(brokersChanged)))
  await register(quorum)
  expect(seen).toEqual(['true', 'true'])
  expect(errors).toEqual(['metadata.listener-failed', 'metadata.listener-failed'])
})

test('a setting that has no effect yet is one warning', async () => {
  const warned: unknown[] = []
  const { quorum } = await start({ ...silentLogger, warn: (event, facts) => warned.push([event, facts]) })
  await register(quorum)
  await create(quorum, 'a', 'b')
  for (const resourceName of ['a', 'b']) {
    const configs = [{ name: 'min.compaction.lag.ms', configOperation: 0, value: '5' }]
    const request = { resources: [{ resourceType: 2, resourceName, configs }], validateOnly: false }
    await quorum.request(IncrementalAlterConfigs, 1, request)
  }
  expect(warned).toEqual([['config.without-effect-yet', { key: 'min.compaction.lag.ms', resource: 'a' }]])
})

test('DescribeQuorum tells leader, epoch and the voters, with addresses from version 2 on', async () => {
  const { quorum } = await start()
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const old = await quorum.request(DescribeQuorum, 0, { topics })
  expect(old.topics[0]!.partitions[0]).toMatchObject({ leaderId: 1, leaderEpoch: 1, currentVoters: [{ replicaId: 1 }] })
  expect(old.nodes).toEqual([])
  const { nodes } = await quorum.request(DescribeQuorum, 2, { topics })
  expect(nodes).toEqual([{ nodeId: 1, listeners: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }] }])
})

test('what is not the controller’s is refused, and everything after its end', async () => {
  const { quorum } = await start()
  await expect(quorum.request(Fetch, 12, {} as never)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
  await stop.pop()!()
  await expect(create(quorum, 't')).rejects.toMatchObject({ code: 'NOT_CONTROLLER' })
})
