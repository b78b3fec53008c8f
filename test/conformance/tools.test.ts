import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cluster, startCluster } from '@millrace/testkit'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaScript } from './kafka-peer.ts'
import { linesOf, run, until } from './process-harness.ts'
import { codecs, compressible, storedCodecs } from './stored-batches-harness.ts'
import { KafkaTools, type ToolName, type ToolOptions } from './tools-harness.ts'

let cluster: Cluster
let tools: KafkaTools

beforeAll(async () => {
  cluster = await startCluster({ properties: new Map([['auto.create.topics.enable', 'false']]) })
  tools = new KafkaTools()
})
afterAll(async () => {
  await tools?.close()
  await cluster?.close()
})

/** Runs a tool against the broker; arguments are divided by spaces. */
const tool = (name: ToolName, args: string, options?: ToolOptions) =>
  tools.run(name, ['--bootstrap-server', cluster.bootstrapServers, ...args.split(' ')], options)
/** The rows of a table, each with its cells. */
const rows = (text: string) => linesOf(text).map(line => line.trim().split(/\s+/))
const create = (topic: string, partitions = 1) => tool('topics', `--create --topic ${topic} --partitions ${partitions}`)
const produce = (topic: string, values: readonly string[], args = '') =>
  tool('console-producer', `--topic ${topic}${args && ` ${args}`}`, { input: values.map(value => `${value}\n`).join('') })

describe('topics', () => {
  test('created, listed, described, given more partitions, deleted', async () => {
    const created = await tool('topics', '--create --topic life --partitions 2 --config retention.ms=3600000')
    expect(created.stdout).toBe('Created topic life.\n')
    expect(linesOf((await tool('topics', '--list')).stdout)).toContain('life')

    const described = linesOf((await tool('topics', '--describe --topic life')).stdout)
    expect(described[0]).toMatch(
      /^Topic: life\tTopicId: [\w-]{22}\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: min.insync.replicas=1,retention.ms=3600000$/,
    )
    expect(described.slice(1)).toEqual(
      [0, 1].map(i => `\tTopic: life\tPartition: ${i}\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: `),
    )
    expect((await tool('topics', '--describe --under-replicated-partitions')).stdout).toBe('')
    expect((await tool('topics', '--describe --unavailable-partitions')).stdout).toBe('')
    expect((await tool('topics', '--describe --topics-with-overrides')).stdout).toContain('Topic: life\t')

    await tool('topics', '--alter --topic life --partitions 4')
    expect(linesOf((await tool('topics', '--describe --topic life')).stdout)).toHaveLength(5)

    await tool('topics', '--delete --topic life')
    expect(linesOf((await tool('topics', '--list')).stdout)).not.toContain('life')
  })

  test('what cannot be done is refused with the reason', async () => {
    await create('taken', 2)
    const refused = async (args: string) => (await tool('topics', args, { status: 1 })).stdout
    expect(await refused('--create --topic taken')).toContain("Topic 'taken' already exists.")
    expect(await refused('--create --topic il/legal')).toContain('Topic name is invalid')
    expect(await refused('--create --topic wide --replication-factor 3')).toContain('Unable to replicate the partition 3 time(s)')
    expect(await refused('--create --topic odd --config retention.ms=soon')).toContain('retention.ms')
    expect(await refused('--alter --topic taken --partitions 1')).toContain('would not be an increase')
    expect(await refused('--describe --topic nowhere')).toContain("Topic 'nowhere' does not exist as expected")
    expect(await refused('--delete --topic nowhere')).toContain("Topic 'nowhere' does not exist as expected")
  })
})

