import { resolve } from 'node:path'
import { Admin } from '@millrace/client'
import { messageOf } from '@millrace/runtime'
import type { Arguments } from './arguments.ts'
import { Child } from './child-process.ts'
import { DataFolder } from './data-folder.ts'
import { Fold } from './fold.ts'
import { jobSerdes } from './job-serdes.ts'
import { consumerLag } from './lag.ts'
import { LiveTables } from './live-tables.ts'
import { load } from './loader.ts'
import type { NodeReady } from './node-process.ts'
import { PageServer, type Stats } from './page-server.ts'
import { patiently } from './patience.ts'
import type { PipelineReady } from './pipeline-process.ts'
import { ProgressBar } from './progress-bar.ts'
import type { RegistryReady } from './registry-process.ts'
import { createTopics } from './topic-creation.ts'
import { partitions } from './topics.ts'
import { compare, format } from './verification.ts'

const host = '127.0.0.1'
const defaultBrokerPort = 9092
const flightsInFile = 3_000_000
const statsEveryMs = 500
/** Small young generations: the job's garbage dies at once, and resident memory stays low. */
const nodeFlags = ['--max-old-space-size=256', '--max-semi-space-size=8', '--v8-pool-size=2']
const pipelineFlags = ['--max-old-space-size=384', '--max-semi-space-size=16', '--v8-pool-size=2']

/** Starts everything, runs the job, verifies it. Resolves with the process's exit code. */
export async function runJob(options: Arguments): Promise<number> {
  const startedMs = performance.now()
  const opened: (() => Promise<void>)[] = []
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // A second Ctrl-C does not wait: the children see that this process is gone, and end.
      if (ending.signal.aborted) process.exit(130)
      ending.abort(new Interruption())
    })
  // Under another Node this process is a child of the one that `npm start` began with, and ends with it.
  process.once('disconnect', () => ending.abort(new Interruption()))
  const until = <T>(work: Promise<T>): Promise<T> =>
    new Promise((done, failed) => {
      if (ending.signal.aborted) failed(ending.signal.reason)
      ending.signal.addEventListener('abort', () => failed(ending.signal.reason))
      work.then(done, failed)
    })
  let opening: Promise<Job> | undefined
  try {
    const folder = new DataFolder(resolve(options.dataDirectory))
    folder.open()
    opening = openAll(options, folder, opened, ending, startedMs)
    const job = await until(opening)
    const verified = await until(runAndVerify(options, job, ending.signal, startedMs))
    if (options.once) return verified ? 0 : 1
    console.log(`The page stays at ${job.pageUrl}, the broker and the registry too: Ctrl-C ends.`)
    await until(new Promise(() => {}))
    return 0
  } catch (error) {
    if (error instanceof Interruption) {
      console.log('\nClosing …')
      return 130
    }
    console.error(messageOf(error))
    return 1
  } finally {
    if (!ending.signal.aborted) ending.abort(new Interruption())
    await closeAll(opened)
    // What was being opened when it was interrupted.
    await opening?.catch(() => {})
    await closeAll(opened)
  }
}

async function closeAll(opened: (() => Promise<void>)[]): Promise<void> {
  for (let close = opened.pop(); close; close = opened.pop()) await close().catch(error => console.error(messageOf(error)))
}

class Interruption extends Error {}

/** Where the brokers and the registry are reached. */
interface BrokersReady {
  readonly bootstrapServers: string
  readonly registryUrl: string
  readonly clusterId: string
}

interface Job {
  readonly node: BrokersReady
  readonly pageUrl: string
  readonly tables: LiveTables
  readonly page: PageServer
  readonly stats: Stats
  readonly admin: Admin
}

