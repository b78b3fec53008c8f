import { filter, map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import {
  count,
  groupBy,
  groupByKey,
  mapValues,
  merge,
  peek,
  reduce,
  Streams,
  selectKey,
  to,
  toStream,
  toTable,
} from '../index.ts'
import { drive, numbers, texts, written } from '../testing.ts'

const repartitionTopics = (app: Streams) => [...new Set(app.describe().match(/[\w.-]+-repartition/g) ?? [])]

describe('grouping', () => {
  const cases: [string, (app: Streams) => void, string[]][] = [
    ['by the records’ key needs no topic', app => app.stream('in').pipe(groupByKey(), count()), []],
    [
      'by the key after operators that keep it needs none',
      app =>
        app.stream('in').pipe(
          mapValues(String),
          peek(() => {}),
          filter(() => true),
          groupByKey(),
          count(),
        ),
      [],
    ],
    [
      'by another key needs one',
      app =>
        app.stream('in').pipe(
          groupBy(() => 'x'),
          count(),
        ),
      ['app-in-grouped-repartition'],
    ],
    [
      'by the key after selectKey needs one',
      app =>
        app.stream('in').pipe(
          selectKey(() => 'x'),
          groupByKey(),
          count(),
        ),
      ['app-in-grouped-repartition'],
    ],
    [
      'after a merge with a re-keyed stream needs one',
      app => app.stream('a').pipe(merge(app.stream('b').pipe(selectKey(() => 'x'))), groupByKey(), count()),
      ['app-a-grouped-repartition'],
    ],
    [
      'takes the user’s name',
      app =>
        app.stream('in').pipe(
          groupBy(() => 'x', { name: 'by-x' }),
          count(),
        ),
      ['app-by-x-repartition'],
    ],
    [
      'of which two aggregates are made needs one',
      app => {
        const group = app.stream('in').pipe(groupBy(() => 'x', { name: 'g' }))
        count<typeof group>({ name: 'one' })(group)
        reduce<typeof group>((_, next) => next, { name: 'two' })(group)
      },
      ['app-g-repartition'],
    ],
    [
      'of a stream that is only written elsewhere needs none',
      app =>
        app.stream('in').pipe(
          selectKey(() => 'x'),
          to('out'),
        ),
      [],
    ],
    ['of a table’s updates needs none', app => app.stream('in').pipe(toTable(), toStream(), groupByKey(), count()), []],
  ]
  it.each(cases)('%s', (_, build, expected) => {
    const app = new Streams({ applicationId: 'app' })
    build(app)
    expect(repartitionTopics(app)).toEqual(expected)
  })

  it('carries key, value, timestamp and headers through the topic', () => {
    const driver = drive(app =>
      app.stream('in', texts).pipe(
        groupBy(({ value }) => value),
        reduce((_, next) => next),
        to('out'),
      ),
    )
    const headers = [{ key: 'h', value: Uint8Array.of(7) }]
    driver.pipe('in', 'k', 'x', { timestamp: 5, headers })
    const [record] = driver.read('out')
    expect(record).toMatchObject({ key: 'x', value: 'x', timestamp: 5 })
    expect(record!.headers.map(({ key, value }) => [key, [...value!]])).toEqual([['h', [7]]])
  })

  it('drops a record whose new key is null', () => {
    const driver = drive(app =>
      app.stream('in', texts).pipe(
        groupBy(({ value }) => (value === 'none' ? null : value)),
        count(),
        to('out'),
      ),
    )
    driver.pipe('in', 'k', 'none')
    driver.pipe('in', 'k', 'x')
    expect(written(driver.read('out'))).toEqual(['x=1@0'])
    expect(driver.metrics().dropped).toBe(1)
  })

  it('refuses two stores of one name and says what to do', () => {
    const app = new Streams({ applicationId: 'app' })
    app.stream('in').pipe(groupByKey(), count())
    const stream = app.stream('other')
    stream.pipe(groupByKey(), count())
    expect(() => stream.pipe(groupByKey(), count())).toThrow(/already a store named other-count.*name of its own/)
  })

  it('keeps names when a stateless operator is put in', () => {
    const names = (build: (app: Streams) => void) => {
      const app = new Streams({ applicationId: 'app' })
      build(app)
      return app
        .build()
        .topology.subtopologies.flatMap(({ stores, sinks }) => [
          ...stores.map(store => store.changelog),
          ...sinks.map(sink => sink.topic),
        ])
    }
    const without = names(app =>
      app.stream('in').pipe(
        groupBy(() => 'x'),
        count(),
        to('out'),
      ),
    )
    expect(
      names(app =>
        app.stream('in').pipe(
          map(record => record),
          peek(() => {}),
          groupBy(() => 'x'),
          count(),
          to('out'),
        ),
      ),
    ).toEqual(without)
    expect(without).toEqual(['app-in-grouped-repartition', 'app-in-grouped-count-changelog', 'out'])
  })
})

describe('a plain operator that changes the key', () => {
  it('in front of an operator that relies on it is an error, not a wrong result', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        map(record => ({ ...record, key: 'other' })),
        groupByKey(),
        count(),
        to('out'),
      ),
    )
    expect(() => driver.pipe('in', 'k', 1)).toThrow(/changed a record's key.*selectKey/)
  })

  it('in front of a topic is fine', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        map(record => ({ ...record, key: 'other' })),
        to('out'),
      ),
    )
    driver.pipe('in', 'k', 1)
    expect(written(driver.read('out'))).toEqual(['other=1@0'])
  })
})