describe('records', () => {
  test('of every codec: console-producer writes, console-consumer reads keys, headers, offsets and times', async () => {
    await create('all-codecs')
    const expected: string[] = []
    for (const codec of codecs) {
      const values = ['one', 'two'].map(number => compressible(`${codec}-${number}`))
      const records = values.map((value, i) => `h:${codec},n:${i}\tkey-${i}\t${value}`)
      await produce(
        'all-codecs',
        records,
        `--compression-codec ${codec} --reader-property parse.key=true --reader-property parse.headers=true`,
      )
      expected.push(...records)
    }
    expect(storedCodecs(cluster.dataDirectory, 'all-codecs')).toEqual(codecs)
    const properties = ['key', 'headers', 'offset', 'timestamp', 'partition'].map(
      what => ` --formatter-property print.${what}=true`,
    )
    const { stdout } = await tool(
      'console-consumer',
      `--topic all-codecs --from-beginning --max-messages 10${properties.join('')}`,
    )
    const read = linesOf(stdout).map(line => /^CreateTime:(\d+)\t(.*)$/.exec(line)!)
    expect(read.map(([, , rest]) => rest)).toEqual(expected.map((record, i) => `Partition:0\tOffset:${i}\t${record}`))
    const times = read.map(([, time]) => Number(time))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(Math.abs(times[0]! - Date.now())).toBeLessThan(600_000)
  })

  test.each(codecs)('producer-perf-test with %s delivers all; consumer-perf-test reads them', async codec => {
    await create(`perf-${codec}`)
    const { stdout } = await tool(
      'producer-perf-test',
      `--topic perf-${codec} --num-records 200 --record-size 500 --throughput -1 --command-property acks=all --command-property compression.type=${codec}`,
    )
    expect(stdout).toMatch(/^200 records sent, /m)
    expect((await tool('get-offsets', `--topic perf-${codec}`)).stdout).toBe(`perf-${codec}:0:200\n`)
    const consumed = linesOf((await tool('consumer-perf-test', `--topic perf-${codec} --num-records 200`)).stdout)
    expect(consumed.at(-1)!.split(', ')[4]).toBe('200')
  })

  test('e2e-latency measures round trips', async () => {
    await create('there-and-back')
    const { stdout } = await tool('e2e-latency', '--topic there-and-back --num-records 20 --producer-acks all --record-size 100')
    expect(stdout).toMatch(/Percentiles: 50th = \d+, 99th = \d+/)
  })

  test('get-offsets: earliest, latest, by time, the time of the newest; delete-records moves the earliest', async () => {
    await create('offsets', 2)
    for (const value of ['a', 'b', 'c']) await produce('offsets', [value])
    const offsets = async (time: string) => linesOf((await tool('get-offsets', `--topic offsets --time ${time}`)).stdout)
    const latest = await offsets('latest')
    expect(latest.map(line => line.split(':').slice(0, 2))).toEqual([
      ['offsets', '0'],
      ['offsets', '1'],
    ])
    expect(latest.reduce((sum, line) => sum + Number(line.split(':')[2]), 0)).toBe(3)
    expect(await offsets('-1')).toEqual(latest)
    expect(await offsets('earliest')).toEqual(['offsets:0:0', 'offsets:1:0'])
    const filled = latest.filter(line => !line.endsWith(':0')).map(line => line.split(':'))
    expect(await offsets('1')).toEqual(filled.map(([topic, partition]) => `${topic}:${partition}:0`))
    expect(await offsets('max-timestamp')).toEqual(
      filled.map(([topic, partition, end]) => `${topic}:${partition}:${Number(end) - 1}`),
    )
    expect(await offsets(String(Date.now() + 3_600_000))).toEqual([])

    const [, partition, end] = filled[0]!
    const file = join(cluster.dataDirectory, 'delete.json')
    writeFileSync(
      file,
      JSON.stringify({ version: 1, partitions: [{ topic: 'offsets', partition: Number(partition), offset: Number(end) }] }),
    )
    expect((await tool('delete-records', `--offset-json-file ${file}`)).stdout).toContain(
      `partition: offsets-${partition}\tlow_watermark: ${end}`,
    )
    expect(await offsets('earliest')).toContain(`offsets:${partition}:${end}`)
  })
})

