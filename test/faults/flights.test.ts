import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Admin, Consumer, Producer } from '@millrace/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually, JobUnderTest } from './job-under-test.ts'

const group = 'flights'
let root: string
const jobs: JobUnderTest[] = []

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-faults-'))
})
afterEach(() => {
  for (const job of jobs.splice(0)) job.kill()
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

function start(folder: string, ...args: string[]): JobUnderTest {
  const job = JobUnderTest.start(path.join(root, folder), ...args)
  jobs.push(job)
  return job
}

async function withAdmin<T>(job: JobUnderTest, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ bootstrapServers: await job.bootstrapServers(), clientId: 'fault-test' })
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

/** Flights that the pipeline has committed, once it has done so twice: the first commit is in its state on disk then. */
async function underWay(job: JobUnderTest, total: number): Promise<number> {
  return await withAdmin(job, async admin => {
    const seen = new Set<number>([0])
    await eventually('the pipeline has committed', job, async () => {
      const offsets = await admin.fetchOffsets(group)
      seen.add(offsets.reduce((sum, { topic, offset }) => (topic === 'flights' ? sum + offset : sum), 0))
      return seen.size > 2
    })
    const committed = Math.max(...seen)
    expect(committed, 'the job is in its middle').toBeLessThan(total)
    return committed
  })
}

async function recordsIn(job: JobUnderTest, isWanted: (topic: string) => boolean): Promise<number> {
  return await withAdmin(job, async admin => {
    const topics = (await admin.listTopics()).map(({ topic }) => topic).filter(isWanted)
    const described = await admin.describeTopics(topics)
    const partitions = described.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition }) => ({ topic, partition, timestamp: -1 })),
    )
    return (await admin.listOffsets(partitions)).reduce((sum, { offset }) => sum + offset, 0)
  })
}

function numberOf(text: string): number {
  return Number(text.replaceAll(',', ''))
}

/** The three tables, each `equal`, and nothing that differs. */
function expectVerified(job: JobUnderTest, flights: number): void {
  expect(job.output.match(/ equal$/gm), String(job)).toHaveLength(3)
  expect(job.output).toMatch(/^Verified: every row is right/m)
  const [, airports] = /airport-totals +[\d,]+ +[\d,]+ +([\d,]+)/.exec(job.output)!
  // A few of the file's delays are implausible.
  expect(numberOf(airports!)).toBeGreaterThan(flights * 0.999)
}

describe('a killed process', () => {
  it('the broker, twice: while flights come in and when all are in: the job ends verified', async () => {
    const flights = 200_000
    const job = start('broker', '--once', '--flights', String(flights))
    const first = await job.pidOf('Broker')
    await job.printed(/^Flights .* of /m)
    process.kill(first, 'SIGKILL')
    const second = await job.pidOf('Broker', 2)
    await job.printed(/^All flights are in/m)
    process.kill(second, 'SIGKILL')
    expect(await job.end(), String(job)).toEqual({ code: 0, signal: null })
    expect(await job.pidOf('Broker', 3)).not.toBe(second)
    expectVerified(job, flights)
    await job.isGone()
  })

  it('the pipeline: it goes on from its state on disk, and the job ends verified', async () => {
    const flights = 300_000
    const job = start('pipeline', '--once', '--flights', String(flights))
    const committed = await underWay(job, flights)
    process.kill(await job.pidOf('Pipeline'), 'SIGKILL')
    const [, resumedAt, restored] = await job.printed(
      /^Pipeline .* continues after ([\d,]+) flights, ([\d,]+) changes read from changelogs$/m,
    )
    const logged = await recordsIn(job, topic => topic.endsWith('-changelog'))
    expect(numberOf(resumedAt!)).toBeGreaterThanOrEqual(committed)
    // Without the state on disk it would have read them all.
    expect(numberOf(restored!)).toBeLessThan(logged)
    expect(await job.end(), String(job)).toEqual({ code: 0, signal: null })
    expectVerified(job, flights)
    await job.isGone()
  })

  it('the program itself: no child stays, and the next start ends verified', async () => {
    const flights = 150_000
    const job = start('main', '--once', '--flights', String(flights))
    await job.printed(/^Flights .* of /m)
    expect(job.running()).toHaveLength(3)
    job.signal('SIGKILL')
    expect(await job.end()).toEqual({ code: null, signal: 'SIGKILL' })
    await job.isGone()
    const again = start('main', '--once', '--flights', String(flights))
    expect(await again.end(), String(again)).toEqual({ code: 0, signal: null })
    expectVerified(again, flights)
  })
})

