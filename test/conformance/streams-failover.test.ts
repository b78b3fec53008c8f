import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Producer } from '@millrace/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ProcessCluster } from './cluster-harness.ts'
import { until } from './process-harness.ts'
import { airportCodes, flightOf, flightsPipeline, fold, partitions, type Totals, topicsOf } from './streams-pipeline.ts'

const timeoutMs = 170_000
const prefix = 'failover'
const topics = topicsOf(prefix)
const flightsPerMs = 2

let cluster: ProcessCluster
let admin: Admin
let directory: string

beforeAll(async () => {
  cluster = await ProcessCluster.make()
  await cluster.startAll('millrace')
  const { bootstrapServers } = cluster
  directory = mkdtempSync(join(tmpdir(), 'millrace-streams-'))
  admin = new Admin({ bootstrapServers })
  await admin.createTopics(
    Object.values(topics).map(topic => ({
      topic,
      partitions,
      replicationFactor: 3,
      configs: topic === topics.airports ? { 'cleanup.policy': 'compact' } : { 'retention.ms': '-1' },
    })),
  )
  const producer = new Producer({ bootstrapServers })
  for (const code of airportCodes)
    producer.append({ topic: topics.airports, key: code, value: JSON.stringify({ state: code[0] }), timestamp: 0 })
  await producer.close()
}, timeoutMs)
afterAll(async () => {
  await admin?.close()
  cluster?.close()
  rmSync(directory, { recursive: true, force: true })
}, timeoutMs)

it(
  'a streams application rides through the death of brokers: every record counts once, and the user sees nothing of it',
  async () => {
    const { bootstrapServers } = cluster
    const app = flightsPipeline(prefix, {
      bootstrapServers,
      stateDirectory: directory,
      commitIntervalMs: 200,
      repartitionPurgeIntervalMs: 500,
    })
    await app.start()
    let failure: unknown
    app.done.catch(error => (failure = error))
    const internal = (await admin.listTopics()).map(({ topic }) => topic).filter(topic => topic.startsWith(`${prefix}-app`))
    for (const { partitions: list } of await admin.describeTopics(internal))
      for (const { replicas } of list) expect(replicas).toHaveLength(3)

    const producer = new Producer({ bootstrapServers, onError: error => (failure ??= error) })
    let sent = 0
    const timer = setInterval(() => {
      for (let i = 0; i < 10 * flightsPerMs; i++) {
        const { timestamp, ...flight } = flightOf(sent)
        if (!producer.append({ topic: topics.flights, key: flight.origin, value: JSON.stringify(flight), timestamp })) return
        sent++
      }
    }, 10)
    const processed = async () => {
      const before = app.metrics().processed
      await until('the application goes on', () => failure !== undefined || app.metrics().processed > before + 500)
      expect(failure).toBeUndefined()
    }
    try {
      await processed()
      for (const victim of [1, 2, 3]) {
        await cluster.kill(victim)
        await processed()
        await cluster.start(victim, 'millrace')
        await cluster.whenInSync()
        await processed()
      }
    } finally {
      clearInterval(timer)
    }
    await producer.close()
    const expected = fold(0, sent)
    const found = (store: string) => new Map([...app.store<string, Totals>(store).all()].map(({ key, value }) => [key, value]))
    const count = (totals: ReadonlyMap<string, Totals>) => [...totals.values()].reduce((sum, { flights }) => sum + flights, 0)
    await until('all flights are counted', () => failure !== undefined || count(found('routes')) >= count(expected.routes))
    await until('all origins are counted', () => failure !== undefined || count(found('origins')) >= count(expected.origins))
    expect(failure).toBeUndefined()
    expect(found('origins')).toEqual(expected.origins)
    expect(found('routes')).toEqual(expected.routes)
    expect(app.metrics()).toMatchObject({ late: 0, dropped: 0 })
    await app.close()
    expect(app.state).toBe('closed')
  },
  timeoutMs,
)
