import type { Admin, NewTopic } from '@millrace/client'
import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { describe, expect, it } from 'vitest'
import { Streams as App, count, groupBy, groupByKey, hours, join, type Streams, selectKey, tumbling, windowed } from '../index.ts'
import { internalTopics, prepareTopics } from './topics.ts'

const topicsOf = (build: (app: Streams) => void, counts: Record<string, number>) => {
  const app = new App({ applicationId: 'app' })
  build(app)
  return internalTopics(app.build().topology, new Map(Object.entries(counts)))
}
const countsOf = (build: (app: Streams) => void, counts: Record<string, number>) =>
  Object.fromEntries(topicsOf(build, counts).map(({ topic, partitions }) => [topic, partitions]))

describe('internal topics', () => {
  it('have as many partitions as the inputs that feed them', () => {
    expect(
      countsOf(
        app =>
          app.stream(['a', 'b']).pipe(
            groupBy(() => 'x', { name: 'g' }),
            count({ name: 'c' }),
          ),
        { a: 3, b: 5 },
      ),
    ).toEqual({ 'app-g-repartition': 5, 'app-c-changelog': 5 })
  })

  it('in front of a join have as many as the table', () => {
    expect(
      countsOf(
        app =>
          app.stream('in').pipe(
            selectKey(() => 'x'),
            join(app.table('rows'), value => value),
          ),
        { in: 3, rows: 7 },
      ),
    ).toEqual({ 'app-in-rows-join-repartition': 7 })
  })

  it('are configured as Kafka Streams configures them, and as the user says', () => {
    const topics = topicsOf(
      app => {
        const group = app.stream('in').pipe(groupBy(() => 'x', { name: 'g' }))
        count<typeof group>({ name: 'plain', changelog: { 'segment.ms': '1000' } })(group)
        windowed<string, unknown>(tumbling(hours(1), { grace: hours(2) }))(group as never)
        app.stream('other').pipe(groupByKey(), windowed(tumbling(hours(1), { grace: hours(2) })), count({ name: 'windows' }))
      },
      { in: 1, other: 1 },
    )
    const config = (topic: string) => topics.find(each => each.topic === topic)?.configs
    expect(config('app-g-repartition')).toMatchObject({ 'cleanup.policy': 'delete', 'retention.ms': '-1' })
    expect(config('app-plain-changelog')).toEqual({
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'CreateTime',
      'segment.ms': '1000',
    })
    expect(config('app-windows-changelog')).toMatchObject({
      'cleanup.policy': 'compact,delete',
      'retention.ms': String(hours(3) + hours(24)),
    })
  })

  it('are not made for a join of unequal topics: the error names them', () => {
    const build = (app: Streams) => app.stream('in').pipe(join(app.table('rows'), value => value))
    expect(() => countsOf(build, { in: 3, rows: 4 })).toThrow('in has 3, rows has 4')
    expect(countsOf(build, { in: 4, rows: 4 })).toEqual({})
  })
})

describe('preparing', () => {
  /** An admin client of a broker that hears of topic `in` with its third answer, or never. */
  const prepared = async (hearsOfIt: boolean) => {
    const universe = new SimulatedUniverse(1)
    let asked = 0
    const created: NewTopic[] = []
    const admin = {
      listTopics: async () => (hearsOfIt && ++asked >= 3 ? [{ topic: 'in' }] : []),
      describeTopics: async (topics: string[]) => topics.map(topic => ({ topic, partitions: [{}, {}] })),
      createTopics: async (topics: NewTopic[]) => void created.push(...topics),
    } as unknown as Admin
    const app = new App({ applicationId: 'app' })
    app.stream('in').pipe(groupByKey(), count({ name: 'c' }))
    const { clock } = universe.machine('app').boot()
    let outcome: unknown
    void prepareTopics(admin, app.build().topology, 3, { logger: silentLogger, clock }).then(
      counts => (outcome = counts),
      error => (outcome = error),
    )
    await universe.scheduler.run({ untilMs: 5_000 })
    return { outcome, created }
  }

  it('waits a moment for a topic that the broker has not heard of yet; internal topics have the replication factor', async () => {
    const { outcome, created } = await prepared(true)
    expect(outcome).toEqual(
      new Map([
        ['in', 2],
        ['app-c-changelog', 2],
      ]),
    )
    expect(created).toMatchObject([{ topic: 'app-c-changelog', partitions: 2, replicationFactor: 3 }])
  })

  it('says which topics are missing', async () => {
    expect((await prepared(false)).outcome).toMatchObject({ message: expect.stringMatching(/^Missing topics: in \(/) })
  })
})
