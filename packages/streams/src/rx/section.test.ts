import { bufferCount, concatMap, delay, filter, from, map, mergeMap, type Observable, pipe, scan } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { count, groupByKey, type StreamRecord, Streams, TestDriver, to } from '../index.ts'
import { drive, numbers, written } from '../testing.ts'

describe('plain rxjs operators', () => {
  it('next to one another are one node', () => {
    const app = new Streams({ applicationId: 'app' })
    app.stream('in', numbers).pipe(
      filter(() => true),
      map(record => record),
      to('out'),
    )
    expect(app.describe().match(/KSTREAM-RXJS/g)).toHaveLength(3)
  })

  it('composed with rxjs’s pipe work, and one of ours in there is refused', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        pipe(
          filter(({ value }) => value > 1),
          map(record => ({ ...record, value: record.value * 2 })),
        ),
        to('out'),
      ),
    )
    driver.pipe('in', 'a', 1)
    driver.pipe('in', 'a', 2)
    expect(written(driver.read('out'))).toEqual(['a=4@0'])
    const app = new Streams({ applicationId: 'app' })
    expect(() =>
      app.stream('in').pipe(
        pipe(
          filter(() => true),
          groupByKey() as never,
        ),
      ),
    ).toThrow(/groupByKey\(\) was applied to something that is no stream/)
  })

  it('may give only key and value: the rest is that of the input record', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        map(({ key, value }) => ({ key, value: value + 1 })),
        to('out'),
      ),
    )
    driver.pipe('in', 'a', 1, { timestamp: 9 })
    expect(written(driver.read('out'))).toEqual(['a=2@9'])
  })

  it('that hold records give them out at the commit: none is lost in a crash', async () => {
    const driver = drive(
      app =>
        app.stream('in', numbers).pipe(
          bufferCount(3),
          mergeMap(records => records),
          to('out'),
        ),
      { commits: 'on demand' },
    )
    for (const value of [1, 2, 3, 4]) driver.pipe('in', 'a', value)
    expect(written(driver.read('out'))).toEqual(['a=1@0', 'a=2@0', 'a=3@0'])
    driver.commit()
    expect(written(driver.read('out'))).toEqual(['a=4@0'])
    await driver.crash()
    driver.commit()
    expect(driver.read('out')).toEqual([])
  })

  it('remember from one commit to the next, not longer', () => {
    const driver = drive(
      app =>
        app.stream('in', numbers).pipe(
          scan((sum: StreamRecord<string, number>, next) => ({ ...next, value: sum.value + next.value })),
          to('out'),
        ),
      { commits: 'on demand' },
    )
    driver.pipe('in', 'a', 1)
    driver.pipe('in', 'a', 2)
    driver.commit()
    driver.pipe('in', 'a', 4)
    expect(written(driver.read('out'))).toEqual(['a=1@0', 'a=3@0', 'a=4@0'])
  })

  it('that are asynchronous are waited for before offsets are committed', async () => {
    const calls: (() => void)[] = []
    const call = (record: StreamRecord<string, number>) =>
      new Promise<StreamRecord<string, number>>(resolve => calls.push(() => resolve({ ...record, value: record.value + 100 })))
    const driver = drive(app => app.stream('in', numbers).pipe(mergeMap(call), groupByKey(), count(), to('out')), {
      commits: 'on demand',
    })
    driver.pipe('in', 'a', 1)
    driver.pipe('in', 'a', 2)
    expect(() => driver.commit()).toThrow('waiting for something')
    await driver.crash()
    // Both are called again: the offsets were not committed.
    expect(calls).toHaveLength(4)
    for (const answer of calls) answer()
    await driver.settled()
    expect(driver.read('out').at(-1)).toMatchObject({ key: 'a', value: 2 })
  })

  it('that are asynchronous get a bounded number of records at a time', async () => {
    let inFlight = 0
    let most = 0
    const driver = drive(
      app =>
        app.stream('in', numbers).pipe(
          mergeMap(async record => {
            most = Math.max(most, ++inFlight)
            await Promise.resolve()
            inFlight--
            return record
          }),
          to('out'),
        ),
      { commits: 'on demand', maxInFlightRecords: 5 },
    )
    for (let i = 0; i < 50; i++) driver.pipe('in', 'a', i)
    await driver.settled()
    expect(driver.read('out')).toHaveLength(50)
    expect(most).toBe(5)
  })

  it('in a row with ours are drained in order', async () => {
    const driver = drive(
      app =>
        app.stream('in', numbers).pipe(
          concatMap(async record => record),
          groupByKey(),
          count({ name: 'c' }),
          mergeMap(async record => ({ ...record, value: record.value * 10 })),
          to('out'),
        ),
      { commits: 'on demand' },
    )
    for (let i = 0; i < 3; i++) driver.pipe('in', 'a', i)
    await driver.settled()
    expect(written(driver.read('out'))).toEqual(['a=30@0'])
  })

  it('with timers hold the commit up until they are over', async () => {
    const driver = drive(app => app.stream('in', numbers).pipe(delay(5), to('out')))
    driver.pipe('in', 'a', 1)
    await driver.settled()
    expect(written(driver.read('out'))).toEqual(['a=1@0'])
  })
})

