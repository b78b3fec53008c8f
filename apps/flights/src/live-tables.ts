import type { ConsumedBatch, Serde } from '@millrace/client'
import { Consumer } from '@millrace/client'
import type { Totals } from './fold.ts'
import { patiently } from './patience.ts'
import { topics } from './topics.ts'

/**
 * The derived tables as a reader of their topics sees them: the last value of each key. The page is fed from here, and so is the
 * verification: what is compared is what any Kafka client would read.
 */
export class LiveTables {
  /** `STATE@windowStartMs` → totals. */
  readonly stateHours = new Map<string, Totals>()
  readonly airports = new Map<string, Totals>()
  readonly routes = new Map<string, Totals>()
  /** Start of the hour → totals over all states. */
  readonly hours = new Map<number, Totals>()
  /** Latest hour seen, milliseconds since the epoch. */
  eventTimeMs = 0
  /** Sum over all airports. */
  readonly sum: Totals = { flights: 0, delay: 0 }
  #changedAirports = new Set<string>()
  #changedHours = new Set<number>()
  readonly #consumer: Consumer
  readonly #delays: Serde<Totals>
  #closing = false
  #reading: Promise<void> = Promise.resolve()

  constructor(options: { bootstrapServers: string; delays: Serde<Totals> }) {
    this.#delays = options.delays
    this.#consumer = new Consumer({
      bootstrapServers: options.bootstrapServers,
      clientId: 'flights-page',
      autoOffsetReset: 'earliest',
      enableAutoCommit: false,
    })
  }

  /** Reads on in the background until `close`; `failed` hears of what ends the reading. */
  start(partitions: number, failed: (error: unknown) => void): void {
    const names = [topics.delaysByState, topics.airportTotals, topics.routeTotals]
    this.#consumer.assign(names.flatMap(topic => Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))))
    this.#reading = this.#read().catch(error => {
      if (!this.#closing) failed(error)
    })
  }

  /** Resolves when everything that is in the topics now has been read. */
  async caughtUp(): Promise<void> {
    const partitions = this.#consumer.assignment()
    const ends = await this.#consumer.endOffsets(partitions)
    const behind = () => partitions.some((partition, i) => (this.#consumer.position(partition) ?? 0) < ends[i]!)
    while (behind()) await new Promise(resolve => setTimeout(resolve, 20))
  }

  /** What has changed since the last call. */
  takeChanges(): { airports: [string, number, number][]; hours: [number, number, number][] } {
    const airports = [...this.#changedAirports].map((code): [string, number, number] => row(code, this.airports.get(code)!))
    const hours = [...this.#changedHours].map((hour): [number, number, number] => row(hour, this.hours.get(hour)!))
    this.#changedAirports.clear()
    this.#changedHours.clear()
    return { airports, hours }
  }

  /** Everything, for a page that has just connected. */
  all(): { airports: [string, number, number][]; hours: [number, number, number][] } {
    return {
      airports: [...this.airports].map(([code, totals]) => row(code, totals)),
      hours: [...this.hours].map(([hour, totals]) => row(hour, totals)),
    }
  }

  busiestRoutes(count: number): [string, number, number][] {
    return [...this.routes]
      .sort(([, a], [, b]) => b.flights - a.flights)
      .slice(0, count)
      .map(([route, totals]) => row(route, totals))
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#consumer.close()
    await this.#reading
  }

  async #read(): Promise<void> {
    while (!this.#closing) for (const batch of await this.#consumer.poll(200)) await this.#applyAll(batch)
  }

  async #applyAll(batch: ConsumedBatch): Promise<void> {
    const records = batch.records()
    while (records.next()) {
      const key = records.key()
      const value = records.value()
      if (!key || !value) continue
      const decoded = this.#delays.deserialize(batch.topic, value)
      const totals = decoded instanceof Promise ? await this.#fetched(decoded, batch.topic, value) : decoded
      this.apply(batch.topic, key, totals)
    }
  }

  /** The first value of a schema: the registry may be on its way back. */
  #fetched(first: Promise<Totals>, topic: string, value: Uint8Array): Promise<Totals> {
    let asked: Totals | Promise<Totals> | null = first
    const attempt = () => {
      const answer = asked ?? this.#delays.deserialize(topic, value)
      asked = null
      return answer
    }
    return patiently(attempt, () => this.#closing)
  }

  /** One update of one of the tables. The key's bytes are not kept. */
  apply(topic: string, key: Uint8Array, totals: Totals): void {
    if (topic === topics.delaysByState) this.#applyStateHour(key, totals)
    else if (topic === topics.airportTotals) this.#applyAirport(text(key, 0, key.length), totals)
    else this.routes.set(text(key, 0, key.length), totals)
  }

  /** A windowed key is the key's bytes and the window's start, eight bytes, as in Kafka Streams. */
  #applyStateHour(key: Uint8Array, totals: Totals): void {
    const startMs = Number(Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigInt64BE(key.length - 8))
    const id = `${text(key, 0, key.length - 8)}@${startMs}`
    const before = this.stateHours.get(id)
    this.stateHours.set(id, totals)
    const hour = this.hours.get(startMs)
    if (hour) add(hour, totals, before)
    else this.hours.set(startMs, { ...totals })
    this.#changedHours.add(startMs)
    if (startMs > this.eventTimeMs) this.eventTimeMs = startMs
  }

  #applyAirport(code: string, totals: Totals): void {
    add(this.sum, totals, this.airports.get(code))
    this.airports.set(code, totals)
    this.#changedAirports.add(code)
  }
}

function add(sum: Totals, now: Totals, before: Totals | undefined): void {
  sum.flights += now.flights - (before?.flights ?? 0)
  sum.delay += now.delay - (before?.delay ?? 0)
}

function row<K>(key: K, { flights, delay }: Totals): [K, number, number] {
  return [key, flights, delay]
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()
}
