import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatStorage, parseInitialControllers, startBroker } from '@millrace/broker'
import { Admin } from '@millrace/client'
import { formatProperties, nodeWorld, parseProperties, silentLogger } from '@millrace/runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from './free-ports.ts'
import { kafkaClassPath } from './kafka-peer.ts'
import { KafkaTools, type ToolName } from './tools-harness.ts'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const root = mkdtempSync(join(tmpdir(), 'millrace-metadata-'))
const world = nodeWorld()
/** Of Apache Kafka's node; the tests of it run one after the other. */
const [port, controllerPort] = (await freePorts(2)) as [number, number]

const tools = new KafkaTools()

afterAll(async () => {
  await tools.close()
  rmSync(root, { recursive: true, force: true })
})

function properties(directory: string, more: Record<string, string> = {}): Map<string, string> {
  return new Map(
    Object.entries({
      'process.roles': 'broker,controller',
      'node.id': '1',
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
      'offsets.topic.replication.factor': '1',
      'log.dirs': join(root, directory),
      ...more,
    }),
  )
}

/** The same as a file that Apache Kafka's tools take. */
function propertiesFile(directory: string, more: Record<string, string> = {}): string {
  const path = join(root, `${directory}.properties`)
  // Kafka takes no empty list.
  const given = [...properties(directory, more)].filter(([, value]) => value !== '')
  writeFileSync(path, formatProperties(new Map(given)))
  return path
}

async function kafka(name: ToolName, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await tools.run(name, args)
  return stdout + stderr
}

interface DumpedRecord {
  readonly control: string | null
  readonly type: string
  readonly data: any
}

/** Records of a metadata log or checkpoint as Apache Kafka's dump-log decodes them. Fails when a CRC is wrong. */
async function dump(...files: string[]): Promise<DumpedRecord[]> {
  const text = await kafka('dump-log', '--cluster-metadata-decoder', '--deep-iteration', '--files', files.join(','))
  expect(text).not.toMatch(/isvalid: false|Exception|Could not/)
  return text.split('\n').flatMap((line): DumpedRecord[] => {
    const payload = / payload: (\{.*\})$/.exec(line)
    if (payload) {
      const { type, data } = JSON.parse(payload[1]!)
      return [{ control: null, type, data }]
    }
    const control = /headerKeys: \[\] ([A-Za-z]+):? (\{.*\})$/.exec(line)
    return control ? [{ control: control[1]!, type: '', data: JSON.parse(control[2]!) }] : []
  })
}

