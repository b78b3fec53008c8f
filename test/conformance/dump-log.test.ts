import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNode } from '@millrace/broker'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from './process-harness.ts'
import { codecs, compressible } from './stored-batches-harness.ts'
import { KafkaTools } from './tools-harness.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-dump-log-'))
const dataDirectory = join(directory, 'data')
const groups = ['readers', 'others', 'more']
const values = codecs.flatMap(codec => Array.from({ length: 40 }, (_, i) => compressible(`${codec}-${i}`)))
let tools: KafkaTools
let whileRunning: string

beforeAll(async () => {
  tools = new KafkaTools()
  const properties = new Map([
    ['offsets.topic.num.partitions', '3'],
    ['log.index.interval.bytes', '256'],
  ])
  const broker = await startNode({
    world: nodeWorld(),
    logger: silentLogger,
    dataDirectory,
    host: '127.0.0.1',
    port: 0,
    properties,
  })
  try {
    const server = ['--bootstrap-server', broker.bootstrapServers]
    await tools.run('topics', [
      ...server,
      '--create',
      '--topic',
      'records',
      '--partitions',
      '1',
      '--config',
      'segment.bytes=1048576',
    ])
    for (const codec of codecs) {
      const input = values.filter(value => value.startsWith(`${codec}-`)).map(value => `${value}\n`)
      // Small batches: several of each codec, so that the indexes have something to say.
      const args = [
        '-P',
        '-t',
        'records',
        '-z',
        codec,
        '-H',
        `codec=${codec}`,
        '-X',
        'batch.num.messages=5',
        '-X',
        'enable.idempotence=true',
      ]
      await run('kcat', ['-b', broker.bootstrapServers, ...args], { input: input.join('') })
    }
    // Segments roll by size: three of them, the last one active.
    await run('kcat', ['-b', broker.bootstrapServers, '-P', '-t', 'records', '-X', 'batch.num.messages=1', '-X', 'linger.ms=0'], {
      input: Array.from({ length: 40 }, (_, i) => `${i}${'large '.repeat(12_000)}\n`).join(''),
    })
    const configs = ['--config', 'compression.type=gzip', '--config', 'message.timestamp.type=LogAppendTime']
    await tools.run('topics', [...server, '--create', '--topic', 'rewritten', ...configs])
    for (const codec of codecs)
      await run('kcat', ['-b', broker.bootstrapServers, '-P', '-t', 'rewritten', '-z', codec, '-H', `codec=${codec}`], {
        input: `${compressible(codec)}\n${compressible(codec)}\n`,
      })
    for (const group of groups)
      await run('kcat', ['-b', broker.bootstrapServers, '-G', group, '-e', '-q', '-X', 'auto.offset.reset=earliest', 'records'])
    await tools.run('consumer-groups', [...server, '--delete', '--group', 'more'])
    await tools.run('configs', [...server, '--alter', '--topic', 'records', '--add-config', 'retention.ms=86400000'])
    await tools.run('topics', [...server, '--create', '--topic', 'gone'])
    await tools.run('topics', [...server, '--delete', '--topic', 'gone'])
    const active = segments('records', '.log').at(-1)!
    whileRunning = await dump('--deep-iteration', '--files', active)
  } finally {
    await broker.close()
  }
})
afterAll(async () => {
  await tools?.close()
  rmSync(directory, { recursive: true, force: true })
})

function segments(topic: string, ending: string, partition = 0): string[] {
  const folder = join(dataDirectory, `${topic}-${partition}`)
  return readdirSync(folder)
    .filter(name => name.endsWith(ending))
    .sort()
    .map(name => join(folder, name))
}

/** What dump-log prints. Throws when it finds something wrong. */
async function dump(...args: string[]): Promise<string> {
  const { stdout, stderr } = await tools.run('dump-log', args)
  // It takes every segment but the first of a log for one that does not follow, Kafka's own too.
  const complaints = stderr.replaceAll(/^Non-consecutive offsets in .*\/0*(\d+)\.log\n {2}-1 is followed by \1\n+/gm, '')
  expect(complaints).toBe('')
  expect(stdout).not.toMatch(/isvalid: false|Mismatch|mismatch|Found|Non-consecutive|out of order|corrupt|[Ee]xception|failed/)
  return stdout
}
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(match => match[1]!)

