import { accessSync, constants, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Admin } from '@millrace/client'
import type { Arguments } from './arguments.ts'
import { Child } from './child-process.ts'
import { fold } from './fold.ts'
import { jobSerdes } from './job-serdes.ts'
import { consumerLag } from './lag.ts'
import { LiveTables } from './live-tables.ts'
import { load } from './loader.ts'
import type { NodeReady } from './node-process.ts'
import { PageServer, type Stats } from './page-server.ts'
import { ProgressBar } from './progress-bar.ts'
import { createTopics } from './topic-creation.ts'
import { partitions } from './topics.ts'
import { compare, format } from './verification.ts'

const host = '127.0.0.1'
const flightsInFile = 3_000_000
const statsEveryMs = 500
const nodeHeapMiB = 256
const pipelineHeapMiB = 384

/** Starts everything, runs the job, verifies it. Resolves with the process's exit code. */
export async function runJob(options: Arguments): Promise<number> {
  const startedMs = performance.now()
  const dataDirectory = resolve(options.dataDirectory)
  const opened: (() => Promise<void>)[] = []
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort(new Interruption()))
  const until = <T>(work: Promise<T>): Promise<T> =>
    new Promise((done, failed) => {
      interrupted.signal.addEventListener('abort', () => failed(interrupted.signal.reason))
      work.then(done, failed)
    })
  try {
    checkWritable(dataDirectory)
    const job = await openAll(options, dataDirectory, opened, startedMs)
    const verified = await until(runAndVerify(options, job, interrupted.signal, startedMs))
    if (options.once) return verified ? 0 : 1
    console.log(`The page stays at ${job.pageUrl}, the broker and the registry too: Ctrl-C ends.`)
    await until(new Promise(() => {}))
    return 0
  } catch (error) {
    if (error instanceof Interruption) return 130
    console.error(explain(error as NodeJS.ErrnoException, options))
    return 1
  } finally {
    // A second Ctrl-C does not wait.
    process.once('SIGINT', () => process.exit(130))
    if (interrupted.signal.aborted) console.log('\nClosing …')
    for (const close of opened.reverse()) await close()
  }
}

class Interruption extends Error {}

interface Job {
  readonly node: NodeReady
  readonly pageUrl: string
  readonly tables: LiveTables
  readonly page: PageServer
  readonly stats: Stats
  readonly admin: Admin
}

/** Starts node, registry, pipeline and page in this order; what is opened closes in the reverse one. */
async function openAll(
  options: Arguments,
  dataDirectory: string,
  opened: (() => Promise<void>)[],
  startedMs: number,
): Promise<Job> {
  const say = (what: string, where: string) => console.log(`${what.padEnd(16)} ${where}`)
  const restarted = (name: string) => (reason: string) => console.error(`\nThe ${name} ended (${reason}): starting it again`)
  const nodeChild = new Child<NodeReady>({
    name: 'broker',
    module: './node-process.ts',
    // Started again, it listens where it did before.
    arguments: before => [
      join(dataDirectory, 'node'),
      String(before?.brokerPort ?? options.brokerPort),
      String(before?.registryPort ?? options.registryPort),
    ],
    heapMiB: nodeHeapMiB,
    restarted: restarted('broker'),
  })
  opened.push(() => nodeChild.close())
  const node = await nodeChild.start()
  say('Broker', `${node.bootstrapServers} (cluster ${node.clusterId}, process ${nodeChild.pid})`)
  say('Schema registry', node.registryUrl)

  const admin = new Admin({ bootstrapServers: node.bootstrapServers, clientId: 'flights' })
  opened.push(() => admin.close())
  await createTopics(admin)

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
  const pageUrl = await page.start(host, options.port)
  opened.push(() => tables.close())
  tables.start(partitions, error => console.error(`Reading the results failed: ${(error as Error).message}`))
  say('Flights page', pageUrl)
  say('Data', dataDirectory)

  const pipeline = new Child<null>({
    name: 'pipeline',
    module: './pipeline-process.ts',
    arguments: () => [node.bootstrapServers, node.registryUrl, join(dataDirectory, 'state')],
    heapMiB: pipelineHeapMiB,
    restarted: restarted('pipeline'),
  })
  opened.push(() => pipeline.close())
  console.log(`Up after ${((performance.now() - startedMs) / 1000).toFixed(2)} s`)
  await pipeline.start()
  say('Pipeline', `process ${pipeline.pid}`)
  return { node, pageUrl, tables, page, stats, admin }
}

/** Loads the flights while the pipeline works on them, waits until it has finished, and compares. */
async function runAndVerify(options: Arguments, job: Job, signal: AbortSignal, startedMs: number): Promise<boolean> {
  const { node, stats, tables, admin } = job
  const bar = new ProgressBar('Flights', stats.total)
  const timer = setInterval(() => followStats(job), statsEveryMs)
  try {
    stats.status = 'flights are coming in'
    await load({
      bootstrapServers: node.bootstrapServers,
      serdes: jobSerdes(node.registryUrl),
      limit: options.flights,
      signal,
      progress: count => {
        stats.produced = count
        bar.update(count, tables.sum.flights > 0 ? `, ${tables.sum.flights.toLocaleString('en-US')} in the tables` : '')
      },
    })
    bar.end()
    stats.status = 'all flights are in, the pipeline is finishing'
    console.log(`All flights are in after ${((performance.now() - startedMs) / 1000).toFixed(1)} s; the pipeline is finishing …`)
    const expected = await fold(options.flights)
    while ((await consumerLag(admin)) > 0) {
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

function checkWritable(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.W_OK)
  } catch (error) {
    throw new Error(
      `The data folder ${directory} can't be written (${(error as NodeJS.ErrnoException).code}): choose another with --data DIR`,
    )
  }
}

/** One clear line that says what to do. */
function explain(error: NodeJS.ErrnoException, { port }: Arguments): string {
  if (error.code === 'EADDRINUSE' && error.message.includes(String(port)))
    return `Port ${port} for the page is in use: choose another with --port P (0: any)`
  return error.message
}
