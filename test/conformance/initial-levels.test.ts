import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Maker, ProcessCluster } from './cluster-harness.ts'
import { kafkaScript } from './kafka-peer.ts'
import { run } from './process-harness.ts'
import { formatWithKafka, formatWithMillrace } from './server-properties-harness.ts'

let cluster: ProcessCluster
afterEach(() => cluster?.close())

const expected = { 'metadata.version': '4.0-IV3', 'group.version': '1', 'kraft.version': '1', 'transaction.version': '1' }
const chosen = ['--standalone', '--release-version', '4.0', '--feature', 'transaction.version=1']

/** The features above level 0 that Apache Kafka's tool sees. */
async function finalized(): Promise<Record<string, string>> {
  const { stdout } = await run(kafkaScript(), ['features', '--bootstrap-server', cluster.bootstrapServers, 'describe'])
  const levels = [...stdout.matchAll(/^Feature: (\S+)\s.*FinalizedVersionLevel: (\S+)\s/gm)]
  return Object.fromEntries(levels.map(([, name, level]) => [name, level]).filter(([, level]) => level !== '0'))
}

/** Values of the records in bootstrap.checkpoint, as Apache Kafka reads them. */
async function dumped(): Promise<string[]> {
  const file = join(cluster.node(1).dataDirectory, 'bootstrap.checkpoint')
  const { stdout } = await run(kafkaScript(), ['dump-log', '--cluster-metadata-decoder', '--files', file])
  return [...stdout.matchAll(/payload: (\{"type":"FEATURE_LEVEL_RECORD".*\})/g)].map(([, payload]) => payload!)
}

async function featuresOf(maker: Maker): Promise<Record<string, string>> {
  await cluster.start(1, maker)
  const levels = await finalized()
  await cluster.stop(1)
  return levels
}

test('the levels that a directory is formatted with are the same from both makers, and the same for both', async () => {
  cluster = await ProcessCluster.make({
    nodes: 1,
    properties: { 'offsets.topic.replication.factor': '1', 'min.insync.replicas': '1' },
  })
  const node = cluster.node(1)
  await formatWithKafka(cluster.clusterId, node, ...chosen)
  const records = await dumped()
  expect(records).toHaveLength(3)
  rmSync(node.dataDirectory, { recursive: true })

  await formatWithMillrace(cluster.clusterId, node, ...chosen)
  expect(await dumped()).toEqual(records)
  expect(await featuresOf('millrace')).toEqual(expected)
  rmSync(node.dataDirectory, { recursive: true })

  await formatWithMillrace(cluster.clusterId, node, ...chosen)
  expect(await featuresOf('kafka')).toEqual(expected)
})
