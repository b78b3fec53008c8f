import { type Cluster, startCluster } from '@millrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunOptions, run } from './process-harness.ts'
import { codecs, compressible, storedCodecs } from './stored-batches-harness.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster({ properties: new Map([['num.partitions', '3']]) })
})
afterAll(() => cluster?.close())

const kcat = (args: string, options?: RunOptions) => run('kcat', ['-b', cluster.bootstrapServers, ...args.split(' ')], options)
const lines = (text: string) => text.split('\n').slice(0, -1)
const text = (...values: string[]) => values.map(value => `${value}\n`).join('')

describe('kcat', () => {
  test('-L lists the brokers, the topics and their partitions', async () => {
    await kcat('-P -t listed', { input: text('a') })
    const [host, port] = cluster.bootstrapServers.split(':')
    const { stdout } = await kcat('-L')
    expect(stdout).toContain(`  broker 1 at ${host}:${port} (controller)\n`)
    expect(stdout).toContain('  topic "listed" with 3 partitions:\n')
    expect(stdout).toContain('    partition 2, leader 1, replicas: 1, isrs: 1\n')
    const one = JSON.parse((await kcat('-L -J -t listed')).stdout)
    expect(one).toMatchObject({ controllerid: 1, brokers: [{ id: 1, name: cluster.bootstrapServers }] })
    expect(one.topics).toEqual([
      {
        topic: 'listed',
        partitions: [0, 1, 2].map(partition => ({ partition, leader: 1, replicas: [{ id: 1 }], isrs: [{ id: 1 }] })),
      },
    ])
  })

  test.each(codecs)('-P and -C with keys, headers and compression %s', async codec => {
    const values = [1, 2, 3].map(i => compressible(`${codec}-${i}`))
    const topic = `codec-${codec}`
    const produced = await kcat(`-P -t ${topic} -p 0 -z ${codec} -K: -H first=1 -H second=${codec} -X enable.idempotence=true`, {
      input: text(...values.map((value, i) => `key-${i}:${value}`)),
    })
    expect(produced.stderr).toBe('')
    const { stdout } = await kcat(`-C -t ${topic} -p 0 -e -q -f %o|%k|%s|%h\\n`)
    expect(lines(stdout)).toEqual(values.map((value, i) => `${i}|key-${i}|${value}|first=1,second=${codec}`))
    expect(storedCodecs(cluster.dataDirectory, topic)).toEqual([codec])
  })

  test('-C starts at an offset, before the end, at a time, and tells null from empty', async () => {
    await kcat('-P -t placed -p 1 -K: -Z', { input: text('a:1', 'b:', ':3') })
    const read = async (args: string) => lines((await kcat(`-C -t placed -p 1 -e -q ${args}`)).stdout)
    const records = (await read('-J')).map(line => JSON.parse(line))
    expect(records.map(({ offset, key, payload }) => [offset, key, payload])).toEqual([
      [0, 'a', '1'],
      [1, 'b', null],
      [2, null, '3'],
    ])
    expect(records.every(record => record.tstype === 'create' && Math.abs(record.ts - Date.now()) < 600_000)).toBe(true)
    expect(await read('-o 1 -f %o\\n')).toEqual(['1', '2'])
    expect(await read('-o -1 -f %o\\n')).toEqual(['2'])
    expect(await read('-o beginning -c 2 -f %o\\n')).toEqual(['0', '1'])
    expect(await read(`-o s@${records[0].ts} -f %o\\n`)).toEqual(['0', '1', '2'])
    expect(await read(`-o s@${records[2].ts + 1} -f %o\\n`)).toEqual([])
  })

  test('-G reads all partitions in a group and goes on where it committed', async () => {
    await kcat('-P -t grouped -K:', { input: text(...Array.from({ length: 30 }, (_, i) => `${i}:value-${i}`)) })
    const read = () => kcat('-G readers -e -X auto.offset.reset=earliest -f %s\\n grouped')
    const first = await read()
    expect(lines(first.stdout).sort()).toEqual(Array.from({ length: 30 }, (_, i) => `value-${i}`).sort())
    expect(first.stderr).toMatch(/Group readers rebalanced .*assigned: grouped \[0\], grouped \[1\], grouped \[2\]/)
    await kcat('-P -t grouped', { input: text('later') })
    expect(lines((await read()).stdout)).toEqual(['later'])
  })

  test('-Q asks for offsets: earliest, latest, by time', async () => {
    await kcat('-P -t asked -p 2', { input: text('a', 'b', 'c') })
    const [first] = lines((await kcat('-C -t asked -p 2 -e -q -f %T\\n')).stdout)
    const { stdout } = await kcat('-Q -t asked:0:-1 -t asked:1:-2 -t asked:2:-1')
    expect(lines(stdout).sort()).toEqual(['asked [0] offset 0', 'asked [1] offset 0', 'asked [2] offset 3'])
    expect((await kcat('-Q -t asked:2:-2')).stdout).toBe('asked [2] offset 0\n')
    expect((await kcat(`-Q -t asked:2:${first}`)).stdout).toBe('asked [2] offset 0\n')
  })

  test('-E reads on to the end', async () => {
    await kcat('-P -t on -p 0', { input: text('a', 'b') })
    expect((await kcat('-C -E -t on -p 0 -e -q')).stdout).toBe('a\nb\n')
  })

  test('an unknown topic, an illegal name, a record too large: each gets the error for it', async () => {
    expect(await kcat('-C -t nowhere -e', { status: 1 })).toMatchObject({
      stderr: expect.stringContaining('Topic nowhere error: Broker: Unknown topic or partition'),
    })
    expect(await kcat('-P -t il/legal', { input: text('a'), status: 1 })).toMatchObject({
      stderr: expect.stringContaining('Delivery failed for message: Broker: Invalid topic'),
    })
    const large = await kcat('-P -t large -X message.max.bytes=4000000', { input: text('x'.repeat(2_000_000)), status: 1 })
    expect(large.stderr).toContain('Delivery failed for message: Broker: Message size too large')
    await kcat('-P -t large', { input: text('small') })
    expect((await kcat('-C -t large -e -q')).stdout).toBe('small\n')
  })
})
