import { filter, map, mergeMap } from 'rxjs'
import { describe, expect, it } from 'vitest'
import {
  aggregate,
  count,
  groupBy,
  groupByKey,
  hours,
  join,
  json,
  Streams,
  string,
  TestDriver,
  to,
  tumbling,
  windowed,
} from './index.ts'

interface Flight {
  origin: string
  destination: string
  delay: number
}

function pipeline() {
  const app = new Streams({ applicationId: 'test' })
  const airports = app.table('airports', { value: json<{ state: string }>() })
  const flights = app.stream('flights', { key: string(), value: json<Flight>() }).pipe(
    filter(flight => Math.abs(flight.value.delay) < 720),
    join(airports, (flight, airport) => ({ ...flight, state: airport.state })),
  )
  flights.pipe(
    groupBy(({ value }) => value.state, { name: 'by-state' }),
    windowed(tumbling(hours(1), { grace: hours(1) })),
    aggregate(
      () => ({ flights: 0, delay: 0 }),
      (sum, { value }) => ({ flights: sum.flights + 1, delay: sum.delay + value.delay }),
    ),
    to('delays-by-state'),
  )
  flights.pipe(groupByKey(), count(), to('airport-totals'))
  return app
}

describe('a pipeline', () => {
  it('of plain and own operators gives each update', () => {
    const app = pipeline()
    const driver = new TestDriver(app)
    driver.pipe('airports', 'ORD', { state: 'IL' }, { timestamp: 0 })
    driver.pipe('flights', 'ORD', { origin: 'ORD', destination: 'SFO', delay: 5 }, { timestamp: 1000 })
    driver.pipe('flights', 'ORD', { origin: 'ORD', destination: 'SFO', delay: 7 }, { timestamp: 2000 })
    driver.pipe('flights', 'ORD', { origin: 'ORD', destination: 'SFO', delay: 999 }, { timestamp: 2000 })
    driver.pipe('flights', 'ZZZ', { origin: 'ZZZ', destination: 'SFO', delay: 1 }, { timestamp: 2000 })
    expect(driver.read('delays-by-state').map(({ key, value, timestamp }) => ({ key, value, timestamp }))).toEqual([
      { key: { key: 'IL', window: { start: 0, end: 3_600_000 } }, value: { flights: 1, delay: 5 }, timestamp: 1000 },
      { key: { key: 'IL', window: { start: 0, end: 3_600_000 } }, value: { flights: 2, delay: 12 }, timestamp: 2000 },
    ])
    expect(driver.read('airport-totals').map(({ key, value }) => [key, value])).toEqual([
      ['ORD', 1],
      ['ORD', 2],
    ])
  })

  it('with an asynchronous plain operator commits what has come out', async () => {
    const app = new Streams({ applicationId: 'test' })
    app.stream('in', { value: json<number>() }).pipe(
      mergeMap(async record => {
        await Promise.resolve()
        return { ...record, value: record.value * 2 }
      }),
      map(record => ({ ...record, value: record.value + 1 })),
      groupByKey(),
      count(),
      to('out'),
    )
    const driver = new TestDriver(app)
    for (let i = 0; i < 10; i++) driver.pipe('in', 'k', i)
    await driver.settled()
    expect(driver.read('out').at(-1)?.value).toBe(10)
  })
})
