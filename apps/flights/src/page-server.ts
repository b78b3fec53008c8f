import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { readAirports } from './airports-file.ts'
import { dataSets } from './flights-file.ts'
import type { LiveTables } from './live-tables.ts'

/** What the page shows beside the tables. */
export interface Stats {
  status: string
  verdict: 'good' | 'bad' | null
  total: number
  produced: number
  rate: number
  lag: number
}

const updateEveryMs = 500
const shownRoutes = 14
const page = join(dirname(fileURLToPath(import.meta.url)), 'page')
const require = createRequire(import.meta.url)

/** Every file the page needs, from this package, its libraries and the data set: nothing comes from the network. */
const files: Record<string, { path: string; type: string }> = {
  '/': { path: join(page, 'index.html'), type: 'text/html; charset=utf-8' },
  '/page.js': { path: join(page, 'page.js'), type: 'text/javascript; charset=utf-8' },
  '/page.css': { path: join(page, 'page.css'), type: 'text/css; charset=utf-8' },
  '/us-10m.json': { path: join(dataSets, 'us-10m.json'), type: 'application/json' },
  '/vendor/d3-array.min.js': { path: besideMain('d3-array', '../dist/d3-array.min.js'), type: 'text/javascript' },
  '/vendor/d3-geo.min.js': { path: besideMain('d3-geo', '../dist/d3-geo.min.js'), type: 'text/javascript' },
  '/vendor/topojson-client.min.js': {
    path: join(dirname(require.resolve('topojson-client')), 'topojson-client.min.js'),
    type: 'text/javascript',
  },
  '/vendor/uPlot.iife.min.js': { path: join(dirname(require.resolve('uplot')), 'uPlot.iife.min.js'), type: 'text/javascript' },
  '/vendor/uPlot.min.css': { path: join(dirname(require.resolve('uplot')), 'uPlot.min.css'), type: 'text/css' },
}

function besideMain(name: string, relative: string): string {
  return join(dirname(fileURLToPath(import.meta.resolve(name))), relative)
}

/** The live page: static files, the airports, and a stream of server-sent events with what has changed. */
export class PageServer {
  readonly #server: FastifyInstance = fastify({ forceCloseConnections: true })
  readonly #tables: LiveTables
  readonly #stats: Stats
  readonly #listeners = new Set<FastifyReply>()
  #timer: NodeJS.Timeout | undefined

  constructor(tables: LiveTables, stats: Stats) {
    this.#tables = tables
    this.#stats = stats
    for (const [url, { path, type }] of Object.entries(files)) {
      this.#server.get(url, (_, reply) => reply.type(type).header('cache-control', 'no-cache').send(createReadStream(path)))
    }
    this.#server.get('/airports', () => readAirports())
    this.#server.get('/events', (_, reply) => this.#listen(reply))
  }

  /** Resolves with the page's address. Rejects with EADDRINUSE when the port is taken. */
  async start(host: string, port: number): Promise<string> {
    const address = await this.#server.listen({ host, port })
    this.#timer = setInterval(() => this.publish(), updateEveryMs)
    return address
  }

  /** Sends what has changed to every open page. */
  publish(): void {
    const changes = this.#tables.takeChanges()
    if (this.#listeners.size === 0) return
    this.#send(this.#listeners, changes)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    for (const reply of this.#listeners) reply.raw.end()
    await this.#server.close()
  }

  #listen(reply: FastifyReply): void {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'keep-alive' })
    this.#send([reply], this.#tables.all())
    this.#listeners.add(reply)
    reply.raw.on('close', () => this.#listeners.delete(reply))
  }

  #send(replies: Iterable<FastifyReply>, changes: ReturnType<LiveTables['takeChanges']>): void {
    const { eventTimeMs, sum } = this.#tables
    const stats = { ...this.#stats, eventTimeMs, processed: sum.flights, delay: sum.delay }
    const message = `data: ${JSON.stringify({ stats, ...changes, routes: this.#tables.busiestRoutes(shownRoutes) })}\n\n`
    for (const { raw } of replies) {
      // A page that does not read is let go rather than buffered for; its browser connects again and gets everything.
      if (raw.writableLength > 4 * 1024 * 1024) raw.destroy()
      else raw.write(message)
    }
  }
}
