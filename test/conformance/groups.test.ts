import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Broker, startNode } from '@millrace/broker'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { kafkaScript } from './kafka-peer.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-groups-'))
const children = new Set<ChildProcess>()
let broker: Broker

function start(port = 0): Promise<Broker> {
  return startNode({ world: nodeWorld(), dataDirectory: join(directory, 'data'), host: '127.0.0.1', port, logger: silentLogger })
}

beforeAll(async () => {
  kafkaScript()
  broker = await start()
})

afterEach(() => {
  for (const child of children) stop(child, 'SIGKILL')
  children.clear()
})

afterAll(async () => {
  await broker?.close()
  rmSync(directory, { recursive: true, force: true })
})

const kafkajs = () => new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING })

/** Runs one of Kafka's tools to its end; what it prints on both streams. */
async function tool(name: string, ...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(kafkaScript(), [name, ...args])
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    return stdout + stderr
  }
}
const consumerGroups = (...args: string[]) => tool('consumer-groups', '--bootstrap-server', broker.bootstrapServers, ...args)

/** The script runs Java below it: both are in one process group. */
function stop(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal)
}

/** Kafka's console consumer in the background, with the lines it has printed so far. */
function consoleConsumer(topic: string, group: string): { lines: string[]; child: ChildProcess } {
  const lines: string[] = []
  const args = [
    'console-consumer',
    '--bootstrap-server',
    broker.bootstrapServers,
    '--topic',
    topic,
    '--group',
    group,
    '--from-beginning',
  ]
  const child = spawn(kafkaScript(), args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  children.add(child)
  let rest = ''
  child.stdout!.on('data', chunk => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    lines.push(...parts)
  })
  return { lines, child }
}