describe('an error in a plain operator', () => {
  const failing = (value: number) => {
    if (value === 2) throw new Error('no twos')
    return value
  }

  it('fails the task, and nothing beyond the record is committed', () => {
    const driver = drive(app =>
      app.stream('in', numbers).pipe(
        map(record => ({ ...record, value: failing(record.value) })),
        to('out'),
      ),
    )
    driver.pipe('in', 'a', 1)
    expect(() => driver.pipe('in', 'a', 2)).toThrow(/processing failed in KSTREAM-RXJS-0000000001 for in-0 at offset 1: no twos/)
  })

  it('with continue drops the record alone', () => {
    const driver = drive(
      app =>
        app.stream('in', numbers).pipe(
          map(record => ({ ...record, value: failing(record.value) })),
          to('out'),
        ),
      { processingHandler: 'continue' },
    )
    for (const value of [1, 2, 3]) driver.pipe('in', 'a', value)
    expect(written(driver.read('out'))).toEqual(['a=1@0', 'a=3@0'])
    expect(driver.metrics().dropped).toBe(1)
  })

  it('after an await fails the task even with continue, as others are under way with it', async () => {
    const driver = drive(
      app =>
        app.stream('in', numbers).pipe(
          mergeMap(async record => ({ ...record, value: failing(record.value) })),
          to('out'),
        ),
      { processingHandler: 'continue' },
    )
    driver.pipe('in', 'a', 2)
    await expect(driver.settled()).rejects.toThrow(/no twos.*catchError/)
  })
})

describe('an observer of a stream', () => {
  it('sees the records of a node from then on, before and after the start', () => {
    const app = new Streams({ applicationId: 'app' })
    const big = app.stream('in', numbers).pipe(filter(({ value }) => value > 1))
    const before: number[] = []
    big.subscribe(({ value }) => before.push(value))
    const driver = new TestDriver(app)
    driver.pipe('in', 'a', 5)
    const after: number[] = []
    const subscription = (big as Observable<StreamRecord<string, number>>).subscribe(({ value }) => after.push(value))
    driver.pipe('in', 'a', 1)
    driver.pipe('in', 'a', 6)
    subscription.unsubscribe()
    driver.pipe('in', 'a', 7)
    expect(before).toEqual([5, 6, 7])
    expect(after).toEqual([6])
  })

  it('of a table sees its updates, and of plain values the values', async () => {
    const app = new Streams({ applicationId: 'app' })
    const stream = app.stream('in', numbers)
    const counts: number[] = []
    const values: number[] = []
    stream.pipe(groupByKey(), count()).subscribe(({ value }) => counts.push(value))
    stream.pipe(map(({ value }) => value)).subscribe(value => values.push(value))
    const driver = new TestDriver(app)
    let isComplete = false
    from(stream).subscribe({ complete: () => (isComplete = true) })
    driver.pipe('in', 'a', 5)
    driver.pipe('in', 'a', 6)
    expect(counts).toEqual([1, 2])
    expect(values).toEqual([5, 6])
    await driver.close()
    expect(isComplete).toBe(true)
  })
})
