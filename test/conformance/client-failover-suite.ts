import { Admin, Consumer, Producer } from '@millrace/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Maker, ProcessCluster } from './cluster-harness.ts'
import { until } from './process-harness.ts'

const topic = 'failover'
const partitionCount = 3
const sendEveryMs = 2
const timeoutMs = 170_000

interface Read {
  readonly partition: number
  readonly offset: number
  readonly value: string
}

/** Our client on three nodes that die and come back: five requests in flight, a group of two, and what all of them saw. */
export function clientFailoverSuite(maker: Maker): void {
  let cluster: ProcessCluster
  let admin: Admin
  beforeAll(async () => {
    cluster = await ProcessCluster.make()
    await cluster.startAll(maker)
    admin = new Admin({ bootstrapServers: cluster.bootstrapServers })
    await admin.createTopics([{ topic, partitions: partitionCount, replicationFactor: 3 }])
  }, timeoutMs)
  afterAll(async () => {
    await admin?.close()
    cluster?.close()
  }, timeoutMs)

  const leaderOf = async (partition: number) => (await admin.describeTopics([topic]))[0]!.partitions[partition]!.leader

  it(
    'leaders are killed, one is stopped in order: nothing is lost, doubled or reordered, and the group goes on',
    async () => {
      const { bootstrapServers } = cluster
      const producer = new Producer({ bootstrapServers, lingerMs: 1, batchBytes: 200, maxInFlight: 5 })
      const acknowledged: {
        readonly partition: number
        readonly offset: number
        readonly value: string
        readonly atMs: number
      }[] = []
      const failures: unknown[] = []
      let sent = 0
      const timer = setInterval(() => {
        const partition = sent % partitionCount
        const value = String(sent++)
        producer.send({ topic, partition, value }).then(
          ({ offset }) => acknowledged.push({ partition, offset, value, atMs: performance.now() }),
          error => failures.push(error),
        )
      }, sendEveryMs)

      const reads: Read[] = []
      const consumers = [0, 1].map(
        () => new Consumer({ bootstrapServers, groupId: 'failover', autoOffsetReset: 'earliest', autoCommitIntervalMs: 100 }),
      )
      const reading = consumers.map(async consumer => {
        consumer.subscribe([topic])
        for await (const batch of consumer.batches()) reads.push(...readsOf(batch))
      })
      for (const each of reading) each.catch(error => failures.push(error))
      const flows = async (what: string) => {
        const fromMs = performance.now()
        await until(what, () => {
          const since = acknowledged.filter(({ atMs }) => atMs > fromMs)
          return new Set(since.map(({ partition }) => partition)).size === partitionCount
        })
      }

      try {
        await flows('the first records')
        for (const how of ['kill', 'kill', 'stop'] as const) {
          const victim = await leaderOf(0)
          const diedAtMs = performance.now()
          if (how === 'kill') await cluster.kill(victim)
          else await cluster.stop(victim)
          await flows(`records of all partitions after the ${how}`)
          console.log(`${how} of the leader: ${Math.round(longestGap(acknowledged, diedAtMs))} ms without an acknowledgement`)
          await cluster.start(victim, maker)
          await cluster.whenInSync()
          await flows('records after the return')
        }
      } finally {
        clearInterval(timer)
      }
      await producer.close()
      const all = new Set(Array.from({ length: sent }, (_, i) => String(i)))
      await until(
        'the group has read it all',
        () => failures.length > 0 || new Set(reads.map(({ value }) => value)).size === sent,
      )
      await Promise.all(consumers.map(consumer => consumer.close()))
      await Promise.all(reading)
      expect(failures).toEqual([])
      expect(acknowledged).toHaveLength(sent)

      const stored = await readWhole(bootstrapServers)
      expect(stored).toHaveLength(sent)
      expect(new Set(stored.map(({ value }) => value))).toEqual(all)
      const at = new Map(stored.map(({ partition, offset, value }) => [`${partition}@${offset}`, value]))
      for (let partition = 0; partition < partitionCount; partition++) {
        const numbers = stored.filter(read => read.partition === partition).map(({ value }) => Number(value))
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      }
      // Where each was acknowledged it is, and whoever read it read the same.
      for (const { partition, offset, value } of acknowledged)
        if (offset >= 0) expect(at.get(`${partition}@${offset}`)).toBe(value)
      for (const { partition, offset, value } of reads) expect(at.get(`${partition}@${offset}`)).toBe(value)
    },
    timeoutMs,
  )
}

function readsOf(batch: { partition: number; records(): any }): Read[] {
  const reads: Read[] = []
  const cursor = batch.records()
  while (cursor.next())
    reads.push({ partition: batch.partition, offset: cursor.offset, value: Buffer.from(cursor.value()!).toString() })
  return reads
}

async function readWhole(bootstrapServers: string): Promise<Read[]> {
  const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest' })
  const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }))
  consumer.assign(partitions)
  const ends = await consumer.endOffsets(partitions)
  const reads: Read[] = []
  while (partitions.some((partition, place) => (consumer.position(partition) ?? 0) < ends[place]!))
    for (const batch of await consumer.poll(500)) reads.push(...readsOf(batch))
  await consumer.close()
  return reads
}

/** The longest time without an acknowledgement in any partition, from `fromMs` on. */
function longestGap(acknowledged: readonly { readonly partition: number; readonly atMs: number }[], fromMs: number): number {
  const last = new Map<number, number>()
  let longest = 0
  for (const { partition, atMs } of acknowledged) {
    if (atMs < fromMs) continue
    longest = Math.max(longest, atMs - (last.get(partition) ?? fromMs))
    last.set(partition, atMs)
  }
  return longest
}