describe('dump-log on the directory of a node', () => {
  test('reads every record of every codec, in batches that are valid and follow one another', async () => {
    const files = segments('records', '.log')
    expect(files.length).toBeGreaterThanOrEqual(3)
    const printed = await dump('--deep-iteration', '--print-data-log', '--files', files.join(','))
    const batches = [
      ...printed.matchAll(/^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*compresscodec: (\w+) .*isvalid: true$/gm),
    ]
    expect(printed.match(/^baseOffset/gm)).toHaveLength(batches.length)
    let next = 0
    for (const [, base, last, count] of batches) {
      expect([Number(base), Number(last)]).toEqual([next, next + Number(count) - 1])
      next += Number(count)
    }
    expect(next).toBe(values.length + 40)
    for (const codec of codecs) expect(batches.filter(batch => batch[4] === codec).length, codec).toBeGreaterThanOrEqual(4)
    expect(matches(printed, /headerKeys: \[codec\] payload: (.*)$/gm)).toEqual(values)
  })

  test("reads what the broker compressed and stamped anew by the topic's configuration", async () => {
    const printed = await dump('--deep-iteration', '--print-data-log', '--files', segments('rewritten', '.log').join(','))
    expect(matches(printed, /^baseOffset: .* LogAppendTime: \d+ .*compresscodec: (\w+) .*isvalid: true$/gm)).toEqual(
      codecs.map(() => 'gzip'),
    )
    expect(matches(printed, /headerKeys: \[codec\] payload: (.*)$/gm)).toEqual(
      codecs.flatMap(codec => [compressible(codec), compressible(codec)]),
    )
  })

  test('reads the active segment of a node that runs', () => {
    expect(whileRunning).toMatch(/isvalid: true/)
  })

  test('finds the indexes sane, with entries, and the same as the log says', async () => {
    const [index, timeIndex] = [segments('records', '.index'), segments('records', '.timeindex')]
    expect(index).toHaveLength(segments('records', '.log').length)
    const checked = await dump('--index-sanity-check', '--files', [...index, ...timeIndex].join(','))
    for (const file of [...index, ...timeIndex]) expect(checked).toContain(`${file} passed sanity check.`)
    const listed = await dump('--verify-index-only', '--files', [...index, ...timeIndex].join(','))
    expect(listed).toContain(`Dumping ${index[0]}`)
    expect(matches(await dump('--files', index[0]!), /^offset: (\d+) position: \d+$/gm).length).toBeGreaterThan(10)
    expect(matches(await dump('--files', timeIndex[0]!), /^timestamp: (\d+) offset: \d+$/gm).length).toBeGreaterThan(0)
  })

  test('reads the producer states of a snapshot', async () => {
    const printed = await dump('--files', segments('records', '.snapshot').at(-1)!)
    const producers = [...printed.matchAll(/^producerId: (\d+) producerEpoch: 0 .*firstSequence: (\d+) lastSequence: (\d+) /gm)]
    expect(producers).toHaveLength(codecs.length)
    for (const [, , first, last] of producers) expect([Number(last), Number(first)]).toEqual([39, 35])
  })

  test('decodes groups and offsets', async () => {
    const files = [0, 1, 2].flatMap(partition => segments('__consumer_offsets', '.log', partition))
    const printed = await dump('--offsets-decoder', '--files', files.join(','))
    for (const group of groups) {
      expect(printed).toMatch(
        new RegExp(
          `key: \\{"type":"2","data":\\{"group":"${group}"\\}\\} payload: \\{"version":"\\d","data":\\{"protocolType":"consumer"`,
        ),
      )
      expect(printed).toMatch(
        new RegExp(
          `key: \\{"type":"1","data":\\{"group":"${group}","topic":"records","partition":0\\}\\} payload: \\{"version":"\\d","data":\\{"offset":240,`,
        ),
      )
    }
    expect(printed).toMatch(/key: \{"type":"2","data":\{"group":"more"\}\} payload: <DELETE>/)
  })

  test('decodes the metadata log and the checkpoints', async () => {
    const printed = await dump('--cluster-metadata-decoder', '--files', segments('__cluster_metadata', '.log').join(','))
    const records = matches(printed, /payload: (\{"type":.*)$/gm).map(line => JSON.parse(line))
    const count = (type: string) => records.filter(record => record.type === type).length
    expect(count('FEATURE_LEVEL_RECORD')).toBeGreaterThan(0)
    expect(count('REGISTER_BROKER_RECORD')).toBe(1)
    expect(records.filter(record => record.type === 'TOPIC_RECORD').map(record => record.data.name)).toEqual([
      'records',
      'rewritten',
      '__consumer_offsets',
      'gone',
    ])
    expect(count('PARTITION_RECORD')).toBe(6)
    expect(count('REMOVE_TOPIC_RECORD')).toBe(1)
    expect(records).toContainEqual({
      type: 'CONFIG_RECORD',
      version: 0,
      data: { resourceType: 2, resourceName: 'records', name: 'retention.ms', value: '86400000' },
    })
    expect(printed).toMatch(/LeaderChange: \{"version":\d,"leaderId":1,/)

    const checkpoints = [...segments('__cluster_metadata', '.checkpoint'), join(dataDirectory, 'bootstrap.checkpoint')]
    expect(checkpoints.length).toBeGreaterThan(1)
    for (const file of checkpoints) {
      const shown = await dump('--cluster-metadata-decoder', '--files', file)
      expect(shown).toContain('SnapshotHeader')
      expect(shown).toContain('SnapshotFooter')
    }
  })
})
