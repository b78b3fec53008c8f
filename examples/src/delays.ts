import { avro, defineSchema } from '@millrace/schema-registry'
import { aggregate, groupBy, hours, join, minutes, Streams, to, tumbling, windowed } from '@millrace/streams'
import { filter } from 'rxjs'

const registry = 'http://localhost:8081'
const Flight = defineSchema({ type: 'record', name: 'Flight', fields: [{ name: 'delay', type: 'int' }] })
const Airport = defineSchema({ type: 'record', name: 'Airport', fields: [{ name: 'state', type: 'string' }] })

const app = new Streams({ applicationId: 'delays', bootstrapServers: 'localhost:9092', commitIntervalMs: 1000 })
const airports = app.table('airports', { value: avro(Airport, { registry }) })
app.stream('flights', { value: avro(Flight, { registry }) }).pipe(
  filter(flight => flight.value.delay > 0),
  join(airports, (flight, airport) => ({ delay: flight.delay, state: airport.state })),
  groupBy(({ value }) => value.state),
  windowed(tumbling(hours(1), { grace: minutes(10) })),
  aggregate(
    () => ({ flights: 0, delay: 0 }),
    (sum, { value }) => ({ flights: sum.flights + 1, delay: sum.delay + value.delay }),
  ),
  to('delays-by-state'),
)
await app.start()
process.on('SIGINT', () => app.close())
