import { readAirports } from './airports-file.ts'
import type { FlightColumns } from './flights-file.ts'

export interface Totals {
  flights: number
  /** Sum of the delays in minutes. */
  delay: number
}

/** A delay of twelve hours and more, either way, is taken for an error in the data. */
export const implausibleDelayMinutes = 720
const hourMs = 3_600_000

/**
 * What the pipeline must come to, computed straight from the files: arrays and maps, nothing of Millrace.
 */
export class Fold {
  /** Flights that pass the filter and whose origin is a known airport. */
  flights = 0
  /** `STATE@windowStartMs` → totals. */
  readonly stateHours = new Map<string, Totals>()
  /** Airport code → totals of its departures. */
  readonly airports = new Map<string, Totals>()
  /** `ORIGIN-DESTINATION` → totals. */
  readonly routes = new Map<string, Totals>()
  readonly #states: ReadonlyMap<string, string>

  /** `states`: by airport code; default: those of the file of airports. */
  constructor(states?: ReadonlyMap<string, string>) {
    this.#states = states ?? new Map(readAirports().map(airport => [airport.iata, airport.state]))
  }

  /** The next flights. */
  add(columns: FlightColumns): void {
    for (let i = 0; i < columns.count; i++) {
      const delay = columns.delay[i]!
      const origin = columns.origin[i]!
      const state = this.#states.get(origin)
      if (Math.abs(delay) >= implausibleDelayMinutes || state === undefined) continue
      const minuteMs = columns.minuteMs[i]!
      this.flights++
      add(this.stateHours, `${state}@${minuteMs - (minuteMs % hourMs)}`, delay)
      add(this.airports, origin, delay)
      add(this.routes, `${origin}-${columns.destination[i]}`, delay)
    }
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
