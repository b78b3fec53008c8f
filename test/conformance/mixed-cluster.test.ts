import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { type ClusterListing, type Maker, ProcessCluster } from './cluster-harness.ts'
import { linesOf } from './process-harness.ts'

let cluster: ProcessCluster
afterEach(() => cluster?.close())

const partitions = [0, 1, 2]

/** What each partition holds. */
type Expected = string[][]

/** Writes to every partition through one node after the other with acks=all, and reads everything from the leaders. */
async function writeAndRead(expected: Expected): Promise<void> {
  for (const partition of partitions) {
    const records = cluster.nodes.map(({ id }) => `${expected[partition]!.length}-through-${id}`)
    for (const [index, { bootstrapServers }] of cluster.nodes.entries())
      await cluster.kcat(`-P -t mixed -p ${partition} -X enable.idempotence=true`, `${records[index]}\n`, bootstrapServers)
    expected[partition]!.push(...records)
  }
  await cluster.whenInSync()
  for (const partition of partitions)
    expect(linesOf(await cluster.kcat(`-C -t mixed -p ${partition} -e -q`))).toEqual(expected[partition])
}

async function leaders(): Promise<number[]> {
  const { topics } = JSON.parse(await cluster.kcat('-L -J -t mixed')) as ClusterListing
  return topics[0]!.partitions.map(({ leader }) => leader)
}

/**
 * Nodes of both makers in one quorum and one cluster: each votes, observes, leads partitions that the others follow, and follows theirs. Every node is
 * stopped in turn and comes back as the other maker's.
 */
test('a cluster of three nodes changes its maker node by node, without losing a record', async () => {
  cluster = await ProcessCluster.make({
    quorum: 'dynamic',
    properties: { 'auto.create.topics.enable': 'true', 'num.partitions': '3' },
  })
  for (const { id } of cluster.nodes) await cluster.format(id, 'kafka')
  const makers: Maker[] = ['kafka', 'kafka', 'millrace']
  await Promise.all(cluster.nodes.map(({ id }, index) => cluster.start(id, makers[index]!)))
  const expected: Expected = partitions.map(() => [])
  await writeAndRead(expected)
  // Each leads a partition that the others follow.
  expect((await leaders()).sort()).toEqual([1, 2, 3])
  for (const id of [1, 2]) {
    await cluster.stop(id)
    await cluster.start(id, 'millrace')
    await cluster.whenInSync()
    await writeAndRead(expected)
  }
  await cluster.stop(3)
  await cluster.start(3, 'kafka')
  await cluster.whenInSync()
  await writeAndRead(expected)
  for (const { id } of cluster.nodes)
    expect(linesOf(cluster.output(id)).filter(line => / (ERROR|FATAL) |[Cc]orrupt/.test(line))).toEqual([])
})

/** Node 1 is controller and broker, and all the quorum there is; node 2 is a broker that observes it. */
test.each([
  ['kafka', 'millrace'],
  ['millrace', 'kafka'],
] as const)(
  'with the controller of %s a broker of %s registers, leads, follows, and hands its leaders over when it stops',
  async (controller, broker) => {
    cluster = await ProcessCluster.make({
      nodes: 2,
      quorum: 'static',
      properties: {
        'auto.create.topics.enable': 'true',
        'num.partitions': '3',
        'default.replication.factor': '2',
        'offsets.topic.replication.factor': '2',
      },
    })
    for (const { file, controller } of cluster.nodes) {
      const isBrokerAlone = file === cluster.node(2).file
      const text = readFileSync(file, 'utf8').replace(/^(controller\.quorum\.voters=[^,\n]*).*$/m, '$1')
      const alone = text.replace('broker,controller', 'broker').replaceAll(`,CONTROLLER://${controller}`, '')
      writeFileSync(file, isBrokerAlone ? alone : text)
    }
    await cluster.format(1, controller)
    await cluster.format(2, broker)
    await Promise.all([cluster.start(1, controller), cluster.start(2, broker)])
    const expected: Expected = partitions.map(() => [])
    await writeAndRead(expected)
    expect(new Set(await leaders())).toEqual(new Set([1, 2]))
    expect(await cluster.stop(2)).toBe(broker === 'kafka' ? 143 : 0)
    expect(new Set(await leaders())).toEqual(new Set([1]))
    await cluster.start(2, broker)
    await writeAndRead(expected)
  },
)