describe('a data folder', () => {
  const flights = 300_000
  const folder = 'ctrl-c'

  it('after Ctrl-C in the middle: the next start goes on there and ends verified', async () => {
    const job = start(folder, '--once', '--flights', String(flights))
    const committed = await underWay(job, flights)
    job.signal('SIGINT')
    expect(await job.end()).toEqual({ code: 130, signal: null })
    expect(job.output).toContain('Closing …')
    expect(job.errors).toBe('')
    await job.isGone()

    const again = start(folder, '--once', '--flights', String(flights))
    const [, resumedAt, restored] = await again.printed(/continues after ([\d,]+) flights, ([\d,]+) changes/)
    expect(numberOf(resumedAt!)).toBeGreaterThanOrEqual(committed)
    expect(restored, 'a clean end leaves state and changelogs equal').toBe('0')
    expect(await again.end(), String(again)).toEqual({ code: 0, signal: null })
    expectVerified(again, flights)
  })

  it('of a finished job: the next start has nothing to do and verifies', async () => {
    const job = start(folder, '--flights', String(flights))
    await job.printed(/^The page stays/m)
    expectVerified(job, flights)
    expect(job.output).toContain(`continues after ${flights.toLocaleString('en-US')} flights, 0 changes`)
    expect(await recordsIn(job, topic => topic === 'flights')).toBe(flights)
    await addForeignRow(await job.bootstrapServers())
    job.signal('SIGINT')
    expect(await job.end()).toEqual({ code: 130, signal: null })
    await job.isGone()
  })

  it('with a result that the file does not have: the difference is told, and the exit code is 1', async () => {
    const job = start(folder, '--once', '--flights', String(flights))
    expect(await job.end(), String(job)).toEqual({ code: 1, signal: null })
    expect(job.output).toMatch(/^ +airport-totals .* 1 rows differ\n +ZZZ should not be there$/m)
    expect(job.output).toMatch(/^NOT verified/m)
    await job.isGone()
  })
})

/** A total under a key that no airport has. */
async function addForeignRow(bootstrapServers: string): Promise<void> {
  const topic = 'airport-totals'
  const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest', enableAutoCommit: false })
  consumer.assign([0, 1, 2, 3].map(partition => ({ topic, partition })))
  const [batch] = await consumer.poll(10_000)
  const records = batch!.records()
  records.next()
  const producer = new Producer({ bootstrapServers })
  await producer.send({ topic, key: 'ZZZ', value: Uint8Array.from(records.value()!) })
  await producer.close()
  await consumer.close()
}

