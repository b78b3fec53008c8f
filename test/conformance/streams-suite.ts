import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Consumer, Producer } from '@millrace/client'
import { type AppMetrics, json, Streams, type StreamsOptions, string, timeWindowed, to } from '@millrace/streams'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { airportCodes, flightOf, flightsPipeline, fold, partitions, type Totals, topicsOf } from './streams-pipeline.ts'

export interface Target {
  readonly bootstrapServers: string
  stop(): Promise<void>
}

/** What a streams application must do on any Kafka. */
export function streamsSuite(name: string, startTarget: () => Promise<Target>): void {
  describe(`a streams application on ${name}`, () => {
    let target: Target
    let admin: Admin
    let bootstrapServers: string
    let directory: string
    let runs = 0
    const run = `streams-${process.pid}-${Date.now().toString(36)}`

    beforeAll(async () => {
      target = await startTarget()
      bootstrapServers = target.bootstrapServers
      admin = new Admin({ bootstrapServers })
      directory = mkdtempSync(join(tmpdir(), 'millrace-streams-'))
    })
    afterAll(async () => {
      const mine = (await admin.listTopics()).map(({ topic }) => topic).filter(topic => topic.startsWith(run))
      if (mine.length > 0) await admin.deleteTopics(mine)
      await admin.close()
      await target.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    /** Topics for one test, with the airports in. The flights are of 2001: by time all of it would be deleted. */
    async function prepared(): Promise<string> {
      const prefix = `${run}-${runs++}`
      const topics = topicsOf(prefix)
      await admin.createTopics(
        Object.values(topics).map(topic => ({
          topic,
          partitions,
          configs: topic === topics.airports ? { 'cleanup.policy': 'compact' } : { 'retention.ms': '-1' },
        })),
      )
      const producer = new Producer({ bootstrapServers })
      for (const code of airportCodes)
        producer.append({ topic: topics.airports, key: code, value: JSON.stringify({ state: code[0] }), timestamp: 0 })
      await producer.close()
      return prefix
    }

    async function produce(prefix: string, from: number, count: number): Promise<void> {
      const { flights: topic } = topicsOf(prefix)
      const producer = new Producer({ bootstrapServers })
      for (let i = from; i < from + count; i++) {
        const { timestamp, ...flight } = flightOf(i)
        while (!producer.append({ topic, key: flight.origin, value: JSON.stringify(flight), timestamp })) await producer.ready()
      }
      await producer.close()
    }

    const options = (state: string): Omit<StreamsOptions, 'applicationId'> => ({
      bootstrapServers,
      stateDirectory: join(directory, state),
      commitIntervalMs: 100,
      consumer: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 },
    })

    /** The last value of each key of the output topics. */
    async function results(prefix: string): Promise<Record<string, Map<string, Totals>>> {
      const topics = topicsOf(prefix)
      const wanted = { [topics.hours]: 'hours', [topics.origins]: 'origins', [topics.routes]: 'routes' }
      const found: Record<string, Map<string, Totals>> = { hours: new Map(), origins: new Map(), routes: new Map() }
      const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest', enableAutoCommit: false })
      const all = Object.keys(wanted).flatMap(topic =>
        Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
      )
      consumer.assign(all)
      const ends = await consumer.endOffsets(all)
      const windowed = timeWindowed(string(), 3_600_000)
      while (all.some((partition, i) => (consumer.position(partition) ?? 0) < ends[i]!))
        for (const batch of await consumer.poll(1_000)) {
          const cursor = batch.records()
          while (cursor.next()) {
            const bytes = cursor.key()!
            const window =
              batch.topic === topics.hours
                ? (windowed.deserialize('', bytes) as { key: string; window: { start: number } })
                : null
            const key = window ? `${window.key}@${window.window.start}` : Buffer.from(bytes).toString()
            found[wanted[batch.topic]!]!.set(key, JSON.parse(Buffer.from(cursor.value()!).toString()))
          }
        }
      await consumer.close()
      return found
    }

    /** Waits until the outputs are what the flights come to. Shows the difference when time is up. */
    async function expectResults(prefix: string, flights: number, timeoutMs = 60_000): Promise<void> {
      const expected = fold(0, flights)
      const deadline = Date.now() + timeoutMs
      for (;;) {
        const found = await results(prefix)
        const total = [...found['routes']!.values()].reduce((sum, each) => sum + each.flights, 0)
        const wanted = [...expected.routes.values()].reduce((sum, each) => sum + each.flights, 0)
        const isDone = Object.entries(expected).every(([table, totals]) =>
          [...totals].every(([key, value]) => found[table]!.get(key)?.flights === value.flights),
        )
        if (isDone || total > wanted || Date.now() > deadline) {
          expect(differences(found, expected)).toEqual([])
          return
        }
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }

    it('comes to what a fold over its input comes to, through topics as Kafka Streams makes them', async () => {
      const prefix = await prepared()
      await produce(prefix, 0, 20_000)
      const app = flightsPipeline(prefix, { ...options('whole'), repartitionPurgeIntervalMs: 100 })
      await app.start()
      expect(app.state).toBe('running')
      await expectResults(prefix, 20_000)
      expect(app.metrics()).toMatchObject({ late: 0, repeated: 0, tasks: 12 })
      const origins = [...app.store<string, Totals>('origins').all()]
      expect(new Map(origins.map(({ key, value }) => [key, value]))).toEqual(fold(0, 20_000).origins)
      expect(app.store('origins').get('ORD')).toEqual(fold(0, 20_000).origins.get('ORD'))
      expect(app.lag().every(({ position, endOffset }) => position === endOffset)).toBe(true)

      const application = `${prefix}-app`
      const repartitioned = Array.from({ length: partitions }, (_, partition) => ({
        topic: `${application}-by-route-repartition`,
        partition,
      }))
      const bounds = async () => {
        const [begins, ends] = await Promise.all(
          [-2, -1].map(timestamp => admin.listOffsets(repartitioned.map(partition => ({ ...partition, timestamp })))),
        )
        return begins!.map(({ offset }, i) => ends![i]!.offset - offset)
      }
      await until(async () => (await bounds()).every(left => left === 0))
      const described = await admin.describeConfigs(
        ['by-route-repartition', 'routes-changelog', 'hours-changelog'].map(topic => ({
          type: 'topic' as const,
          name: `${application}-${topic}`,
        })),
      )
      const [repartition, routes, hours] = described.map(
        ({ entries }) => new Map(entries.map(entry => [entry.name, entry.value])),
      )
      expect(repartition!.get('cleanup.policy')).toBe('delete')
      expect(repartition!.get('retention.ms')).toBe('-1')
      expect(routes!.get('cleanup.policy')).toBe('compact')
      expect(hours!.get('cleanup.policy')).toBe('compact,delete')
      await app.close()
      expect(app.state).toBe('closed')
      await app.done
    })

    it('spreads its tasks over a second instance and takes them back, and loses nothing', async () => {
      const prefix = await prepared()
      await produce(prefix, 0, 5_000)
      const first = flightsPipeline(prefix, options('first'))
      await first.start()
      await expectResults(prefix, 5_000)
      const second = flightsPipeline(prefix, options('second'))
      await second.start()
      await until(() => first.metrics().tasks === 6 && second.metrics().tasks === 6)
      expect(second.metrics().restored).toBeGreaterThan(0)
      await produce(prefix, 5_000, 5_000)
      await expectResults(prefix, 10_000)
      expect(second.metrics().processed).toBeGreaterThan(0)
      await first.close()
      await until(() => second.metrics().tasks === 12 && second.state === 'running')
      await produce(prefix, 10_000, 2_000)
      await expectResults(prefix, 12_000)
      await second.close()
    })

    it.each(['with its state', 'without its state'])(
      'killed with -9 in the middle and started again %s ends with the same tables',
      async kind => {
        const prefix = await prepared()
        await produce(prefix, 0, 30_000)
        const state = join(directory, `killed-${runs}`)
        const flights = 30_000
        // A static member takes its own place at once; another one waits until the group has missed it.
        const instance = kind === 'with its state' ? ['worker'] : []
        let processed = 0
        for (const stopAfter of [10_000, 35_000]) {
          const worker = startWorker(prefix, bootstrapServers, state, instance)
          await worker.until(metrics => metrics.processed >= stopAfter - processed)
          processed = stopAfter
          await worker.kill()
          if (kind === 'without its state') rmSync(state, { recursive: true, force: true })
        }
        const last = startWorker(prefix, bootstrapServers, state, instance)
        const start = await last.until(metrics => metrics.tasks > 0)
        await expectResults(prefix, flights)
        // From local state at most what one commit interval had changed; without it every changelog.
        if (kind === 'with its state') expect(start.restored).toBeLessThan(1_000)
        else expect(start.restored).toBeGreaterThan(0)
        expect(await last.stop()).toBe(0)
      },
    )

    it('refuses to start when something is missing or does not fit, and says what', async () => {
      const prefix = await prepared()
      const missing = new Streams({ applicationId: `${prefix}-missing`, ...options('missing') })
      missing.stream(`${prefix}-nowhere`).pipe(to(`${prefix}-nothing`))
      await expect(missing.start()).rejects.toThrow(`Missing topics: ${prefix}-nothing, ${prefix}-nowhere`)
      expect(missing.state).toBe('failed')

      await admin.createPartitions([{ topic: topicsOf(prefix).flights, count: partitions + 1 }])
      const unequal = flightsPipeline(prefix, options('unequal'))
      await expect(unequal.start()).rejects.toThrow(/must have equally many partitions: .*-flights has 5, .*-airports has 4/)
    })

    it('fails with the record’s place when a function of the user throws, and goes on from there when it is mended', async () => {
      const prefix = await prepared()
      const topics = topicsOf(prefix)
      const value = json<{ ok: boolean }>()
      const build = (isMended: boolean) => {
        const app = new Streams({ applicationId: `${prefix}-throwing`, ...options(`throwing-${isMended}`) })
        app.stream(topics.flights, { value }).pipe(
          source => source,
          to(topics.origins, {
            value: {
              ...value,
              serialize: (topic, record) => {
                if (!record.ok && !isMended) throw new Error('not ok')
                return value.serialize(topic, record)
              },
            },
          }),
        )
        return app
      }
      const producer = new Producer({ bootstrapServers })
      for (const ok of [true, true, false, true])
        await producer.send({ topic: topics.flights, partition: 0, key: 'k', value: JSON.stringify({ ok }) })
      await producer.close()
      const broken = build(false)
      await broken.start()
      await expect(broken.done).rejects.toThrow(/production failed in KSTREAM-SINK-\d+ for .*-flights-0 at offset 2: not ok/)
      expect(broken.state).toBe('failed')
      await expect(broken.close()).rejects.toThrow('not ok')
      const mended = build(true)
      await mended.start()
      const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest', enableAutoCommit: false })
      consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: topics.origins, partition })))
      let bad = 0
      while (bad === 0)
        for (const batch of await consumer.poll(1_000)) {
          const cursor = batch.records()
          while (cursor.next()) if (Buffer.from(cursor.value()!).toString() === '{"ok":false}') bad++
        }
      expect(bad).toBe(1)
      await consumer.close()
      await mended.close()
    })
  })
}