const typesOf = (records: DumpedRecord[]) => records.map(({ control, type }) => control ?? type)
/** What differs from one formatting to the next. */
const withoutIds = (records: DumpedRecord[]) =>
  JSON.parse(JSON.stringify(records).replace(/("voterDirectoryId":)"[^"]*"|("lastContainedLogTimestamp":)\d{2,}/g, '$1$2""'))
const tree = (directory: string) => (readdirSync(join(root, directory), { recursive: true }) as string[]).sort()

const voters = `1@127.0.0.1:${controllerPort}:node-directory------1w,2@127.0.0.1:${port}:node-directory------2w`

describe('storage format beside Apache Kafka', () => {
  test.each([
    ['standalone', ['--standalone'], { standalone: true }, {}],
    ['dynamic', ['--initial-controllers', voters], { initialControllers: parseInitialControllers(voters) }, {}],
    ['joining', ['--no-initial-controllers'], { noInitialControllers: true }, {}],
    [
      'static',
      [],
      {},
      { 'controller.quorum.bootstrap.servers': '', 'controller.quorum.voters': `1@127.0.0.1:${controllerPort}` },
    ],
  ] as const)('%s: the same files with the same records', async (name, flags, options, more) => {
    const theirs = propertiesFile(`${name}-theirs`, more)
    await kafka('storage', 'format', '-t', clusterId, '-c', theirs, ...flags)
    formatStorage(world, { properties: properties(`${name}-ours`, more), clusterId, ...options })
    expect(tree(`${name}-ours`)).toEqual(tree(`${name}-theirs`))
    const checkpoints = tree(`${name}-ours`).filter(file => file.endsWith('.checkpoint'))
    const records = (side: string) => dump(...checkpoints.map(file => join(root, `${name}-${side}`, file)))
    const ours = await records('ours')
    expect(withoutIds(ours)).toEqual(withoutIds(await records('theirs')))
    expect(typesOf(ours)).toContain('FEATURE_LEVEL_RECORD')
    const meta = (side: string) => parseProperties(readFileSync(join(root, `${name}-${side}`, 'meta.properties'), 'utf8'))
    expect([...meta('ours').keys()].sort()).toEqual([...meta('theirs').keys()].sort())
    expect(meta('ours').get('cluster.id')).toBe(clusterId)
    if (name === 'dynamic') expect(meta('ours')).toEqual(meta('theirs'))
  })

  test('Apache Kafka takes our directories for formatted ones', async () => {
    formatStorage(world, { properties: properties('info'), clusterId, standalone: true })
    const text = await kafka('storage', 'info', '-c', propertiesFile('info'))
    expect(text).toContain(`cluster.id=${clusterId}`)
    expect(text).not.toMatch(/Found problem|not formatted/)
  })
})

describe('the metadata log of a node', () => {
  const directory = join(root, 'node', '__cluster_metadata-0')

  beforeAll(async () => {
    const more = {
      listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0',
      'metadata.log.max.record.bytes.between.snapshots': '2000',
    }
    formatStorage(world, { properties: properties('node'), clusterId, standalone: true })
    for (let run = 0; run < 2; run++) {
      const broker = await startBroker({ world, properties: properties('node', more), logger: silentLogger })
      const admin = new Admin({ bootstrapServers: broker.bootstrapServers })
      const topics = Array.from({ length: 10 }, (_, i) => ({
        topic: `topic-${run}-${i}`,
        partitions: 2,
        configs: { 'retention.ms': '5000' },
      }))
      await admin.createTopics(topics)
      if (run === 1) await admin.deleteTopics(['topic-0-3'])
      await admin.close()
      await broker.close()
    }
  })

  test('is read by dump-log, from the first control batch on', async () => {
    const records = await dump(join(directory, '00000000000000000000.log'))
    expect(typesOf(records).slice(0, 4)).toEqual(['LeaderChange', 'KRaftVersion', 'KRaftVoters', 'FEATURE_LEVEL_RECORD'])
    const count = (type: string) => typesOf(records).filter(each => each === type).length
    expect([count('TOPIC_RECORD'), count('PARTITION_RECORD'), count('REMOVE_TOPIC_RECORD')]).toEqual([20, 40, 1])
    expect([count('LeaderChange'), count('REGISTER_BROKER_RECORD')]).toEqual([2, 2])
    const registration = records.find(({ type }) => type === 'REGISTER_BROKER_RECORD')!
    expect(registration.data).toMatchObject({ brokerId: 1, fenced: true, endPoints: [{ name: 'PLAINTEXT', host: '127.0.0.1' }] })
  })

  test('has snapshots that dump-log reads, with header, voters and footer', async () => {
    const newest = readdirSync(directory)
      .filter(name => name.endsWith('.checkpoint'))
      .sort()
      .at(-1)!
    expect(newest).not.toMatch(/^0+-/)
    const records = await dump(join(directory, newest))
    expect(typesOf(records).slice(0, 4)).toEqual(['SnapshotHeader', 'KRaftVersion', 'KRaftVoters', 'FEATURE_LEVEL_RECORD'])
    expect(typesOf(records).at(-1)).toBe('SnapshotFooter')
    const names = records.filter(({ type }) => type === 'TOPIC_RECORD').map(({ data }) => data.name)
    expect(names).toContain('topic-0-0')
  })
})

test('Apache Kafka starts on the directory of our node and shows its topics; our node starts on what Apache Kafka left', async () => {
  const more = { listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}` }
  formatStorage(world, { properties: properties('shared', more), clusterId, standalone: true })
  const first = await startBroker({ world, properties: properties('shared', more), logger: silentLogger })
  const admin = new Admin({ bootstrapServers: first.bootstrapServers })
  await admin.createTopics([{ topic: 'ours', partitions: 2, configs: { 'retention.ms': '5000' } }])
  await admin.close()
  await first.close()

  const child = spawn('java', ['-Xmx384m', '-cp', kafkaClassPath(), 'kafka.Kafka', propertiesFile('shared', more)], {
    stdio: 'ignore',
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  try {
    const theirs = new Admin({ bootstrapServers: `127.0.0.1:${port}` })
    await expect.poll(() => theirs.listTopics().catch(() => []), { timeout: 60_000, interval: 300 }).toHaveLength(1)
    expect(await kafka('topics', '--bootstrap-server', `127.0.0.1:${port}`, '--describe')).toMatch(
      /Topic: ours\s.*PartitionCount: 2\s+ReplicationFactor: 1\s.*retention.ms=5000[\s\S]*Partition: 1\s+Leader: 1\s/,
    )
    await theirs.createTopics([{ topic: 'theirs', partitions: 3 }])
    await theirs.close()
  } finally {
    child.kill('SIGTERM')
    await ended
  }

  const again = await startBroker({ world, properties: properties('shared', more), logger: silentLogger })
  try {
    const text = await kafka('topics', '--bootstrap-server', again.bootstrapServers, '--describe')
    expect(text).toMatch(/Topic: ours\s.*PartitionCount: 2/)
    expect(text).toMatch(/Topic: theirs\s.*PartitionCount: 3/)
    expect(text.match(/Leader: 1\s/g)).toHaveLength(5)
  } finally {
    await again.close()
  }
})
