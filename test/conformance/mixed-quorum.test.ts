import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Maker, ProcessCluster } from './cluster-harness.ts'
import { kafkaScript } from './kafka-peer.ts'
import { run, until } from './process-harness.ts'
import { formatWithKafka, formatWithMillrace } from './server-properties-harness.ts'

let cluster: ProcessCluster
afterEach(() => cluster?.close())

interface Voter {
  readonly id: number
  readonly directoryId: string
}

/** What Apache Kafka's tool says of the quorum when it asks node `id`. */
async function quorum(id: number): Promise<{ leaderId: number; voters: Voter[] }> {
  const args = ['metadata-quorum', '--bootstrap-controller', cluster.node(id).controller, 'describe', '--status']
  const { stdout } = await run(kafkaScript(), args)
  const value = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(stdout)?.[1] ?? ''
  return { leaderId: Number(value('LeaderId')), voters: JSON.parse(value('CurrentVoters') || '[]') as Voter[] }
}

const voterIds = async (id: number) => (await quorum(id)).voters.map(voter => voter.id).sort()

const snapshots = (id: number) => {
  const directory = join(cluster.node(id).dataDirectory, '__cluster_metadata-0')
  return existsSync(directory) ? readdirSync(directory).filter(name => /^0*[1-9]\d*-.*\.checkpoint$/.test(name)) : []
}

/** A node without a log that will join the quorum by itself. */
async function startNew(id: number, maker: Maker): Promise<void> {
  const format = maker === 'kafka' ? formatWithKafka : formatWithMillrace
  await format(cluster.clusterId, cluster.node(id), '--no-initial-controllers')
  await cluster.start(id, maker)
}

/** Votes, records and snapshots of one quorum come from both makers. */
test('a quorum grows by itself from one maker’s only voter to three of both, which get one another’s snapshots', async () => {
  cluster = await ProcessCluster.make({
    properties: {
      'controller.quorum.auto.join.enable': 'true',
      'metadata.log.max.record.bytes.between.snapshots': '2000',
      'default.replication.factor': '1',
      'min.insync.replicas': '1',
    },
  })
  await formatWithKafka(cluster.clusterId, cluster.node(1), '--standalone')
  await cluster.start(1, 'kafka')
  await until('a snapshot of Apache Kafka', () => snapshots(1).length > 0)
  await startNew(2, 'millrace')
  expect(cluster.output(2)).toContain('raft.snapshot-loaded')
  await until('two voters', async () => (await voterIds(1)).join() === '1,2')
  await startNew(3, 'millrace')
  await until('three voters', async () => (await voterIds(1)).join() === '1,2,3')
  // It hands the lead over, and both that are left are Millrace's.
  await cluster.stop(1)
  const { leaderId, voters } = await until('a leader', () => quorum(2))
  expect([2, 3]).toContain(leaderId)
  const former = voters.find(({ id }) => id === 1)!.directoryId
  // With a new disk it is another voter, which takes the place of the former one.
  rmSync(cluster.node(1).dataDirectory, { recursive: true })
  await until('a snapshot of Millrace', () => snapshots(leaderId).length > 0)
  await startNew(1, 'kafka')
  await until('another voter of the same id', async () => {
    const found = (await quorum(leaderId)).voters.find(({ id }) => id === 1)
    return found !== undefined && found.directoryId !== former
  })
  expect(snapshots(1)).not.toEqual([])
  expect(await voterIds(1)).toEqual([1, 2, 3])
})
