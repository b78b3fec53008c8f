import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ProcessCluster } from './cluster-harness.ts'
import { kafkaClassPath } from './kafka-peer.ts'
import { linesOf, run, until } from './process-harness.ts'

let cluster: ProcessCluster | undefined

afterEach(() => cluster?.close())

interface ConsumerEvent {
  readonly name: string
  readonly success?: boolean
  readonly partitions?: readonly object[]
}

const records = 12_000
const perSecond = 800

/** Apache Kafka's producer-verify: a JSON line for each record, with its offset or its failure. */
function producing({ bootstrapServers, directory }: ProcessCluster, topic: string) {
  // By itself it tries nothing twice.
  const config = join(directory, 'producer.properties')
  writeFileSync(config, 'retries=2147483647\nenable.idempotence=true\n')
  const args = [
    '--bootstrap-server',
    bootstrapServers,
    '--topic',
    topic,
    '--acks',
    '-1',
    '--max-messages',
    `${records}`,
    '--throughput',
    `${perSecond}`,
    '--command-config',
    config,
  ]
  return verifiable('Producer', args)
}

/** Apache Kafka's consumer-verify: a JSON line for each batch of records, each commit and each assignment. */
function consuming({ bootstrapServers }: ProcessCluster, topic: string) {
  const args = ['--bootstrap-server', bootstrapServers, '--topic', topic, '--group-id', 'readers', '--max-messages', `${records}`]
  return verifiable('Consumer', [...args, '--reset-policy', 'earliest', '--session-timeout', '6000'])
}

function verifiable(name: 'Producer' | 'Consumer', args: readonly string[]) {
  const options = ['-Xmx128m', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath()]
  return run('java', [...options, `org.apache.kafka.tools.Verifiable${name}`, ...args], { timeoutMs: 150_000, status: undefined })
}

test("a rolling restart by SIGTERM: Apache Kafka's producer and consumer see no error, and every record is there once, in order", async () => {
  cluster = await ProcessCluster.make()
  await cluster.startAll('millrace')
  await cluster.kcat('-P -t rolled -X allow.auto.create.topics=true', '')
  await until('the topic', async () => (await cluster!.kcat('-L -J -t rolled')).includes('"leader"'))
  await cluster.whenInSync()
  let hasEnded = false
  const produced = producing(cluster, 'rolled').finally(() => (hasEnded = true))
  const written = async () => {
    const [last] = linesOf(await cluster!.kcat('-C -t rolled -p 0 -o -1 -c 1 -e -q -f %o'))
    return Number(last ?? -1) + 1
  }
  const consumed = consuming(cluster, 'rolled')
  await until('the first records', async () => (await written()) > 100)
  for (const { id } of cluster.nodes) {
    const before = await written()
    expect(await cluster.stop(id)).toBe(0)
    await cluster.start(id, 'millrace')
    await cluster.whenInSync()
    // It went on under way, unless the last record was out already.
    if (!hasEnded) await until('more records', async () => hasEnded || (await written()) > before)
  }
  const { stdout } = await produced
  const told = linesOf(stdout).map(line => JSON.parse(line) as { name: string; value: string; partition: number; offset: number })
  expect(told.filter(({ name }) => name === 'producer_send_error').length).toBe(0)
  const acknowledged = told.filter(({ name }) => name === 'producer_send_success')
  expect(acknowledged).toHaveLength(records)
  const read = linesOf(await cluster.kcat('-C -t rolled -p 0 -e -q -f %o:%s\\n'))
  expect(read).toEqual(acknowledged.sort((a, b) => a.offset - b.offset).map(({ offset, value }) => `${offset}:${value}`))
  expect(read).toEqual(Array.from({ length: records }, (_, i) => `${i}:${i}`))

  const events = linesOf((await consumed).stdout).map(line => JSON.parse(line) as ConsumerEvent)
  expect(events.filter(({ name, success }) => name === 'offsets_committed' && !success)).toEqual([])
  // From one poll to the next without a gap.
  let next = 0
  for (const { name, partitions } of events) {
    if (name !== 'records_consumed') continue
    const [{ minOffset, maxOffset }] = partitions as [{ minOffset: number; maxOffset: number }]
    expect(minOffset).toBeLessThanOrEqual(next)
    next = Math.max(next, maxOffset + 1)
  }
  expect(next).toBe(records)
})
