import { describe, expect, it } from 'vitest'
import { aggregate, count, groupByKey, json, reduce, to, toStream, tumbling, windowed } from '../index.ts'
import { drive, numbers, texts, written } from '../testing.ts'

describe('an aggregate by key', () => {
  const counting = () => drive(app => app.stream('in', numbers).pipe(groupByKey(), count(), to('out')))

  it('gives each new value with the greatest timestamp of its records', () => {
    const driver = counting()
    driver.pipe('in', 'a', 1, { timestamp: 10 })
    driver.pipe('in', 'a', 1, { timestamp: 5 })
    driver.pipe('in', 'b', 1, { timestamp: 7 })
    driver.pipe('in', 'a', 1, { timestamp: 20 })
    expect(written(driver.read('out'))).toEqual(['a=1@10', 'a=2@10', 'b=1@7', 'a=3@20'])
  })

  it.each([
    [null, 1],
    ['a', null],
  ])('drops a record with key %s and value %s and counts it', (key, value) => {
    const driver = counting()
    driver.pipe('in', key, value)
    expect(driver.read('out')).toEqual([])
    expect(driver.metrics().dropped).toBe(1)
  })

  it('deletes what folds to null, and begins anew after it', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        groupByKey(),
        aggregate(
          () => 100,
          (sum, { value }) => (value < 0 ? null : sum + value),
        ),
        to('out'),
      ),
    )
    for (const value of [1, 2, -1, 5]) driver.pipe('in', 'a', value)
    expect(written(driver.read('out'))).toEqual(['a=101@0', 'a=103@0', 'a=null@0', 'a=105@0'])
  })

  it('says nothing of a key that never had a value', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        groupByKey(),
        aggregate<any, number>(
          () => 0,
          () => null,
        ),
        to('out'),
      ),
    )
    driver.pipe('in', 'a', 1)
    expect(driver.read('out')).toEqual([])
    expect(driver.log('app-in-aggregate-changelog')).toEqual([])
  })

  it('takes the first value of a reduction as it is', () => {
    const driver = drive(app =>
      app.stream('in', texts).pipe(
        groupByKey(),
        reduce((all, next) => `${all}+${next}`),
        to('out'),
      ),
    )
    for (const value of ['x', 'y', 'z']) driver.pipe('in', 'a', value)
    expect(written(driver.read('out'))).toEqual(['a=x@0', 'a=x+y@0', 'a=x+y+z@0'])
  })

  it('hands on the headers of the record that changed it last', () => {
    const driver = counting()
    const headers = [{ key: 'trace', value: Uint8Array.of(1) }]
    driver.pipe('in', 'a', 1, { headers })
    expect(driver.read('out')[0]!.headers).toEqual(headers)
  })

  it('shows only the last value of a key between two commits, in the order of first change', () => {
    const driver = drive(app => app.stream('in', numbers).pipe(groupByKey(), count(), to('out')), { commits: 'on demand' })
    for (const key of ['b', 'a', 'b', 'a', 'b']) driver.pipe('in', key, 1)
    expect(driver.read('out')).toEqual([])
    expect(driver.store('in-count').get('b')).toBe(3)
    driver.commit()
    expect(written(driver.read('out'))).toEqual(['b=3@0', 'a=2@0'])
    expect(driver.log('app-in-count-changelog')).toHaveLength(2)
  })

  it('with a changelog in Kafka Streams’ form: the plain value, the time in the record', () => {
    const driver = counting()
    driver.pipe('in', 'a', 1, { timestamp: 42 })
    const [record] = driver.log('app-in-count-changelog')
    expect(Buffer.from(record!.key!).toString()).toBe('a')
    expect([...record!.value!]).toEqual([0, 0, 0, 0, 0, 0, 0, 1])
    expect(record!.timestamp).toBe(42)
  })
})