describe('groups', () => {
  test('console-consumer in a group goes on where it committed; consumer-groups lists, describes, resets and deletes', async () => {
    await create('shared', 2)
    await produce('shared', ['a', 'b', 'c', 'd'], '--compression-codec lz4')
    const read = async (count: number) =>
      linesOf((await tool('console-consumer', `--topic shared --group readers --from-beginning --max-messages ${count}`)).stdout)
    expect((await read(4)).sort()).toEqual(['a', 'b', 'c', 'd'])
    await produce('shared', ['e'])
    expect(await read(1)).toEqual(['e'])

    expect(linesOf((await tool('consumer-groups', '--list')).stdout)).toContain('readers')
    expect(rows((await tool('consumer-groups', '--list --state')).stdout)).toContainEqual(['readers', 'Empty'])
    expect(rows((await tool('groups', '--list')).stdout)).toContainEqual(['readers', 'Classic', 'consumer'])
    const describe = async (what = '') => (await tool('consumer-groups', `--describe --group readers${what}`)).stdout
    const offsets = async () =>
      rows(await describe())
        .slice(1)
        .map(([group, topic, partition, current, end, lag]) => ({ group, topic, partition, current, end, lag }))
    const read5 = await offsets()
    expect(read5).toHaveLength(2)
    expect(read5.reduce((sum, { current }) => sum + Number(current), 0)).toBe(5)
    for (const row of read5) expect(row).toMatchObject({ group: 'readers', topic: 'shared', current: row.end, lag: '0' })
    expect(rows(await describe(' --state'))[1]).toEqual(['readers', cluster.bootstrapServers, '(1)', '-', 'Empty', '0'])

    const reset = (to: string) => tool('consumer-groups', `--reset-offsets --group readers --topic shared ${to}`)
    expect(
      rows((await reset('--to-earliest --dry-run')).stdout)
        .slice(1)
        .map(row => row.slice(0, 4))
        .sort(),
    ).toEqual([
      ['readers', 'shared', '0', '0'],
      ['readers', 'shared', '1', '0'],
    ])
    expect(await offsets()).toEqual(read5)
    await reset('--to-earliest --execute')
    expect((await offsets()).map(({ current, end, lag }) => [current, Number(end) - Number(lag)])).toEqual([
      ['0', 0],
      ['0', 0],
    ])
    expect((await read(5)).sort()).toEqual(['a', 'b', 'c', 'd', 'e'])

    const deleted = await tool('consumer-groups', '--delete-offsets --group readers --topic shared:0')
    expect(deleted.stdout).toMatch(/shared +0 +Successful/)
    expect((await offsets()).map(({ partition }) => partition)).toEqual(['1'])
    expect((await tool('consumer-groups', '--delete --group readers')).stdout).toContain(
      "Deletion of requested consumer groups ('readers') was successful.",
    )
    expect(linesOf((await tool('consumer-groups', '--list')).stdout)).not.toContain('readers')
    expect((await tool('consumer-groups', '--describe --group readers', { status: undefined })).stdout).toContain(
      'Group readers not found.',
    )
  })

  test('a member that lives is described, and its group is neither reset nor deleted', async () => {
    await create('live', 2)
    await produce('live', ['a'])
    const consumer = new Kafka({
      clientId: 'lively',
      brokers: [cluster.bootstrapServers],
      logLevel: logLevel.NOTHING,
    }).consumer({ groupId: 'living', maxWaitTimeInMs: 100 })
    let seen = 0
    await consumer.connect()
    try {
      await consumer.subscribe({ topic: 'live', fromBeginning: true })
      await consumer.run({ eachMessage: async () => void seen++ })
      await until('a message', () => seen > 0)
      const describe = async (what: string) => rows((await tool('consumer-groups', `--describe --group living ${what}`)).stdout)
      const [, member] = await describe('--members --verbose')
      expect(member).toEqual([
        'living',
        expect.stringMatching(/^lively-[\w-]+$/),
        '/127.0.0.1',
        'lively',
        '2',
        '-',
        'live:0,1',
        '-',
        '-',
      ])
      expect((await describe('--state'))[1]).toEqual([
        'living',
        cluster.bootstrapServers,
        '(1)',
        'RoundRobinAssigner',
        'Stable',
        '1',
      ])
      expect((await describe('--offsets')).slice(1).map(row => row.slice(-2))).toEqual([
        ['/127.0.0.1', 'lively'],
        ['/127.0.0.1', 'lively'],
      ])
      const refused = async (args: string) => {
        const { stdout, stderr } = await tool('consumer-groups', args, { status: undefined })
        return stdout + stderr
      }
      expect(await refused('--reset-offsets --group living --topic live --to-earliest --execute')).toContain(
        "Assignments can only be reset if the group 'living' is inactive, but the current state is Stable.",
      )
      expect(await refused('--delete --group living')).toContain('GroupNotEmptyException')
    } finally {
      await consumer.disconnect()
    }
  })
})

