import { ErrorCode, Metadata as MetadataApi } from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { Cluster } from '../cluster.ts'
import { clientKeys, resolveOptions } from '../config.ts'
import { FakeBroker } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'

let universe: SimulatedUniverse
let one: FakeBroker
let two: FakeBroker

beforeEach(async () => {
  universe = new SimulatedUniverse(5)
  one = new FakeBroker('one', 1)
  two = new FakeBroker('two', 2)
  one.peers.push(two)
  two.peers.push(one)
  for (const broker of [one, two]) {
    broker.topics.set('t', 2)
    await broker.listen(universe.machine(broker.host).boot())
  }
})

const open = (bootstrapServers: string | string[] = one.bootstrapServers, options = {}) =>
  new Cluster({
    ...resolveOptions(clientKeys, options, []),
    world: universe.machine('client').boot(),
    bootstrapServers,
    maxInFlightRequests: 100,
  })

const settled = <T>(promise: Promise<T>) => settledIn(universe, promise)
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })

describe('metadata', () => {
  it('is asked for once by many at a time, and again for a topic that came meanwhile', async () => {
    const cluster = open()
    await settled(Promise.all([cluster.metadata.refresh(), cluster.metadata.refresh(), cluster.metadata.refresh()]))
    expect(one.of(MetadataApi)).toHaveLength(1)
    const both = Promise.all([cluster.topics(['t']), cluster.topics(['t'])])
    expect((await settled(both)).value!.flat().map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ['t', 2],
      ['t', 2],
    ])
    expect(one.of(MetadataApi).length + two.of(MetadataApi).length).toBeLessThanOrEqual(3)
  })

  it('comes from another known broker when one is gone, and from the bootstrap list when all are (KIP-899)', async () => {
    const cluster = open([one.bootstrapServers])
    await settled(cluster.topics(['t']))
    universe.machine('one').kill()
    expect((await settled(cluster.metadata.refresh())).error).toBeUndefined()
    expect(two.of(MetadataApi).length).toBeGreaterThan(0)
    universe.machine('two').kill()
    expect((await settled(cluster.metadata.refresh())).error).toMatchObject({ retriable: true })
    // The cluster comes back with other brokers behind the bootstrap address.
    const replaced = new FakeBroker('one', 7)
    replaced.topics.set('t', 3)
    await replaced.listen(universe.machine('one').boot())
    expect((await settled(cluster.metadata.refresh())).error).toBeUndefined()
    expect([...cluster.metadata.brokers.keys()]).toEqual([7])
    expect(cluster.metadata.topic('t')!.partitions).toHaveLength(3)
  })

  it('with recovery strategy none, the bootstrap list is asked only once', async () => {
    const cluster = open([one.bootstrapServers], { metadataRecoveryStrategy: 'none' })
    one.on(MetadataApi, () => ({ brokers: [{ nodeId: 2, host: 'two', port: 9092 }], topics: [] }))
    await settled(cluster.metadata.refresh())
    universe.machine('two').kill()
    const before = one.of(MetadataApi).length
    expect((await settled(cluster.metadata.refresh())).error).toMatchObject({ retriable: true })
    expect(one.of(MetadataApi)).toHaveLength(before)
  })

  it('starts again from the bootstrap list when the broker asks for it (REBOOTSTRAP_REQUIRED, KIP-1102)', async () => {
    const cluster = open([one.bootstrapServers])
    await settled(cluster.metadata.refresh())
    // Both known brokers belong to another cluster by now; the address of the bootstrap list leads to the right one.
    const refusing = () => ({ errorCode: ErrorCode.REBOOTSTRAP_REQUIRED, topics: [], brokers: [] })
    two.on(MetadataApi, refusing)
    let isFirst = true
    one.on(MetadataApi, () => {
      if (!isFirst) return { brokers: [{ nodeId: 7, host: 'one', port: 9092 }], topics: [] }
      isFirst = false
      return refusing()
    })
    expect((await settled(cluster.metadata.refresh())).error).toBeUndefined()
    expect([...cluster.metadata.brokers.keys()]).toEqual([7])
  })

  it('forgets brokers that have not answered for metadataRebootstrapTriggerMs, whatever they do instead', async () => {
    const cluster = open([one.bootstrapServers], { metadataRebootstrapTriggerMs: 20_000, requestTimeoutMs: 2_000 })
    one.on(MetadataApi, () => ({ brokers: [{ nodeId: 2, host: 'two', port: 9092 }], topics: [] }))
    await settled(cluster.metadata.refresh())
    for (const broker of [one, two]) broker.on(MetadataApi, () => 'cut')
    cluster.requestMetadata()
    await passed(15_000)
    expect(cluster.metadata.brokers.size).toBe(1)
    await passed(10_000)
    expect(cluster.metadata.brokers.size).toBe(0)
    cluster.close()
  })

  it('comes within a moment although the broker that is asked first hangs', async () => {
    const cluster = open([one.bootstrapServers, two.bootstrapServers])
    await settled(cluster.topics(['t']))
    const asked = () => [one, two].map(broker => broker.of(MetadataApi).length)
    for (const broker of [one, two]) broker.on(MetadataApi, () => 'silent')
    const before = asked()
    const startedMs = universe.scheduler.nowMs
    const refreshed = settled(cluster.metadata.refresh())
    await passed(10)
    const other = asked()[0]! > before[0]! ? two : one
    other.on(MetadataApi, () => ({ brokers: [{ nodeId: 1, host: 'one', port: 9092 }], topics: [] }))
    expect((await refreshed).error).toBeUndefined()
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(1_500)
  })

  it('does not go back to an earlier leader epoch of the same topic', async () => {
    one.leaders.set('t-0', { nodeId: 2, leaderEpoch: 5 })
    const cluster = open()
    await settled(cluster.topics(['t']))
    expect(cluster.metadata.leaderOf('t', 0)!.nodeId).toBe(2)
    for (const broker of [one, two]) broker.leaders.set('t-0', { nodeId: 1, leaderEpoch: 4 })
    await settled(cluster.metadata.refresh())
    expect(cluster.metadata.leaderOf('t', 0)!.nodeId).toBe(2)
    for (const broker of [one, two]) broker.leaders.set('t-0', { nodeId: 1, leaderEpoch: 6 })
    await settled(cluster.metadata.refresh())
    expect(cluster.metadata.leaderOf('t', 0)!.nodeId).toBe(1)
  })

  it('forgets a topic that is gone, and says so to those who wait', async () => {
    const cluster = open()
    await settled(cluster.topics(['t']))
    for (const broker of [one, two]) broker.topics.delete('t')
    await settled(cluster.metadata.refresh())
    expect(cluster.metadata.topic('t')).toBeUndefined()
    expect((await settled(cluster.topics(['t'], 2_000))).error.message).toMatch(/UNKNOWN_TOPIC_OR_PARTITION/)
  })

  it('keeps a topic of which an answer holds only some partitions as it was', async () => {
    const cluster = open()
    await settled(cluster.topics(['t']))
    for (const broker of [one, two])
      broker.on(MetadataApi, () => ({
        brokers: [{ nodeId: 1, host: 'one', port: 9092 }],
        topics: [{ name: 't', partitions: [{ partitionIndex: 1, leaderId: 1 }] }],
      }))
    await settled(cluster.metadata.refresh())
    expect(cluster.metadata.topic('t')!.partitions).toHaveLength(2)
  })

  it('is refreshed in the background by age, and with back-off when brokers fail', async () => {
    const cluster = open(one.bootstrapServers, { metadataMaxAgeMs: 10_000 })
    cluster.requestMetadata()
    await passed(35_000)
    const asked = one.of(MetadataApi).length + two.of(MetadataApi).length
    expect(asked).toBeGreaterThanOrEqual(3)
    expect(asked).toBeLessThanOrEqual(5)
    for (const broker of [one, two]) broker.on(MetadataApi, () => 'cut')
    const before = one.of(MetadataApi).length + two.of(MetadataApi).length
    await passed(20_000)
    expect(one.of(MetadataApi).length + two.of(MetadataApi).length - before).toBeLessThan(50)
    cluster.close()
    const atClose = one.of(MetadataApi).length + two.of(MetadataApi).length
    await passed(60_000)
    expect(one.of(MetadataApi).length + two.of(MetadataApi).length).toBe(atClose)
  })

  it('is found although a bootstrap broker hangs', async () => {
    one.on(MetadataApi, () => 'silent')
    const cluster = open([one.bootstrapServers, two.bootstrapServers], { requestTimeoutMs: 1_000 })
    expect((await settled(cluster.metadata.refresh())).error).toBeUndefined()
  })

  it('a hint of an earlier epoch or of an unknown broker is not taken (KIP-951)', async () => {
    one.leaders.set('t-0', { nodeId: 1, leaderEpoch: 5 })
    const cluster = open()
    await settled(cluster.topics(['t']))
    expect(cluster.metadata.applyLeaderHint('t', 0, 2, 5, undefined)).toBe(false)
    expect(cluster.metadata.applyLeaderHint('t', 0, 9, 6, undefined)).toBe(false)
    expect(cluster.metadata.applyLeaderHint('t', 9, 2, 6, undefined)).toBe(false)
    expect(cluster.metadata.applyLeaderHint('t', 0, 2, 6, undefined)).toBe(true)
    expect(cluster.metadata.leaderOf('t', 0)!.nodeId).toBe(2)
  })
})

describe('retrying', () => {
  it('ends with the last failure when the time is over', async () => {
    const cluster = open()
    let tries = 0
    const outcome = await settled(
      cluster.retry(
        'The call',
        async () => {
          tries++
          const { errorOf } = await import('@millrace/protocol')
          throw errorOf(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        },
        5_000,
      ),
    )
    expect(outcome.error.message).toMatch(/The call did not succeed within 5000 ms.*COORDINATOR_LOAD_IN_PROGRESS/)
    expect(tries).toBeGreaterThan(5)
    expect(tries).toBeLessThan(20)
  })

  it('does not repeat what is final', async () => {
    let tries = 0
    const outcome = await settled(
      open().retry('The call', async () => {
        tries++
        throw new Error('no')
      }),
    )
    expect([tries, outcome.error.message]).toEqual([1, 'no'])
  })
})
