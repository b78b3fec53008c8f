import { Admin, Producer, type Serde } from '@millrace/client'
import { type AirportRow, readAirports } from './airports-file.ts'
import { readFlights } from './flights-file.ts'
import { topics } from './topics.ts'

export interface FlightRow {
  minute: number
  origin: string
  destination: string
  delay: number
  distance: number
}

export interface LoaderOptions {
  readonly bootstrapServers: string
  readonly airports: Serde<AirportRow>
  readonly flights: Serde<FlightRow>
  /** How many flights of the file. */
  readonly limit: number
  /** Flights that earlier runs have produced: they are left out. */
  readonly skip: number
  /** Called now and then with the number of flights handed over so far, skipped ones included. */
  readonly progress: (count: number) => void
}

/** Airports are facts from before the first flight: their time makes the join see them first. */
const airportsTimeMs = Date.UTC(2000, 0, 1)
/** Flights between two looks at the clock and the buffer. */
const rowsATurn = 2048

/** Produces the airports, then the flights in order of time. Resolves when the broker has acknowledged all. */
export async function load(options: LoaderOptions): Promise<void> {
  const { bootstrapServers, limit, skip, progress } = options
  let failure: Error | undefined
  const producer = new Producer({
    bootstrapServers,
    clientId: 'flights-loader',
    lingerMs: 20,
    batchBytes: 128 * 1024,
    compression: 'none',
    bufferBytes: 16 * 1024 * 1024,
    onError: error => {
      failure ??= error
    },
  })
  const append = async (record: Parameters<Producer['append']>[0]) => {
    while (!producer.append(record)) await producer.ready()
  }
  try {
    await options.airports.prepare?.(topics.airports, 'value')
    await options.flights.prepare?.(topics.flights, 'value')
    if (skip === 0) {
      for (const airport of readAirports()) {
        await append({ topic: topics.airports, key: airport.iata, value: options.airports.serialize(topics.airports, airport), timestamp: airportsTimeMs })
      }
      await producer.flush()
    }
    let count = 0
    const row: FlightRow = { minute: 0, origin: '', destination: '', delay: 0, distance: 0 }
    for await (const columns of readFlights(limit)) {
      for (let i = 0; i < columns.count; i++) {
        if (++count <= skip) continue
        row.minute = columns.minuteMs[i]!
        row.origin = columns.origin[i]!
        row.destination = columns.destination[i]!
        row.delay = columns.delay[i]!
        row.distance = columns.distance[i]!
        const record = { topic: topics.flights, key: row.origin, value: options.flights.serialize(topics.flights, row), timestamp: row.minute }
        while (!producer.append(record)) await producer.ready()
        if (count % rowsATurn === 0) {
          if (failure) throw failure
          progress(count)
          // The loop turns: answers of the broker, the page and Ctrl-C get their share.
          await new Promise(resolve => setImmediate(resolve))
        }
      }
    }
    await producer.flush()
    if (failure) throw failure
    progress(count)
  } finally {
    await producer.close()
  }
}

/** Flights that the topic holds already, from an earlier run on the same data folder. */
export async function alreadyProduced(bootstrapServers: string, partitions: number): Promise<number> {
  const admin = new Admin({ bootstrapServers, clientId: 'flights-loader' })
  try {
    const ends = await admin.listOffsets(Array.from({ length: partitions }, (_, partition) => ({ topic: topics.flights, partition, timestamp: -1 })))
    return ends.reduce((sum, { offset }) => sum + offset, 0)
  } finally {
    await admin.close()
  }
}