test('what this version does not serve is refused, and nothing waits for it', async () => {
  await create('later')
  await produce('later', ['a'])
  const transaction = await tool(
    'producer-perf-test',
    '--topic later --num-records 1 --record-size 10 --throughput -1 --transactional-id one --transaction-duration-ms 100',
    { status: 1 },
  )
  expect(transaction.stderr).toContain('Coordinators of key type 1 are not served')
  const consumed = await tool(
    'console-consumer',
    '--topic later --from-beginning --max-messages 1 --group new --command-property group.protocol=consumer',
    { status: undefined },
  )
  expect(consumed.stdout).not.toContain('a\n')
  expect(consumed.stderr).toContain('Set group.protocol=classic on the consumer configs')
})

test('log-dirs names the directory and the replicas in it', async () => {
  await create('located')
  const { stdout } = await tool('log-dirs', '--describe --topic-list located')
  const described = JSON.parse(linesOf(stdout).find(line => line.startsWith('{'))!)
  const [{ logDirs }] = described.brokers
  expect(logDirs).toHaveLength(1)
  expect(logDirs[0]).toMatchObject({ error: null })
  expect(logDirs[0].partitions.map(({ partition }: { partition: string }) => partition)).toContain('located-0')
})

describe('configs', () => {
  test('of a topic are described, set and unset; a bad one is refused', async () => {
    await create('tuned')
    const describe = async (more = '') => (await tool('configs', `--describe --topic tuned${more}`)).stdout
    expect(await describe()).toBe('Dynamic configs for topic tuned are:\n')
    await tool('configs', '--alter --topic tuned --add-config retention.ms=1000000,cleanup.policy=[compact,delete]')
    expect(linesOf(await describe())).toEqual([
      'Dynamic configs for topic tuned are:',
      '  cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}',
      '  retention.ms=1000000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000000}',
    ])
    await tool('configs', '--alter --topic tuned --delete-config cleanup.policy')
    const all = linesOf(await describe(' --all'))
    expect(all).toContain('  cleanup.policy=delete sensitive=false synonyms={DEFAULT_CONFIG:log.cleanup.policy=delete}')
    expect(all).toContain('  max.message.bytes=1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}')
    expect(all.length).toBeGreaterThan(30)

    const refused = async (pair: string) =>
      (await tool('configs', `--alter --topic tuned --add-config ${pair}`, { status: 1 })).stderr
    expect(await refused('retention.ms=soon')).toContain('Invalid value soon for configuration retention.ms')
    expect(await refused('no.such=1')).toContain('Unknown topic config name: no.such')
  })

  test('of brokers are described, and a cluster-wide default is set and unset', async () => {
    const describe = async (what: string) => (await tool('configs', `--describe --entity-type brokers ${what}`)).stdout
    expect(await describe('--entity-name 1')).toBe('Dynamic configs for broker 1 are:\n')
    const all = linesOf(await describe('--entity-name 1 --all'))
    expect(all).toContainEqual(expect.stringMatching(/^ {2}node\.id=1 .*STATIC_BROKER_CONFIG:node\.id=1/))
    expect(all).toContainEqual(expect.stringMatching(/^ {2}log\.segment\.bytes=1073741824 /))

    await create('inherits')
    const retention = async () =>
      /^ {2}retention\.ms=(\d+)/m.exec((await tool('configs', '--describe --topic inherits --all')).stdout)?.[1]
    expect(await retention()).toBe('604800000')
    await tool('configs', '--alter --entity-type brokers --entity-default --add-config log.retention.ms=100000000')
    expect(await describe('--entity-default')).toContain('  log.retention.ms=100000000 ')
    expect(await retention()).toBe('100000000')
    await tool('configs', '--alter --entity-type brokers --entity-default --delete-config log.retention.ms')
    expect(await retention()).toBe('604800000')
  })
})

