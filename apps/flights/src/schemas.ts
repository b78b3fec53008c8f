/** The Avro schemas of the job's topics. Literals: the records' TypeScript types are inferred from them. */
export const Airport = {
  type: 'record',
  name: 'Airport',
  namespace: 'millrace.flights',
  fields: [
    { name: 'iata', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'city', type: 'string' },
    { name: 'state', type: 'string' },
    { name: 'country', type: 'string' },
    { name: 'latitude', type: 'double' },
    { name: 'longitude', type: 'double' },
  ],
} as const

export const Flight = {
  type: 'record',
  name: 'Flight',
  namespace: 'millrace.flights',
  fields: [
    { name: 'minute', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'origin', type: 'string' },
    { name: 'destination', type: 'string' },
    { name: 'delay', type: 'int', doc: 'minutes; negative is early' },
    { name: 'distance', type: 'int', doc: 'miles' },
  ],
} as const

/** Count and sum of delays: the mean is their quotient, exact at any time. */
export const Delays = {
  type: 'record',
  name: 'Delays',
  namespace: 'millrace.flights',
  fields: [
    { name: 'flights', type: 'long' },
    { name: 'delay', type: 'long', doc: 'sum, minutes' },
  ],
} as const
