import {
  aggregate,
  groupBy,
  groupByKey,
  hours,
  join,
  json,
  Streams,
  type StreamsOptions,
  to,
  tumbling,
  windowed,
} from '@millrace/streams'
import { filter, map } from 'rxjs'

export interface Flight {
  readonly origin: string
  readonly destination: string
  readonly delay: number
}

export interface Totals {
  readonly flights: number
  readonly delay: number
}

export const partitions = 4
export const topicsOf = (prefix: string) => ({
  airports: `${prefix}-airports`,
  flights: `${prefix}-flights`,
  hours: `${prefix}-hours`,
  origins: `${prefix}-origins`,
  routes: `${prefix}-routes`,
})

/** What the flights app does, in small: plain rxjs operators, a join, aggregates by key, by a new key and by window. */
export function flightsPipeline(prefix: string, options: Omit<StreamsOptions, 'applicationId'>): Streams {
  const topics = topicsOf(prefix)
  const app = new Streams({ applicationId: `${prefix}-app`, ...options })
  const airports = app.table(topics.airports, { value: json<{ state: string }>() })
  const flights = app.stream(topics.flights, { value: json<Flight>() }).pipe(
    filter(({ value }) => value.delay < 90),
    map(record => ({ ...record, value: { ...record.value, delay: record.value.delay + 1 } })),
    join(airports, (flight, airport) => ({ ...flight, state: airport.state })),
  )
  const none = (): Totals => ({ flights: 0, delay: 0 })
  const add = (sum: Totals, { value }: { value: { delay: number } }): Totals => ({
    flights: sum.flights + 1,
    delay: sum.delay + value.delay,
  })
  flights.pipe(
    groupBy(({ value }) => value.state, { name: 'by-state' }),
    windowed(tumbling(hours(1), { grace: hours(24) })),
    aggregate(none, add, { name: 'hours', changelog: { 'retention.ms': '-1' } }),
    to(topics.hours),
  )
  flights.pipe(groupByKey(), aggregate(none, add, { name: 'origins' }), to(topics.origins))
  flights.pipe(
    groupBy(({ value }) => `${value.origin}-${value.destination}`, { name: 'by-route' }),
    aggregate(none, add, { name: 'routes' }),
    to(topics.routes),
  )
  return app
}

export const airportCodes = ['ATL', 'BOS', 'DEN', 'DFW', 'JFK', 'LAX', 'ORD', 'SEA', 'SFO']
const firstMs = Date.UTC(2001, 0, 1)

/** The i-th flight: its event time goes on by 10 seconds. */
export function flightOf(i: number): Flight & { timestamp: number } {
  const origin = airportCodes[(i * 7) % airportCodes.length]!
  const destination = airportCodes[(i * 5 + (i >> 3)) % airportCodes.length]!
  return { origin, destination, delay: i % 100, timestamp: firstMs + i * 10_000 }
}

/** What flights `from` ≤ i < `to` come to, without Millrace: totals by `STATE@window`, origin and route. */
export function fold(from: number, to: number): Record<'hours' | 'origins' | 'routes', Map<string, Totals>> {
  const result = { hours: new Map<string, Totals>(), origins: new Map<string, Totals>(), routes: new Map<string, Totals>() }
  const put = (totals: Map<string, Totals>, key: string, delay: number) => {
    const { flights, delay: sum } = totals.get(key) ?? { flights: 0, delay: 0 }
    totals.set(key, { flights: flights + 1, delay: sum + delay })
  }
  for (let i = from; i < to; i++) {
    const { origin, destination, delay, timestamp } = flightOf(i)
    if (delay >= 90) continue
    put(result.hours, `${origin[0]}@${timestamp - (timestamp % 3_600_000)}`, delay + 1)
    put(result.origins, origin, delay + 1)
    put(result.routes, `${origin}-${destination}`, delay + 1)
  }
  return result
}
