import { Consumer } from '@millrace/client'
import { messageOf, sleep, type World } from '@millrace/runtime'
import { count, groupBy, Streams, string, to } from '@millrace/streams'
import type { SimulatedMachine } from '../world/world.ts'
import { ledgerTopic, type WorkloadContext } from './context.ts'

export const countsTopic = 'counts'
export const countsPartitions = 2

/** A streams application: counts the ledger's records by key, through a repartition topic, into a topic of its own. Restarted when it fails. */
export class StreamsProcess {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  #app: Streams | undefined
  #closing = false

  constructor(context: WorkloadContext) {
    this.#context = context
    this.machine = context.universe.machine('streams')
  }

  start(): void {
    void this.#live(this.machine.boot())
  }

  kill(): void {
    this.machine.kill()
  }

  async close(): Promise<void> {
    this.#closing = true
    if (this.machine.isRunning) await this.#app?.close()
  }

  async #live(world: World): Promise<void> {
    while (!this.#closing) {
      const app = this.#build(world)
      this.#app = app
      try {
        await app.start()
        await app.done
      } catch (error) {
        this.#context.log(`streams failed: ${messageOf(error)}`)
      }
      await sleep(world.clock, 500)
    }
  }

  #build(world: World): Streams {
    const app = new Streams({
      applicationId: 'counter',
      bootstrapServers: this.#context.bootstrapServers,
      stores: 'memory',
      commitIntervalMs: 300,
      world,
      consumer: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 1000, requestTimeoutMs: 2000 },
      producer: { requestTimeoutMs: 2000 },
    })
    app.stream(ledgerTopic, { key: string(), value: string() }).pipe(
      groupBy(({ key }) => key, { name: 'by-key' }),
      count({ name: 'counts' }),
      to(countsTopic),
    )
    return app
  }
}

/**
 * Waits until the counts are those of the ledger's records as they were read; they must never be above, and what the application repeats after a crash
 * has the same results. Rejects when they are.
 */
export async function verifyCounts(context: WorkloadContext, world: World, expected: ReadonlyMap<string, number>): Promise<void> {
  const consumer = new Consumer({
    world,
    bootstrapServers: context.bootstrapServers,
    clientId: 'counts',
    autoOffsetReset: 'earliest',
  })
  consumer.assign(Array.from({ length: countsPartitions }, (_, partition) => ({ topic: countsTopic, partition })))
  const counts = new Map<string, number>()
  while ([...expected].some(([key, number]) => counts.get(key) !== number)) {
    for (const batch of await consumer.poll(500)) {
      const records = batch.records()
      while (records.next()) {
        const key = Buffer.from(records.key()!).toString()
        const number = Number(Buffer.from(records.value()!).readBigInt64BE())
        counts.set(key, number)
        if (number > (expected.get(key) ?? 0))
          throw new Error(`the application has counted ${number} records of key ${key}, and there are ${expected.get(key) ?? 0}`)
      }
    }
  }
  await consumer.close()
}
