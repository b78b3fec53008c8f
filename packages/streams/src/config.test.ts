import { describe, expect, it } from 'vitest'
import { type Streams as App, count, groupByKey, Streams, TestDriver, to } from './index.ts'

describe('an application', () => {
  it.each([
    [{ applicationId: '' }, /Invalid applicationId/],
    [{ applicationId: 'a/b' }, /Invalid applicationId/],
    [{ guarantee: 'exactly-once' }, /Guarantee "exactly-once" is not there yet.*at-least-once/],
    [{ commitIntervalMs: 0 }, /Invalid value 0 for configuration commit.interval.ms: must be at least 1/],
    [{ maxTaskIdleMs: -2 }, /max.task.idle.ms: must be at least -1/],
    [{ commitIntervalMs: '5' }, /Option commitIntervalMs must be a number/],
    [{ stores: 'rocksdb' }, /Invalid option stores/],
    [{ autoOffsetReset: 'none' }, /Invalid option autoOffsetReset/],
    [{ comitIntervalMs: 5 }, /Unknown option comitIntervalMs.*commitIntervalMs/],
  ])('with %j is refused', (options, message) => {
    expect(() => new Streams({ applicationId: 'app', ...options } as never)).toThrow(message)
  })

  it.each([
    ['an empty topology', () => {}, /topology is empty/],
    ['an illegal topic', (app: App) => void app.stream('a b'), /Invalid topic name "a b"/],
    [
      'a topic read twice',
      (app: App) => void [app.stream('a'), app.table('a')],
      /already read by this application.*use it twice/,
    ],
    ['an illegal name', (app: App) => void app.stream('a').pipe(groupByKey(), count({ name: 'a b' })), /Invalid name "a b"/],
    ['something that is no operator', (app: App) => void app.stream('a').pipe(7 as never), /argument 1 is number/],
  ])('with %s is refused', (_, build, message) => {
    const app = new Streams({ applicationId: 'app' })
    expect(() => {
      build(app)
      app.describe()
    }).toThrow(message)
  })

  it('does not change once it runs', () => {
    const app = new Streams({ applicationId: 'app' })
    const stream = app.stream('in')
    new TestDriver(app)
    expect(() => stream.pipe(to('out'))).toThrow(/has started.*whole before start/)
  })

  it('needs a broker to start, and says so', async () => {
    const app = new Streams({ applicationId: 'app' })
    app.stream('in').pipe(to('out'))
    await expect(app.start()).rejects.toThrow('bootstrapServers')
  })

  it('has no store that nobody declared', () => {
    const app = new Streams({ applicationId: 'app' })
    app.stream('in').pipe(groupByKey(), count({ name: 'counts' }))
    expect(() => app.store('count')).toThrow(/no store count.*there are counts/)
  })
})
