import type { Serde } from '@millrace/client'
import {
  aggregate,
  days,
  groupByKey,
  hours,
  int32,
  join,
  mapValues,
  type Streams,
  selectKey,
  to,
  tumbling,
  windowed,
} from '@millrace/streams'
import { filter, map } from 'rxjs'
import type { AirportRow } from './airports-file.ts'
import { implausibleDelayMinutes, type Totals } from './fold.ts'
import type { FlightRow } from './loader.ts'
import { topics } from './topics.ts'

export interface JobSerdes {
  readonly airport: Serde<AirportRow>
  readonly flight: Serde<FlightRow>
  readonly delays: Serde<Totals>
}

/** Tasks read their partitions at their own pace: a flight may come this much later, in event time, than the latest of its state. */
const grace = days(14)

const nothing = (): Totals => ({ flights: 0, delay: 0 })
const add = (sum: Totals, record: { readonly value: number }): Totals => ({
  flights: sum.flights + 1,
  delay: sum.delay + record.value,
})

/** The job: flights that are plausible and leave from a known airport, totalled by state and hour, by airport and by route. */
export function defineTopology(app: Streams, serdes: JobSerdes): void {
  const airports = app.table(topics.airports, { value: serdes.airport })
  const value = serdes.delays

  const departures = app.stream(topics.flights, { value: serdes.flight }).pipe(
    filter(flight => Math.abs(flight.value.delay) < implausibleDelayMinutes),
    map(flight => ({ ...flight, value: { destination: flight.value.destination, delay: flight.value.delay } })),
    join(airports, (flight, airport, origin) => ({ ...flight, origin, state: airport.state })),
  )

  departures.pipe(
    selectKey(departure => departure.value.state),
    mapValues(departure => departure.delay),
    groupByKey({ name: 'by-state', value: int32() }),
    windowed(tumbling(hours(1), { grace })),
    // Event times are of 2001: retention by time would delete the changelog at once.
    aggregate(nothing, add, { name: 'state-hours', value, changelog: { 'retention.ms': '-1' } }),
    to(topics.delaysByState),
  )
  departures.pipe(
    mapValues(departure => departure.delay),
    groupByKey(),
    aggregate(nothing, add, { name: 'airport-totals', value }),
    to(topics.airportTotals),
  )
  departures.pipe(
    selectKey(departure => `${departure.value.origin}-${departure.value.destination}`),
    mapValues(departure => departure.delay),
    groupByKey({ name: 'by-route', value: int32() }),
    aggregate(nothing, add, { name: 'route-totals', value }),
    to(topics.routeTotals),
  )
}
