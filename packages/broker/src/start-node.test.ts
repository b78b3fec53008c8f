import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Fetch, JoinGroup, Metadata, Produce } from '@millrace/protocol'
import { type Facts, nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Broker } from './broker.ts'
import { producedBatch } from './log/testing/log-contents.ts'
import { startNode } from './start-node.ts'
import { RawClient } from './testing/raw-client.ts'

const world = nodeWorld()
let directory: string
let dataDirectory: string
const running: Broker[] = []
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-start-'))
  dataDirectory = `${directory}/data`
})
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.close()
  fs.rmSync(directory, { recursive: true })
})

async function start(options: Partial<Parameters<typeof startNode>[0]> = {}): Promise<Broker> {
  const broker = await startNode({ world, dataDirectory, port: 0, logger: silentLogger, ...options })
  running.push(broker)
  return broker
}
const connect = (broker: Broker) => RawClient.connect(world, broker.listeners[0]!.port)

const produce = (client: RawClient, name: string) =>
  client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name, partitionData: [{ index: 0, records: producedBatch('a') }] }],
  })

describe('a node with nothing to configure', () => {
  test('takes a free port and says how clients reach it', async () => {
    const broker = await start()
    expect(broker.bootstrapServers).toBe(`127.0.0.1:${broker.listeners[0]!.port}`)
    const client = await connect(broker)
    const { brokers, clusterId } = await client.request(Metadata, 9, { topics: [] })
    expect(brokers).toMatchObject([{ nodeId: 1, host: '127.0.0.1', port: broker.listeners[0]!.port }])
    expect(clusterId).toBe(broker.clusterId)
    client.close()
  })

  test('goes on with its folder: cluster, topics, records and the next offset stay', async () => {
    const before = await start()
    let client = await connect(before)
    await client.request(Metadata, 9, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
    await produce(client, 't')
    client.close()
    await before.close()
    const after = await start()
    expect(after.clusterId).toBe(before.clusterId)
    client = await connect(after)
    const { responses } = await produce(client, 't')
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 1 })
    client.close()
  })

  test('leaves no lock and no listener behind when it is closed', async () => {
    const broker = await start()
    await broker.close()
    await broker.close()
    expect(fs.existsSync(`${dataDirectory}/.lock`)).toBe(false)
    await expect(connect(broker)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('answers a waiting fetch and a waiting member when it is closed', async () => {
    const broker = await start({ properties: new Map([['group.initial.rebalance.delay.ms', '60000']]) })
    const client = await connect(broker)
    await client.request(Metadata, 9, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
    const fetching = client.request(Fetch, 11, {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }],
    })
    const member = await connect(broker)
    const joining = member.request(JoinGroup, 2, {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
    })
    const settled = Promise.allSettled([fetching, joining])
    // By the time a third client is answered the others' requests have arrived.
    await (await connect(broker)).request(Metadata, 9, { topics: [] })
    await broker.close()
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  }, 10_000)
})

describe('what cannot be started says what to do', () => {
  test('a port in use', async () => {
    const other = await start()
    const { port } = other.listeners[0]!
    await expect(startNode({ world, dataDirectory: `${directory}/second`, port, logger: silentLogger })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringMatching(`port ${port} .* in use .*choose another port`),
    })
    // Nothing of the failed start is left: the folder can be used at once.
    await start({ dataDirectory: `${directory}/second` })
  })

  test('a folder in use', async () => {
    await start()
    await expect(start()).rejects.toMatchObject({ code: 'DATA_LOCKED', hint: expect.stringContaining('stop that broker') })
  })

  test('a folder that cannot be made', async () => {
    fs.writeFileSync(`${directory}/file`, '')
    await expect(start({ dataDirectory: `${directory}/file/data` })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY',
      message: expect.stringContaining(`${directory}/file/data`),
      hint: expect.stringContaining('choose a folder'),
    })
  })

  test('a folder of another cluster', async () => {
    const broker = await start()
    await broker.close()
    await expect(start({ clusterId: 'abcdefghijklmnopqrstuA' })).rejects.toMatchObject({
      code: 'CLUSTER_ID_MISMATCH',
      message: expect.stringContaining(broker.clusterId),
    })
  })

  test('a folder of another node', async () => {
    const broker = await start()
    await broker.close()
    await expect(start({ nodeId: 2 })).rejects.toMatchObject({ code: 'NODE_ID_MISMATCH' })
  })

  test('a bad value in the properties', async () => {
    await expect(start({ properties: new Map([['num.partitions', '0']]) })).rejects.toThrow(/num\.partitions.*at least 1/)
  })
})

test('limits of connections close what is above them with one log line', async () => {
  const warnings: (Facts | undefined)[] = []
  const broker = await start({
    logger: { ...silentLogger, warn: (_, facts) => void warnings.push(facts) },
    properties: new Map([
      ['max.connections', '3'],
      ['max.connections.per.ip', '2'],
    ]),
  })
  const first = await connect(broker)
  const second = await connect(broker)
  await first.request(Metadata, 9, { topics: [] })
  const third = await connect(broker)
  await expect(third.request(Metadata, 9, { topics: [] })).rejects.toThrow(/closed/)
  expect(warnings).toMatchObject([{ reason: 'max.connections.per.ip=2 reached' }])
  second.close()
  await expect
    .poll(async () =>
      (await connect(broker)).request(Metadata, 9, { topics: [] }).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
  first.close()
})

test('a connection that asks nothing is closed after connections.max.idle.ms, one that waits for an answer is not', async () => {
  const broker = await start({ properties: new Map([['connections.max.idle.ms', '50']]) })
  const idle = await connect(broker)
  const waiting = await connect(broker)
  await waiting.request(Metadata, 9, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  const fetching = waiting.request(Fetch, 11, {
    maxWaitMs: 1500,
    minBytes: 1,
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }],
  })
  await expect.poll(() => idle.isClosed).toBe(true)
  await expect(fetching).resolves.toMatchObject({ errorCode: 0 })
}, 15_000)