describe('the cluster', () => {
  test('broker-api-versions: every API is served as Apache Kafka understands it, or not at all', async () => {
    const { stdout } = await tools.run('broker-api-versions', ['--bootstrap-server', cluster.bootstrapServers])
    expect(stdout).toContain(`${cluster.bootstrapServers} (id: 1 rack: null isFenced: false) -> (`)
    const apis = [...stdout.matchAll(/^\t(\w+)\((\d+)\): (.*?),?$/gm)].map(([, name, , range]) => [name, range] as const)
    expect(apis.length).toBeGreaterThan(60)
    for (const [, range] of apis) expect(range).toMatch(/^(UNSUPPORTED|\d+ (to \d+ )?\[usable: \d+\])$/)
    const served = new Map(apis.filter(([, range]) => range !== 'UNSUPPORTED'))
    for (const name of [
      'Produce',
      'Fetch',
      'ListOffsets',
      'Metadata',
      'OffsetCommit',
      'JoinGroup',
      'CreateTopics',
      'DescribeQuorum',
    ])
      expect(served.has(name!), name).toBe(true)
  })

  test('cluster, metadata-quorum and features answer', async () => {
    const id = /^Cluster ID: ([\w-]{22})$/m.exec((await clusterTool('cluster-id')).stdout)?.[1]
    expect(id).toBeDefined()
    const [host, port] = cluster.bootstrapServers.split(':')
    expect(rows((await clusterTool('list-endpoints')).stdout)[1]).toEqual(['1', host, port, 'null', 'unfenced', 'broker'])
    const status = new Map(
      linesOf((await tool('metadata-quorum', 'describe --status')).stdout).map(line => line.split(/:\s+/, 2) as [string, string]),
    )
    expect(status.get('ClusterId')).toBe(id)
    expect(status.get('LeaderId')).toBe('1')
    expect(status.get('MaxFollowerLag')).toBe('0')
    expect(Number(status.get('HighWatermark'))).toBeGreaterThan(0)
    const [leader] = rows((await tool('metadata-quorum', 'describe --replication')).stdout).slice(1)
    expect([leader![0], leader![3], leader!.at(-1)]).toEqual(['1', '0', 'Leader'])
    expect((await tool('features', 'describe')).stdout).toMatch(/Feature: metadata\.version\s.*FinalizedVersionLevel: 4\.3-IV0/)
  })

  /** Takes the command before the options. */
  const clusterTool = (command: string) => tools.run('cluster', [command, '--bootstrap-server', cluster.bootstrapServers])
})

test('the script itself: producer-verify and consumer-verify see every record acknowledged, read and committed', async () => {
  await create('verified')
  const script = (name: string, args: string) =>
    run(kafkaScript(), [name, '--bootstrap-server', cluster.bootstrapServers, '--topic', 'verified', ...args.split(' ')])
  const events = (stdout: string) => linesOf(stdout).map(line => JSON.parse(line))
  const produced = events((await script('producer-verify', '--max-messages 20')).stdout)
  expect(produced.filter(event => event.name === 'producer_send_success').map(event => event.offset)).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  )
  expect(produced.at(-1)).toMatchObject({ name: 'tool_data', sent: 20, acked: 20 })
  const consumed = events(
    (await script('consumer-verify', '--group-id verifiers --max-messages 20 --reset-policy earliest --verbose')).stdout,
  )
  const values = consumed.filter(event => event.name === 'record_data').map(event => event.value)
  expect(values).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
  expect(consumed.filter(event => event.name === 'offsets_committed').at(-1)).toMatchObject({
    success: true,
    offsets: [{ topic: 'verified', partition: 0, offset: 20 }],
  })
})
