import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeCluster, type FakeClusterOptions } from '../testing/fake-cluster.ts'
import { settledIn } from '../testing/settled.ts'
import { Producer } from './producer.ts'
import type { ProducerOptions } from './producer-options.ts'

let universe: SimulatedUniverse
let cluster: FakeCluster
/** Virtual times of acknowledgements, and what was acknowledged. */
let acknowledged: { readonly atMs: number; readonly partition: number; readonly value: string; readonly offset: number }[]
let failures: unknown[]

async function start(options: FakeClusterOptions & { seed?: number; brokers?: number; partitions?: number } = {}) {
  universe = new SimulatedUniverse(options.seed ?? 5)
  cluster = new FakeCluster(universe, options.brokers ?? 3, options.partitions ?? 3, options)
  await cluster.start()
}

beforeEach(() => {
  acknowledged = []
  failures = []
})

const open = (options: Partial<ProducerOptions> = {}) =>
  new Producer({
    world: universe.machine('client').boot(),
    bootstrapServers: cluster.bootstrapServers,
    lingerMs: 0,
    batchBytes: 100,
    ...options,
  })
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })

/** Sends a record every other millisecond, the partitions in turn, until `stop`. */
function load(producer: Producer, everyMs = 2) {
  let count = 0
  let isOn = true
  const next = () => {
    if (!isOn) return
    const partition = count % cluster.partitions.length
    const value = String(count++).padStart(8, '0')
    producer.send({ topic: 't', partition, value }).then(
      ({ offset }) => acknowledged.push({ atMs: universe.scheduler.nowMs, partition, value, offset }),
      error => failures.push(error),
    )
    universe.scheduler.after(everyMs, next)
  }
  next()
  return { stop: () => (isOn = false), sent: () => count }
}

/** Nothing lost, nothing twice, order kept, and each where its acknowledgement says. */
function expectExactlyOnceInOrder(sent: number) {
  expect(failures).toEqual([])
  expect(acknowledged).toHaveLength(sent)
  for (let partition = 0; partition < cluster.partitions.length; partition++) {
    const values = cluster.values(partition)
    const expected = Array.from({ length: sent }, (_, i) => i)
      .filter(i => i % cluster.partitions.length === partition)
      .map(i => String(i).padStart(8, '0'))
    expect(values).toEqual(expected)
    for (const { offset, value } of acknowledged.filter(each => each.partition === partition))
      expect(offset < 0 || values[offset] === value).toBe(true)
  }
}

/** The longest time in which nothing of the partition was acknowledged, from `fromMs` on. */
function longestGap(partition: number, fromMs: number): number {
  let last = fromMs
  let longest = 0
  for (const { atMs, partition: of } of acknowledged) {
    if (of !== partition || atMs < fromMs) continue
    longest = Math.max(longest, atMs - last)
    last = atMs
  }
  return Math.max(longest, universe.scheduler.nowMs - last)
}

describe('when a leader dies', () => {
  it.each([true, false])(
    'nothing is lost, doubled or reordered, with five requests in flight (leader hints: %s)',
    async hints => {
      for (let seed = 1; seed <= 3; seed++) {
        acknowledged = []
        await start({ seed, hints })
        const producer = open()
        const flow = load(producer)
        await passed(200 + seed)
        for (let round = 0; round < 4; round++) {
          const victim = 1 + ((round + seed) % 3)
          cluster.kill(victim, 300)
          await passed(700)
          await cluster.restart(victim)
          await passed(250)
          // A preferred leader comes back, as after a restart.
          for (const [index, partition] of cluster.partitions.entries()) if (index % 3 === victim - 1) partition.elect(victim)
          await passed(150 + 7 * seed)
        }
        flow.stop()
        await settledIn(universe, producer.flush())
        expectExactlyOnceInOrder(flow.sent())
        await settledIn(universe, producer.close())
      }
    },
  )

  it('the records of its partitions are acknowledged again a moment after another one is elected', async () => {
    await start()
    const producer = open()
    const flow = load(producer, 10)
    await passed(500)
    const { nowMs } = universe.scheduler
    cluster.kill(1, 9_000)
    await passed(12_000)
    expect(longestGap(0, nowMs)).toBeLessThan(9_200)
    // The others go on as if nothing had happened.
    expect(longestGap(1, nowMs)).toBeLessThan(100)
    flow.stop()
    await settledIn(universe, producer.flush())
    expectExactlyOnceInOrder(flow.sent())
    await settledIn(universe, producer.close())
  })

  it('memory stays bounded while there is no leader, and all goes out when there is one', async () => {
    await start({ partitions: 1 })
    const bufferBytes = 64 * 1024
    const producer = open({ bufferBytes, batchBytes: 4_096 })
    await settledIn(universe, producer.send({ topic: 't', value: 'first' }))
    cluster.kill(1, 20_000)
    let appended = 1
    for (let i = 0; i < 100_000; i++) if (producer.append({ topic: 't', value: 'x'.repeat(100) })) appended++
    expect(appended * 100).toBeLessThan(2 * bufferBytes)
    const more = settledIn(
      universe,
      producer.ready().then(() => producer.append({ topic: 't', value: 'more' })),
    )
    expect((await more).value).toBe(true)
    await settledIn(universe, producer.flush())
    expect(cluster.values(0)).toHaveLength(appended + 1)
    await settledIn(universe, producer.close())
  })
})

describe('when a leader hangs', () => {
  it('its requests are given up as soon as another one leads, and keep their order', async () => {
    await start()
    const producer = open()
    const flow = load(producer, 10)
    await passed(500)
    const { nowMs } = universe.scheduler
    cluster.pause(1, 60_000, 3_000)
    await passed(10_000)
    expect(longestGap(0, nowMs)).toBeLessThan(4_000)
    expect(longestGap(1, nowMs)).toBeLessThan(100)
    flow.stop()
    await settledIn(universe, producer.flush())
    expectExactlyOnceInOrder(flow.sent())
    await passed(60_000)
    await settledIn(universe, producer.close())
  })

  it.each([300, 600, 900])('for %s ms, what it has goes before what the next leader is sent', async forMs => {
    await start({ partitions: 1, replicationMs: 20 })
    const producer = open()
    const flow = load(producer)
    await passed(105)
    cluster.pause(1, forMs, 100)
    await passed(5_000)
    flow.stop()
    await settledIn(universe, producer.flush())
    expectExactlyOnceInOrder(flow.sent())
    await settledIn(universe, producer.close())
  })

  it('one that only takes its time keeps its requests', async () => {
    await start({ replicationMs: 5_000, partitions: 1, brokers: 1 })
    const producer = open()
    const sends = Promise.all(['a', 'b'].map(value => producer.send({ topic: 't', value })))
    expect((await settledIn(universe, sends)).value!.map(({ offset }) => offset)).toEqual([0, 1])
    expect(cluster.brokers[0]!.requests.filter(({ api }) => api.name === 'Produce')).toHaveLength(1)
    await settledIn(universe, producer.close())
  })
})
