import { readAirports } from './airports-file.ts'
import { type FlightColumns, readFlights } from './flights-file.ts'

/**
 * What the pipeline must come to, computed straight from the files: arrays and maps, nothing of Millrace.
 */
export interface Expected {
  /** Flights that pass the filter and whose origin is a known airport. */
  flights: number
  /** `STATE@windowStartMs` → totals. */
  readonly stateHours: Map<string, Totals>
  /** Airport code → totals of its departures. */
  readonly airports: Map<string, Totals>
  /** `ORIGIN-DESTINATION` → totals. */
  readonly routes: Map<string, Totals>
}

export interface Totals {
  flights: number
  /** Sum of the delays in minutes. */
  delay: number
}

/** A delay of twelve hours and more, either way, is taken for an error in the data. */
export const implausibleDelayMinutes = 720
const hourMs = 3_600_000

/** `limit`: the first flights of the file only. */
export async function fold(limit: number): Promise<Expected> {
  const states = new Map(readAirports().map(airport => [airport.iata, airport.state]))
  const expected = newExpected()
  for await (const columns of readFlights(limit)) addFlights(expected, states, columns)
  return expected
}

export function newExpected(): Expected {
  return { flights: 0, stateHours: new Map(), airports: new Map(), routes: new Map() }
}

/** `states`: by airport code. */
export function addFlights(expected: Expected, states: ReadonlyMap<string, string>, columns: FlightColumns): void {
  for (let i = 0; i < columns.count; i++) {
    const delay = columns.delay[i]!
    const origin = columns.origin[i]!
    const state = states.get(origin)
    if (Math.abs(delay) >= implausibleDelayMinutes || state === undefined) continue
    const minuteMs = columns.minuteMs[i]!
    expected.flights++
    add(expected.stateHours, `${state}@${minuteMs - (minuteMs % hourMs)}`, delay)
    add(expected.airports, origin, delay)
    add(expected.routes, `${origin}-${columns.destination[i]}`, delay)
  }
}

function add(totals: Map<string, Totals>, key: string, delay: number): void {
  const entry = totals.get(key)
  if (entry) {
    entry.flights++
    entry.delay += delay
  } else {
    totals.set(key, { flights: 1, delay })
  }
}
