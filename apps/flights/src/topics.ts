/** The topics of the job. Keys are text: an airport's code, a state, a route. */
export const topics = {
  airports: 'airports',
  flights: 'flights',
  delaysByState: 'delays-by-state',
  airportTotals: 'airport-totals',
  routeTotals: 'route-totals',
} as const

/** Airports and flights are joined by key, so they need the same number. */
export const partitions = 4

export const applicationId = 'flights'