describe('an aggregate by key and tumbling window', () => {
  const counting = (graceMs: number) =>
    drive(app => app.stream('in', numbers).pipe(groupByKey(), windowed(tumbling(10, { grace: graceMs })), count(), to('out')))
  const pipe = (driver: ReturnType<typeof counting>, timestamps: number[], key: string | null = 'a') => {
    for (const timestamp of timestamps) driver.pipe('in', key, 1, { timestamp })
    return written(driver.read('out'))
  }

  it.each([
    [0, '[0,10)'],
    [9, '[0,10)'],
    [10, '[10,20)'],
    [25, '[20,30)'],
  ])('puts a record of time %i into %s: the start belongs to it, the end does not', (timestamp, window) => {
    expect(pipe(counting(0), [timestamp])).toEqual([`a${window}=1@${timestamp}`])
  })

  it.each([
    [0, 9, true],
    [0, 10, false],
    [5, 14, true],
    [5, 15, false],
    [100, 109, true],
    [100, 110, false],
  ])('with a grace of %i takes a record of window [0,10) at stream time %i: %s', (graceMs, streamTime, isTaken) => {
    const driver = counting(graceMs)
    pipe(driver, [streamTime], 'other')
    const late = pipe(driver, [3])
    expect(late).toHaveLength(isTaken ? 1 : 0)
    expect(driver.metrics().late).toBe(isTaken ? 0 : 1)
  })

  it('has one stream time for all keys, which never goes back', () => {
    const driver = counting(0)
    expect(pipe(driver, [35, 5, 30, 38])).toEqual(['a[30,40)=1@35', 'a[30,40)=2@35', 'a[30,40)=3@38'])
    expect(driver.metrics().late).toBe(1)
  })

  it('drops null keys, which do not move time, but counts null values', () => {
    const driver = counting(0)
    expect(pipe(driver, [500], null)).toEqual([])
    expect(driver.metrics().dropped).toBe(1)
    driver.pipe('in', 'a', null, { timestamp: 3 })
    expect(written(driver.read('out'))).toEqual(['a[0,10)=1@3'])
  })

  it('logs a result even if its window closes before the commit', () => {
    const driver = drive(app => app.stream('in', numbers).pipe(groupByKey(), windowed(tumbling(10)), count(), to('out')), {
      commits: 'on demand',
    })
    driver.pipe('in', 'a', 1, { timestamp: 1 })
    driver.pipe('in', 'a', 1, { timestamp: 100_000 })
    driver.commit()
    expect(written(driver.read('out'))).toEqual(['a[0,10)=1@1', 'a[100000,100010)=1@100000'])
    expect(driver.log('app-in-tumbling-10ms-count-changelog')).toHaveLength(2)
  })

  it('keeps windows closed over a restart', async () => {
    const driver = counting(0)
    pipe(driver, [5, 50])
    await driver.crash()
    expect(pipe(driver, [5])).toEqual([])
    expect(driver.metrics().late).toBe(1)
  })

  it('retains windows for as long as it is told', () => {
    const kept = (retention?: number) => {
      const driver = drive(app =>
        app
          .stream('in', numbers)
          .pipe(groupByKey(), windowed(tumbling(10)), count({ name: 'counts', ...(retention && { retention }) })),
      )
      for (const timestamp of [1, 11, 21, 31]) driver.pipe('in', 'a', 1, { timestamp })
      return [...driver.store('counts').all()].map(({ key }) => key.window.start)
    }
    expect(kept()).toEqual([30])
    expect(kept(25)).toEqual([10, 20, 30])
  })

  it('has changelog keys in Kafka Streams’ form: key, start, sequence', () => {
    const driver = counting(0)
    pipe(driver, [0x0102 * 10])
    const [record] = driver.log('app-in-tumbling-10ms-count-changelog')
    const start = 0x0102 * 10
    expect([...record!.key!]).toEqual([0x61, 0, 0, 0, 0, 0, 0, start >> 8, start & 0xff, 0, 0, 0, 0])
  })

  it('refuses a retention below size and grace', () => {
    expect(() =>
      drive(app => app.stream('in').pipe(groupByKey(), windowed(tumbling(10, { grace: 5 })), count({ retention: 14 }))),
    ).toThrow('size + grace, which is 15')
  })

  it('goes on as a stream of windowed keys', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        groupByKey(),
        windowed(tumbling(10)),
        count(),
        toStream(),
        groupByKey(),
        reduce((_, value) => value),
        to('out'),
      ),
    )
    driver.pipe('in', 'a', 1, { timestamp: 12 })
    expect(written(driver.read('out'))).toEqual(['a[10,20)=1@12'])
  })
})

describe('windows and counts', () => {
  it('equal a brute-force fold for any order of records', async () => {
    const { default: fc } = await import('fast-check')
    const records = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), timestamp: fc.nat(300), commit: fc.boolean() }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 50 }), fc.nat(60), (input, size, grace) => {
        const driver = drive(
          app =>
            app
              .stream('in', { value: json() })
              .pipe(groupByKey(), windowed(tumbling(size, { grace })), count({ name: 'c' }), to('out')),
          {
            commits: 'on demand',
          },
        )
        const expected = new Map<string, number>()
        let streamTime = -1
        let late = 0
        for (const { key, timestamp, commit } of input) {
          driver.pipe('in', key, 1, { timestamp })
          if (commit) driver.commit()
          streamTime = Math.max(streamTime, timestamp)
          const start = Math.floor(timestamp / size) * size
          if (start + size <= streamTime - grace) late++
          else expected.set(`${key}[${start},${start + size})`, (expected.get(`${key}[${start},${start + size})`) ?? 0) + 1)
        }
        driver.commit()
        const last = new Map(
          driver.read('out').map(({ key, value }) => [`${key.key}[${key.window.start},${key.window.end})`, value]),
        )
        expect(last).toEqual(expected)
        expect(driver.metrics().late).toBe(late)
      }),
      { numRuns: 200 },
    )
  })
})