/** Where two sets of tables are not the same, in short. */
function differences(found: Record<string, Map<string, Totals>>, expected: Record<string, Map<string, Totals>>): string[] {
  return Object.entries(expected).flatMap(([table, totals]) =>
    [...new Set([...totals.keys(), ...found[table]!.keys()])]
      .map(key => ({ key, is: JSON.stringify(found[table]!.get(key)), should: JSON.stringify(totals.get(key)) }))
      .filter(({ is, should }) => is !== should)
      .map(({ key, is, should }) => `${table} ${key}: ${is}, not ${should}`),
  )
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`still not so after ${timeoutMs} ms: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function startWorker(prefix: string, bootstrapServers: string, stateDirectory: string, instance: readonly string[]) {
  const path = join(import.meta.dirname, 'streams-worker.ts')
  const child = spawn(process.execPath, [path, prefix, bootstrapServers, stateDirectory, ...instance], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told: AppMetrics[] = []
  let complaints = ''
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) told.push(JSON.parse(line))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  return {
    async until(condition: (metrics: AppMetrics) => boolean): Promise<AppMetrics> {
      await until(() => child.exitCode !== null || told.some(condition))
      const found = told.find(condition)
      if (!found) throw new Error(`the worker ended: ${complaints}`)
      return found
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await ended
    },
    async stop(): Promise<number | null> {
      child.kill('SIGTERM')
      return ended
    },
  }
}