/** Starts node, registry, page and pipeline; what is opened closes in the reverse order. A child that does not stay up ends everything. */
async function openAll(
  options: Arguments,
  folder: DataFolder,
  opened: (() => Promise<void>)[],
  ending: AbortController,
  startedMs: number,
): Promise<Job> {
  const say = (what: string, where: string) => console.log(`${what.padEnd(16)} ${where}`)
  const restarted = (name: string) => (reason: string) => console.error(`\nThe ${name} ended (${reason}): starting it again`)
  const supervise = <Ready>(child: Child<Ready>): Promise<Ready> => {
    opened.push(() => child.close())
    child.lost.catch(error => ending.abort(error))
    return child.start()
  }
  const brokers = options.brokers ?? folder.brokers ?? 1
  if (folder.brokers !== null && folder.brokers !== brokers)
    throw new Error(
      `${folder.path} was made for ${folder.brokers} ${folder.brokers === 1 ? 'broker' : 'brokers'}, not ${brokers}: leave --brokers out, or choose another with --data DIR`,
    )
  const node = await (brokers === 1 ? openSingle() : openCluster())
  ending.signal.throwIfAborted()
  folder.bind(node.clusterId)

  const admin = new Admin({ bootstrapServers: node.bootstrapServers, clientId: 'flights' })
  opened.push(() => admin.close())
  await createTopics(admin, brokers)
  ending.signal.throwIfAborted()

  const serdes = jobSerdes(node.registryUrl)
  const tables = new LiveTables({ bootstrapServers: node.bootstrapServers, delays: serdes.delays })
  const stats: Stats = {
    status: 'starting',
    verdict: null,
    total: Math.min(options.flights, flightsInFile),
    produced: 0,
    rate: 0,
    lag: 0,
  }
  const page = new PageServer(tables, stats)
  opened.push(() => page.close())
  const pageUrl = await page.start(host, options.port).catch(error => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${options.port} for the page is in use: choose another with --port P (0: any)`)
  })
  ending.signal.throwIfAborted()
  opened.push(() => tables.close())
  tables.start(partitions, error => ending.abort(new Error(`Reading the results failed: ${messageOf(error)}`)))
  say('Flights page', pageUrl)
  say('Data', folder.path)
  console.log(`Up after ${((performance.now() - startedMs) / 1000).toFixed(2)} s`)

  await supervise(
    new Child<PipelineReady>({
      name: 'pipeline',
      module: new URL('./pipeline-process.ts', import.meta.url),
      arguments: () => [node.bootstrapServers, node.registryUrl, folder.state],
      flags: pipelineFlags,
      started: ({ resumedAt, restored }, pid) => say('Pipeline', `process ${pid}, ${resumption(resumedAt, restored)}`),
      restarted: restarted('pipeline'),
    }),
  )
  return { node, pageUrl, tables, page, stats, admin }

  /** One process: the broker, which is started again when it dies, and the registry. */
  async function openSingle(): Promise<BrokersReady> {
    return await supervise(
      new Child<NodeReady>({
        name: 'broker',
        module: new URL('./node-process.ts', import.meta.url),
        // Started again, it listens where it did before.
        arguments: before => [
          folder.node,
          String(before?.brokerPort ?? options.brokerPort ?? defaultBrokerPort),
          String(before?.registryPort ?? options.registryPort),
        ],
        flags: nodeFlags,
        started: ({ bootstrapServers, clusterId, registryUrl }, pid) => {
          say('Broker', `${bootstrapServers} (cluster ${clusterId}, process ${pid})`)
          say('Schema registry', registryUrl)
        },
        restarted: restarted('broker'),
      }),
    )
  }

  /** A process each for the brokers and the registry. */
  async function openCluster(): Promise<BrokersReady> {
    const { startBrokers } = await import('./brokers.ts')
    const { bootstrapServers, clusterId, replicationFactor } = await startBrokers({
      directory: folder.cluster,
      brokers,
      port: options.brokerPort,
      defaultPort: defaultBrokerPort,
      flags: nodeFlags,
      say,
      opened: close => opened.push(close),
      isClosing: () => ending.signal.aborted,
    })
    ending.signal.throwIfAborted()
    const { registryUrl } = await supervise(
      new Child<RegistryReady>({
        name: 'schema registry',
        module: new URL('./registry-process.ts', import.meta.url),
        arguments: before => [bootstrapServers, String(before?.registryPort ?? options.registryPort), String(replicationFactor)],
        flags: nodeFlags,
        started: ({ registryUrl }, pid) => say('Schema registry', `${registryUrl} (process ${pid})`),
        restarted: restarted('schema registry'),
      }),
    )
    return { bootstrapServers, registryUrl, clusterId }
  }
}

function resumption(resumedAt: number, restored: number): string {
  if (resumedAt === 0) return 'begins with the first flight'
  const number = (value: number) => value.toLocaleString('en-US')
  return `continues after ${number(resumedAt)} flights, ${number(restored)} changes read from changelogs`
}

/** Loads the flights while the pipeline works on them, waits until it has finished, and compares. */
async function runAndVerify(options: Arguments, job: Job, signal: AbortSignal, startedMs: number): Promise<boolean> {
  const { node, stats, tables, admin } = job
  const bar = new ProgressBar('Flights', stats.total)
  const timer = setInterval(() => followStats(job), statsEveryMs)
  try {
    stats.status = 'flights are coming in'
    const expected = new Fold()
    await load({
      bootstrapServers: node.bootstrapServers,
      serdes: jobSerdes(node.registryUrl),
      limit: options.flights,
      signal,
      read: columns => expected.add(columns),
      progress: count => {
        stats.produced = count
        bar.update(count, tables.sum.flights > 0 ? `, ${tables.sum.flights.toLocaleString('en-US')} in the tables` : '')
      },
    })
    bar.end()
    stats.status = 'all flights are in, the pipeline is finishing'
    console.log(`All flights are in after ${((performance.now() - startedMs) / 1000).toFixed(1)} s; the pipeline is finishing …`)
    const lag = () =>
      patiently(
        () => consumerLag(admin),
        () => signal.aborted,
      )
    while ((await lag()) > 0) {
      signal.throwIfAborted()
      await new Promise(done => setTimeout(done, 100))
    }
    await tables.caughtUp()
    const comparisons = compare(tables, expected)
    const verified = comparisons.every(({ differenceCount }) => differenceCount === 0)
    console.log(`\nThe derived tables beside a fold over the file:\n${format(comparisons)}\n`)
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    console.log(
      verified
        ? `Verified: every row is right, ${seconds} s after the start.`
        : `NOT verified: rows differ (${seconds} s after the start).`,
    )
    stats.status = verified ? `verified: every row is right (${seconds} s)` : 'rows differ from the file'
    stats.verdict = verified ? 'good' : 'bad'
    return verified
  } finally {
    clearInterval(timer)
    stats.rate = 0
    stats.lag = 0
    job.page.publish()
  }
}

/** Rate and lag for the page. */
function followStats({ stats, tables, admin }: Job): void {
  const nowMs = performance.now()
  const previous = last.get(stats) ?? { atMs: nowMs, flights: tables.sum.flights }
  const seconds = (nowMs - previous.atMs) / 1000
  if (seconds > 0) stats.rate = Math.round((tables.sum.flights - previous.flights) / seconds)
  last.set(stats, { atMs: nowMs, flights: tables.sum.flights })
  consumerLag(admin).then(
    lag => {
      stats.lag = Number.isFinite(lag) ? lag : 0
    },
    // The broker may be on its way back: the page shows the last figure.
    () => {},
  )
}
const last = new Map<Stats, { atMs: number; flights: number }>()
