import { filter } from 'rxjs'
import { expect, it } from 'vitest'
import { count, groupBy, join, Streams, to } from '../index.ts'

it('a topology is described as Kafka Streams describes one', () => {
  const app = new Streams({ applicationId: 'app' })
  const rows = app.table('rows')
  app.stream('in').pipe(
    filter(() => true),
    join(rows, value => value),
    groupBy(() => 'x', { name: 'g' }),
    count({ name: 'counts' }),
    to('out'),
  )
  expect(app.describe()).toBe(`Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [rows])
      --> KTABLE-SOURCE-0000000001
    Processor: KTABLE-SOURCE-0000000001 (stores: [rows])
      --> none
      <-- KSTREAM-SOURCE-0000000000
    Source: KSTREAM-SOURCE-0000000002 (topics: [in])
      --> KSTREAM-RXJS-0000000003
    Processor: KSTREAM-RXJS-0000000003 (stores: [])
      --> KSTREAM-JOIN-0000000004
      <-- KSTREAM-SOURCE-0000000002
    Processor: KSTREAM-JOIN-0000000004 (stores: [rows])
      --> KSTREAM-KEY-SELECT-0000000005
      <-- KSTREAM-RXJS-0000000003
    Processor: KSTREAM-KEY-SELECT-0000000005 (stores: [])
      --> KSTREAM-SINK-0000000006
      <-- KSTREAM-JOIN-0000000004
    Sink: KSTREAM-SINK-0000000006 (topic: app-g-repartition)
      <-- KSTREAM-KEY-SELECT-0000000005

   Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000007 (topics: [app-g-repartition])
      --> KSTREAM-COUNT-0000000008
    Processor: KSTREAM-COUNT-0000000008 (stores: [counts])
      --> KSTREAM-SINK-0000000009
      <-- KSTREAM-SOURCE-0000000007
    Sink: KSTREAM-SINK-0000000009 (topic: out)
      <-- KSTREAM-COUNT-0000000008

`)
})