async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const result = await check()
    if (result) return result
    if (performance.now() > deadline) throw new Error(`did not happen: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

async function topicWith(topic: string, partitions: number, values: readonly string[]): Promise<void> {
  const admin = kafkajs().admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })
  await admin.disconnect()
  await produce(topic, partitions, values)
}

async function produce(topic: string, partitions: number, values: readonly string[]): Promise<void> {
  const producer = kafkajs().producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map((value, i) => ({ value, partition: i % partitions })) })
  await producer.disconnect()
}

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
const sorted = (values: Iterable<string>) => [...values].sort()

describe('kafkajs', () => {
  test('two members share the partitions; when one leaves the other gets all; offsets survive a restart of the node', async () => {
    const topic = 'kafkajs-shared'
    await topicWith(topic, 4, numbered('a', 40))
    const member = async () => {
      const consumer = kafkajs().consumer({
        groupId: 'kafkajs-group',
        sessionTimeout: 10_000,
        heartbeatInterval: 200,
        maxWaitTimeInMs: 100,
      })
      const seen: string[] = []
      let partitions: number[] = []
      consumer.on('consumer.group_join', ({ payload }) => {
        partitions = payload.memberAssignment[topic] ?? []
      })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value!.toString()) })
      return { consumer, seen, partitions: () => [...partitions].sort() }
    }
    const first = await member()
    const second = await member()
    try {
      await until('two and two partitions', () => first.partitions().length === 2 && second.partitions().length === 2)
      expect([...first.partitions(), ...second.partitions()].sort()).toEqual([0, 1, 2, 3])
      await until('all read', () => new Set([...first.seen, ...second.seen]).size === 40)

      const admin = kafkajs().admin()
      await admin.connect()
      const { groups } = await admin.describeGroups(['kafkajs-group', 'nobody'])
      expect(groups.map(({ state, protocolType, protocol, members }) => [state, protocolType, protocol, members.length])).toEqual(
        [
          ['Stable', 'consumer', 'RoundRobinAssigner', 2],
          ['Dead', '', '', 0],
        ],
      )
      await expect(admin.deleteGroups(['kafkajs-group'])).rejects.toMatchObject({ groups: [{ errorCode: 68 }] })
      await second.consumer.disconnect()
      await until('all four partitions', () => first.partitions().length === 4)
      await produce(topic, 4, numbered('b', 8))
      await until('the rest read by the first', () => numbered('b', 8).every(value => first.seen.includes(value)))
      await first.consumer.disconnect()

      const before = await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: [topic] })
      expect(before[0]!.partitions.map(({ partition, offset }) => [partition, offset]).sort()).toEqual([
        [0, '12'],
        [1, '12'],
        [2, '12'],
        [3, '12'],
      ])
      const { port } = broker.listeners[0]!
      await broker.close()
      broker = await start(port)
      expect(await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: [topic] })).toEqual(before)
      expect((await admin.listGroups()).groups.find(({ groupId }) => groupId === 'kafkajs-group')?.protocolType).toBe('consumer')
      await admin.deleteGroups(['kafkajs-group'])
      expect(
        (await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: [topic] }))[0]!.partitions.every(p => p.offset === '-1'),
      ).toBe(true)
      await admin.disconnect()
    } finally {
      await Promise.all([first.consumer.disconnect(), second.consumer.disconnect()])
    }
  })

  test('a restart of the node keeps a group and its member', async () => {
    const topic = 'kafkajs-survives'
    await topicWith(topic, 2, numbered('a', 2))
    const consumer = kafkajs().consumer({
      groupId: 'survivors',
      sessionTimeout: 10_000,
      heartbeatInterval: 200,
      maxWaitTimeInMs: 100,
    })
    const seen: string[] = []
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value!.toString()) })
    try {
      await until('the first two', () => seen.length === 2)
      const { port } = broker.listeners[0]!
      await broker.close()
      broker = await start(port)
      await produce(topic, 2, numbered('b', 2))
      await until('what came after the restart', () => seen.length >= 4)
      expect(sorted(new Set(seen))).toEqual(['a0', 'a1', 'b0', 'b1'])
    } finally {
      await consumer.disconnect()
    }
  })
})

test('@platformatic/kafka reads in a group and goes on where it committed', async () => {
  const topic = 'platformatic'
  await topicWith(topic, 3, numbered('a', 30))
  const read = async (count: number) => {
    const consumer = new Consumer({
      clientId: 'platformatic',
      groupId: 'platformatic-group',
      bootstrapBrokers: [broker.bootstrapServers],
      deserializers: stringDeserializers,
    })
    try {
      const stream = await consumer.consume({
        topics: [topic],
        mode: MessagesStreamModes.COMMITTED,
        fallbackMode: 'earliest',
        autocommit: false,
      })
      const values: string[] = []
      for await (const message of stream) {
        values.push(message.value!)
        await message.commit()
        if (values.length === count) break
      }
      return values
    } finally {
      await consumer.close(true)
    }
  }
  expect(sorted(await read(30))).toEqual(sorted(numbered('a', 30)))
  await produce(topic, 3, numbered('b', 6))
  expect(sorted(await read(6))).toEqual(sorted(numbered('b', 6)))
})

describe("Apache Kafka's tools", () => {
  test('two console consumers rebalance; consumer-groups lists, describes, resets and deletes; dump-log decodes our files', async () => {
    const topic = 'java-shared'
    const group = 'java-group'
    await topicWith(topic, 4, numbered('a', 20))
    const first = consoleConsumer(topic, group)
    const second = consoleConsumer(topic, group)
    await until('all read', () => new Set([...first.lines, ...second.lines]).size === 20)
    const admin = kafkajs().admin()
    await admin.connect()
    await until('two members', async () => {
      const [described] = (await admin.describeGroups([group])).groups
      return described!.state === 'Stable' && described!.members.length === 2
    })
    const members = await consumerGroups('--describe', '--group', group, '--members', '--verbose')
    expect(members.match(/java-shared\(\d,\d\)|java-shared:\d,\d|\(\d,\d\)/g)).toHaveLength(2)
    expect(members).toContain('/127.0.0.1')
    expect(await consumerGroups('--delete', '--group', group)).toContain('GroupNotEmptyException')
    expect(await consumerGroups('--describe', '--group', group, '--state')).toMatch(/java-group\s.*range\s+Stable\s+2/)

    stop(second.child, 'SIGTERM')
    await until('one member', async () => (await admin.describeGroups([group])).groups[0]!.members.length === 1)
    await produce(topic, 4, numbered('b', 8))
    await until('the rest', () => numbered('b', 8).every(value => first.lines.includes(value)))
    stop(first.child, 'SIGTERM')
    await until('no member', async () => (await admin.describeGroups([group])).groups[0]!.state === 'Empty')

    expect(await consumerGroups('--list', '--state')).toMatch(/java-group\s+Classic\s+Empty|java-group\s+Empty/)
    const described = await consumerGroups('--describe', '--group', group)
    expect(described.split('\n').filter(line => /java-group\s+java-shared\s+\d\s+7\s+7\s+0/.test(line))).toHaveLength(4)
    const reset = await consumerGroups(
      '--group',
      group,
      '--topic',
      `${topic}:1`,
      '--reset-offsets',
      '--to-offset',
      '3',
      '--execute',
    )
    expect(reset).toMatch(/java-shared\s+1\s+3/)
    expect(await consumerGroups('--describe', '--offsets', '--group', group)).toMatch(/java-shared\s+1\s+3\s+7\s+4/)
    expect(await consumerGroups('--delete-offsets', '--group', group, '--topic', `${topic}:0`)).toMatch(
      /java-shared\s+0\s+Successful/,
    )
    const left = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    expect(left[0]!.partitions.map(({ partition, offset }) => [partition, offset]).sort()).toEqual([
      [0, '-1'],
      [1, '3'],
      [2, '7'],
      [3, '7'],
    ])
    expect(await consumerGroups('--delete', '--group', group)).toContain('was successful')
    expect(await consumerGroups('--describe', '--group', group)).toMatch(/does not exist|not found/)
    await admin.disconnect()

    const files = readdirSync(join(directory, 'data'))
      .filter(name => name.startsWith('__consumer_offsets-'))
      .map(name => join(directory, 'data', name, '00000000000000000000.log'))
      .filter(file => statSync(file).size > 0)
    const dump = await tool('dump-log', '--offsets-decoder', '--deep-iteration', '--files', files.join(','))
    const ours = dump.split('\n').filter(line => line.includes(`"group":"${group}"`))
    expect(ours.join('\n')).toMatch(
      /key: \{"type":"2".*"version":"3".*"protocolType":"consumer".*"protocol":"range".*"assignedPartitions"/,
    )
    expect(ours.join('\n')).toMatch(/key: \{"type":"1".*"partition":1.*payload: \{"version":"4".*"offset":3,.*"topicId"/)
    expect(ours.at(-1)).toMatch(/key: \{"type":"2","data":\{"group":"java-group"\}\} payload: (<DELETE>|null|NULL)?\s*$/)
    expect(dump).not.toMatch(/isvalid: false|Exception|corrupt/i)
  })
})
