import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateTopics, DescribeQuorum, ErrorCode, Fetch, IncrementalAlterConfigs } from '@millrace/protocol'
import { type Logger, nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readBrokerConfig } from '../config/broker-config.ts'
import type { MetadataChange } from '../services.ts'
import { formatStorage } from '../storage/format-storage.ts'
import { openStorage, type Storage } from '../storage/open-storage.ts'
import { type Controller, openController } from './open-controller.ts'

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

async function start(logger: Logger = silentLogger): Promise<{ controller: Controller; storage: Storage; failures: Error[] }> {
  formatStorage(world, { properties: properties(), clusterId: 'MkU3OEVBNTcwNTJENDM2Qg', standalone: true, ignoreFormatted: true })
  const config = readBrokerConfig(properties(), silentLogger)
  const storage = openStorage(world, config)
  const failures: Error[] = []
  const controller = await openController({ world, logger, config, storage, failed: error => failures.push(error) })
  stop.push(async () => {
    await controller.close()
    storage.close()
  })
  return { controller, storage, failures }
}

const registration = { listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, securityProtocol: 0 }] }

async function create(controller: Controller, ...names: string[]) {
  const topics = names.map(name => ({ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }))
  const response = await controller.client.request(CreateTopics, 7, { topics, timeoutMs: 0, validateOnly: false })
  return response.topics.map(({ errorCode }) => errorCode)
}

const leaders = ({ metadata }: Controller, topic: string) =>
  metadata.topic(topic)!.partitions.map(({ leader, leaderEpoch }) => [leader, leaderEpoch])

describe('a new cluster', () => {
  test('has the features of its formatting and one broker, once that is registered', async () => {
    const { controller } = await start()
    expect(controller.metadata.features()).toEqual(
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
    expect(controller.metadata.dynamicConfig(4, '').get('min.insync.replicas')).toBe('1')
    expect([...controller.metadata.brokers()]).toEqual([])
    const epoch = await controller.registerBroker(registration)
    expect([...controller.metadata.brokers()]).toMatchObject([{ id: 1, epoch, fenced: false, ...registration }])
  })

  test('has no brokers for a topic before that', async () => {
    const { controller } = await start()
    expect(await create(controller, 't')).toEqual([ErrorCode.INVALID_REPLICATION_FACTOR])
  })
})

test('a topic is in the metadata when its creation is answered, and subscribers were told before', async () => {
  const { controller } = await start()
  await controller.registerBroker(registration)
  const changes: MetadataChange[] = []
  const unsubscribe = controller.metadata.subscribe(change => changes.push(change))
  expect(await create(controller, 't')).toEqual([0])
  expect(changes.map(({ topics }) => topics.map(({ name }) => name))).toEqual([['t']])
  expect(changes[0]!.topics[0]).toBe(controller.metadata.topic('t'))
  unsubscribe()
  await create(controller, 'u')
  expect(changes).toHaveLength(1)
})

test('of many who create one topic at the same time exactly one does', async () => {
  const { controller } = await start()
  await controller.registerBroker(registration)
  const codes = await Promise.all(Array.from({ length: 20 }, () => create(controller, 't')))
  expect(codes.flat().sort((a, b) => a - b)).toEqual([0, ...Array(19).fill(ErrorCode.TOPIC_ALREADY_EXISTS)])
})

test('metadata survives a restart, and the partitions get a leader in a new epoch', async () => {
  const first = await start()
  await first.controller.registerBroker(registration)
  await create(first.controller, 'a', 'b')
  const { topicId } = first.controller.metadata.topic('a')!
  expect(leaders(first.controller, 'a')).toEqual([
    [1, 0],
    [1, 0],
  ])
  await stop.pop()!()
  const { controller } = await start()
  expect(controller.metadata.topicById(topicId)?.name).toBe('a')
  expect(leaders(controller, 'a').map(([leader]) => leader)).toEqual([-1, -1])
  await controller.registerBroker(registration)
  expect(leaders(controller, 'a')).toEqual([
    [1, 2],
    [1, 2],
  ])
})

test('a torn end of the metadata log, which no commit covered, is cut off', async () => {
  const first = await start()
  await first.controller.registerBroker(registration)
  await create(first.controller, 'a')
  await stop.pop()!()
  appendFileSync(`${root}/__cluster_metadata-0/00000000000000000000.log`, Buffer.alloc(40, 1))
  const { controller } = await start()
  expect([...controller.metadata.topics()].map(({ name }) => name)).toEqual(['a'])
})

test('a listener that throws does not keep the others from a change', async () => {
  const errors: string[] = []
  const { controller } = await start({ ...silentLogger, error: event => errors.push(event) })
  const seen: string[] = []
  controller.metadata.subscribe(() => {
    throw new Error('broken')
  })
  controller.metadata.subscribe(({ brokersChanged }) => seen.push(String(brokersChanged)))
  await controller.registerBroker(registration)
  expect(seen).toEqual(['true', 'true'])
  expect(errors).toEqual(['metadata.listener-failed', 'metadata.listener-failed'])
})

test('a setting that has no effect yet is one warning', async () => {
  const warned: unknown[] = []
  const { controller } = await start({ ...silentLogger, warn: (event, facts) => warned.push([event, facts]) })
  await controller.registerBroker(registration)
  await create(controller, 'a', 'b')
  for (const resourceName of ['a', 'b']) {
    const configs = [{ name: 'min.compaction.lag.ms', configOperation: 0, value: '5' }]
    const request = { resources: [{ resourceType: 2, resourceName, configs }], validateOnly: false }
    await controller.client.request(IncrementalAlterConfigs, 1, request)
  }
  expect(warned).toEqual([['config.without-effect-yet', { key: 'min.compaction.lag.ms', resource: 'a' }]])
})

test('DescribeQuorum tells leader, epoch and the voters, with addresses from version 2 on', async () => {
  const { controller } = await start()
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const old = await controller.client.request(DescribeQuorum, 0, { topics })
  expect(old.topics[0]!.partitions[0]).toMatchObject({ leaderId: 1, leaderEpoch: 1, currentVoters: [{ replicaId: 1 }] })
  expect(old.nodes).toEqual([])
  const { nodes } = await controller.client.request(DescribeQuorum, 2, { topics })
  expect(nodes).toEqual([{ nodeId: 1, listeners: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }] }])
})

test('what is not the controller’s is refused, and everything after its end', async () => {
  const { controller } = await start()
  await expect(controller.client.request(Fetch, 12, {} as never)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
  await stop.pop()!()
  await expect(create(controller, 't')).rejects.toMatchObject({ code: 'NOT_CONTROLLER' })
})
