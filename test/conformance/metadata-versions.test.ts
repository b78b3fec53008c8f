import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { kafkaScript } from './kafka-peer.ts'
import { run, until } from './process-harness.ts'
import { formatWithKafka, killNodes, serverProperties, startKafka, startMillrace } from './server-properties-harness.ts'

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'
const directory = mkdtempSync(join(tmpdir(), 'millrace-metadata-versions-'))

afterEach(killNodes)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function kafka(...args: string[]): Promise<string> {
  const { stdout } = await run(kafkaScript(), args)
  return stdout
}

/** The metadata log, as Apache Kafka prints it. */
function dumpOf(dataDirectory: string): Promise<string> {
  const log = join(dataDirectory, '__cluster_metadata-0/00000000000000000000.log')
  return kafka('dump-log', '--cluster-metadata-decoder', '--files', log)
}

/** The versions in which records of each type are in the metadata log. */
async function versionsIn(dataDirectory: string): Promise<Record<string, number[]>> {
  const versions: Record<string, number[]> = {}
  for (const [, type, version] of (await dumpOf(dataDirectory)).matchAll(/"type":"(\w+)","version":(\d+)/g)) {
    versions[type!] ??= []
    if (versions[type!]!.at(-1) !== Number(version)) versions[type!]!.push(Number(version))
  }
  return versions
}

describe('a cluster of an older metadata.version', () => {
  test('that Apache Kafka formatted runs, is upgraded by its tool, and is read by Apache Kafka afterwards', async () => {
    const node = await serverProperties(directory, 'node', 'static')
    const on = ['--bootstrap-server', node.bootstrapServers]
    await formatWithKafka(clusterId, node, '--release-version', '3.6')

    const millrace = await startMillrace(node)
    await kafka('topics', ...on, '--create', '--topic', 'before', '--partitions', '2')
    expect(await kafka('features', ...on, 'describe')).toMatch(/metadata\.version.*FinalizedVersionLevel: 3\.6-IV2/)
    const raised = await kafka('features', ...on, 'upgrade', '--feature', 'metadata.version=30', '--feature', 'group.version=1')
    expect(raised).toContain('metadata.version was upgraded to 30.')
    await kafka('topics', ...on, '--create', '--topic', 'after', '--partitions', '2')
    expect(await millrace.stop()).toBe(0)

    expect(await versionsIn(node.dataDirectory)).toMatchObject({
      REGISTER_BROKER_RECORD: [2, 4],
      PARTITION_RECORD: [0, 2],
      FEATURE_LEVEL_RECORD: [0],
    })

    // Replicas from before the metadata could say where they are, are told of by the next start.
    const assigned = /"type":"PARTITION_CHANGE_RECORD","version":\d+,"data":\{[^}]*"directories":\["[\w-]{22}"\]/g
    expect(await dumpOf(node.dataDirectory)).not.toMatch(assigned)
    const again = await startMillrace(node)
    await until('directories of both partitions', async () => (await dumpOf(node.dataDirectory)).match(assigned)?.length === 2)
    expect(await again.stop()).toBe(0)

    const peer = await startKafka(node)
    const described = await kafka('topics', ...on, '--describe')
    for (const topic of ['before', 'after'])
      for (const partition of [0, 1])
        expect(described).toMatch(new RegExp(`Topic: ${topic}\\s+Partition: ${partition}\\s+Leader: 1\\s`))
    expect(await kafka('features', ...on, 'describe')).toMatch(/metadata\.version.*FinalizedVersionLevel: 4\.3-IV0/)
    expect(await peer.stop()).not.toBeNull()
  })
})