describe('a start that can’t be', () => {
  let taken: net.Server
  let port: string
  beforeAll(async () => {
    taken = net.createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    port = String((taken.address() as net.AddressInfo).port)
  })
  afterAll(() => taken.close())

  /** One line, exit code 1, nothing left but the `others` on the same folder. */
  async function refusal(job: JobUnderTest, others = 0): Promise<string> {
    expect(await job.end(30_000), String(job)).toEqual({ code: 1, signal: null })
    expect(job.errors.trimEnd().split('\n'), String(job)).toHaveLength(1)
    await eventually('nothing is left of it', job, () => job.running().length === others)
    return job.errors.trimEnd()
  }

  const portOf: Record<string, (of: string) => string[]> = {
    page: taken => ['--port', taken, '--broker-port', '0', '--registry-port', '0'],
    broker: taken => ['--port', '0', '--broker-port', taken, '--registry-port', '0'],
    'schema registry': taken => ['--port', '0', '--broker-port', '0', '--registry-port', taken],
  }
  it.each(Object.keys(portOf))('with the port of the %s in use names the option', async what => {
    const job = new JobUnderTest(path.join(root, `port-${what}`), ['--once', '--flights', '1000', ...portOf[what]!(port)])
    jobs.push(job)
    const option = { page: '--port', broker: '--broker-port', 'schema registry': '--registry-port' }[what]
    expect(await refusal(job)).toBe(`Port ${port} for the ${what} is in use: choose another with ${option} P (0: any)`)
  })

  it('in a folder below a file', async () => {
    fs.writeFileSync(path.join(root, 'file'), '')
    expect(await refusal(start('file/below', '--once'))).toMatch(/can't be written \(ENOTDIR\): choose another with --data DIR$/)
  })

  it.runIf(process.platform === 'linux')('in a folder where the system lets nobody make one', async () => {
    const job = JobUnderTest.start('/proc/millrace-faults/data', '--once')
    jobs.push(job)
    expect(await refusal(job)).toMatch(/can't be written \(ENOENT\): choose another with --data DIR$/)
  })

  it('in a folder that is the data folder of a Kafka node', async () => {
    fs.mkdirSync(path.join(root, 'kafka'))
    fs.writeFileSync(path.join(root, 'kafka/meta.properties'), 'version=1\nnode.id=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qk\n')
    expect(await refusal(start('kafka', '--once'))).toMatch(
      /the data folder of another Kafka node: choose another with --data DIR$/,
    )
  })

  describe('in the folder of another job', () => {
    const meta = () => path.join(root, 'other/node/meta.properties')
    let original: string
    const changed = (key: string, value: string) =>
      fs.writeFileSync(meta(), original.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`))

    beforeAll(async () => {
      const job = start('other', '--once', '--flights', '1000')
      expect(await job.end(), String(job)).toEqual({ code: 0, signal: null })
      await job.isGone()
      original = fs.readFileSync(meta(), 'utf8')
    })

    it('that runs', async () => {
      const job = start('other', '--flights', '1000')
      await job.printed(/^The page stays/m)
      expect(await refusal(start('other', '--once', '--flights', '1000'), 3)).toMatch(
        /other\/node is in use by another process: .*--data DIR$/,
      )
      job.signal('SIGINT')
      // Sent at once, the second would be one with the first.
      await job.printed(/^Closing …/m)
      // It does not wait for an orderly end.
      job.signal('SIGINT')
      expect(await job.end()).toMatchObject({ code: 130 })
      await job.isGone()
    })

    it('whose broker belongs to another cluster than its state', async () => {
      changed('cluster.id', 'MkU3OEVBNTcwNTJENDM2Qk')
      expect(await refusal(start('other', '--once'))).toMatch(
        /node belongs to the cluster MkU3OEVBNTcwNTJENDM2Qk and .*state to the cluster \S+: delete .* or choose another with --data DIR$/,
      )
    })

    it('whose broker has another node id', async () => {
      changed('node.id', '7')
      expect(await refusal(start('other', '--once'))).toMatch(
        /other\/node belongs to node 7, and node.id is 1: choose another folder with --data DIR$/,
      )
    })

    it('whose broker is gone', async () => {
      fs.rmSync(path.join(root, 'other/node'), { recursive: true })
      expect(await refusal(start('other', '--once'))).toMatch(
        /state belongs to the cluster \S+, whose broker is not in .*--data DIR$/,
      )
    })
  })

  it('whose pipeline can’t open its state: its one line, and everything else is closed', async () => {
    fs.mkdirSync(path.join(root, 'blocked/state'), { recursive: true })
    fs.writeFileSync(path.join(root, 'blocked/state/flights'), '')
    expect(await refusal(start('blocked', '--once', '--flights', '1000'))).toContain('blocked/state/flights')
  })

  it.each([
    [['--flights', 'nonsense'], '--flights nonsense: give a whole number from 1 to 3000000'],
    [['--port', '65536'], '--port 65536: give a whole number from 0 to 65535'],
    [['--flight', '1'], "Unknown option '--flight'"],
  ])('with %j says what it takes, and the exit code is 2', async (args, line) => {
    const job = start('nonsense', ...args)
    expect(await job.end(30_000)).toEqual({ code: 2, signal: null })
    expect(job.errors.split('\n')[0]).toContain(line)
    expect(job.errors).toContain('--broker-port P')
    expect(fs.existsSync(job.dataDirectory)).toBe(false)
  })
})
