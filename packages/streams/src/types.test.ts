import { filter, map, mergeMap, type Observable } from 'rxjs'
import { expectTypeOf, it } from 'vitest'
import {
  aggregate,
  count,
  type Grouped,
  groupBy,
  groupByKey,
  hours,
  int64,
  join,
  json,
  leftJoin,
  mapValues,
  reduce,
  type Stream,
  Streams,
  string,
  type Table,
  to,
  toTable,
  tumbling,
  type Windowed,
  type WindowedGroup,
  windowed,
} from './index.ts'

interface Flight {
  origin: string
  delay: number
}

it('types flow from the serdes through every operator', () => {
  const app = new Streams({ applicationId: 'app' })
  const airports = app.table('airports', { value: json<{ state: string }>() })
  expectTypeOf(airports).toEqualTypeOf<Table<string, { state: string }, { state: string } | null>>()
  const flights = app.stream('flights', { key: string(), value: json<Flight>() })
  expectTypeOf(flights).toEqualTypeOf<Stream<string, Flight>>()

  const plain = flights.pipe(
    filter(({ value }) => value.delay > 0),
    mergeMap(async record => record),
    map(record => ({ ...record, value: record.value.delay })),
  )
  expectTypeOf(plain).toEqualTypeOf<Stream<string, number>>()
  expectTypeOf(flights.pipe(map(({ value }) => value.delay))).toEqualTypeOf<Observable<number>>()
  expectTypeOf(flights.pipe(mapValues((value, key) => `${key}${value.delay}`))).toEqualTypeOf<Stream<string, string>>()

  const joined = flights.pipe(join(airports, (flight, airport, key) => ({ ...flight, state: airport.state, key })))
  expectTypeOf(joined).toEqualTypeOf<Stream<string, { state: string; key: string; origin: string; delay: number }>>()
  expectTypeOf(flights.pipe(leftJoin(airports, (_, airport) => airport?.state))).toEqualTypeOf<
    Stream<string, string | undefined>
  >()

  const group = joined.pipe(groupBy(({ value }) => value.delay))
  expectTypeOf(group).toEqualTypeOf<Grouped<number, { state: string; key: string; origin: string; delay: number }>>()
  const windows = flights.pipe(groupByKey({ name: 'w' }), windowed(tumbling(hours(1))))
  expectTypeOf(windows).toEqualTypeOf<WindowedGroup<string, Flight>>()

  const counts = flights.pipe(groupByKey({ name: 'c' }), count(), to('counts', { value: int64() }))
  expectTypeOf(counts).toEqualTypeOf<Table<string, number>>()
  const sums = flights.pipe(
    groupByKey({ name: 's' }),
    windowed(tumbling(hours(1))),
    aggregate(
      () => ({ sum: 0 }),
      (total, { value }) => ({ sum: total.sum + value.delay }),
    ),
  )
  expectTypeOf(sums).toEqualTypeOf<Table<Windowed<string>, { sum: number }>>()
  expectTypeOf(
    flights.pipe(
      groupByKey({ name: 'r' }),
      reduce((a, b) => ({ ...a, delay: a.delay + b.delay })),
    ),
  ).toEqualTypeOf<Table<string, Flight>>()
  expectTypeOf(flights.pipe(toTable({ name: 't' }))).toEqualTypeOf<Table<string, Flight, Flight>>()
})

it('what does not fit does not compile', () => {
  const app = new Streams({ applicationId: 'app' })
  const flights = app.stream('flights', { value: json<Flight>() })
  const byNumber = app.table('numbers', { key: int64(), value: json<string>() })
  // @ts-expect-error: the field is not there
  flights.pipe(mapValues(value => value.nothing))
  const dates = json<Date>()
  // @ts-expect-error: a serde of something else
  flights.pipe(to('out', { value: dates }))
  // @ts-expect-error: the keys are not the same
  flights.pipe(join(byNumber, value => value))
})
