import { Admin, Producer, type ProducerRecord, partitionOfKey } from '@millrace/client'
import { readAirports } from './airports-file.ts'
import { type FlightColumns, readFlights } from './flights-file.ts'
import { patiently } from './patience.ts'
import { partitions, topics } from './topics.ts'
import type { JobSerdes } from './topology.ts'

export interface FlightRow {
  minute: number
  origin: string
  destination: string
  delay: number
  distance: number
}

export interface LoaderOptions {
  readonly bootstrapServers: string
  readonly serdes: JobSerdes
  /** How many flights of the file. */
  readonly limit: number
  /** Called now and then with the number of flights handed over so far, those of earlier runs included. */
  readonly progress: (count: number) => void
  readonly signal: AbortSignal
  /** Sees each part of the file, that of earlier runs included: it is read once. */
  readonly read: (columns: FlightColumns) => void
}

/** Airports are facts from before the first flight: their time makes the join see them first. */
const airportsTimeMs = Date.UTC(2000, 0, 1)
/** Flights between two looks at the clock and the signal. */
const rowsATurn = 2048

/**
 * Produces the airports, then the flights in order of time, keyed by origin. Resolves when the broker has acknowledged all. What an earlier run on the
 * same folder has produced is left out: a partition holds its flights in the order of the file, so its end offset says how many are there.
 */
export async function load({ bootstrapServers, serdes, limit, progress, signal, read }: LoaderOptions): Promise<void> {
  const present = await endOffsets(bootstrapServers)
  let failure: Error | undefined
  const producer = new Producer({
    bootstrapServers,
    clientId: 'flights-loader',
    lingerMs: 20,
    batchBytes: 128 * 1024,
    bufferBytes: 8 * 1024 * 1024,
    onError: error => {
      failure ??= error
    },
  })
  try {
    await patiently(
      () => serdes.airport.prepare?.(topics.airports, 'value'),
      () => signal.aborted,
    )
    await patiently(
      () => serdes.flight.prepare?.(topics.flights, 'value'),
      () => signal.aborted,
    )
    if (present.every(offset => offset === 0)) await loadAirports(producer, serdes)
    const partitionOf = new Map<string, number>()
    let count = 0
    for await (const columns of readFlights(limit)) {
      read(columns)
      for (let i = 0; i < columns.count; i++) {
        const origin = columns.origin[i]!
        let partition = partitionOf.get(origin)
        if (partition === undefined) partitionOf.set(origin, (partition = partitionOfKey(origin, partitions)))
        if (++count % rowsATurn === 0) {
          if (failure) throw failure
          signal.throwIfAborted()
          progress(count)
          // The loop turns: answers of the broker, the page and Ctrl-C get their share.
          await new Promise(resolve => setImmediate(resolve))
        }
        if (present[partition]! > 0) {
          present[partition]!--
          continue
        }
        const minute = columns.minuteMs[i]!
        const flight = {
          minute,
          origin,
          destination: columns.destination[i]!,
          delay: columns.delay[i]!,
          distance: columns.distance[i]!,
        }
        const value = serdes.flight.serialize(topics.flights, flight)
        const record: ProducerRecord = { topic: topics.flights, partition, key: origin, value, timestamp: minute }
        while (!producer.append(record)) await producer.ready()
      }
    }
    await producer.flush()
    if (failure) throw failure
    progress(count)
  } finally {
    await producer.close()
  }
}

async function loadAirports(producer: Producer, serdes: JobSerdes): Promise<void> {
  for (const airport of readAirports()) {
    const value = serdes.airport.serialize(topics.airports, airport)
    const record: ProducerRecord = { topic: topics.airports, key: airport.iata, value, timestamp: airportsTimeMs }
    while (!producer.append(record)) await producer.ready()
  }
  await producer.flush()
}

/** Per partition, the flights that the topic holds already. */
async function endOffsets(bootstrapServers: string): Promise<number[]> {
  const admin = new Admin({ bootstrapServers, clientId: 'flights-loader' })
  try {
    const ends = await admin.listOffsets(
      Array.from({ length: partitions }, (_, partition) => ({ topic: topics.flights, partition, timestamp: -1 })),
    )
    return ends.map(({ offset }) => offset)
  } finally {
    await admin.close()
  }
}
