import { afterEach, describe, expect, it } from 'vitest'
import type { Totals } from './fold.ts'
import { LiveTables } from './live-tables.ts'

const hourMs = 3_600_000
const opened: LiveTables[] = []
afterEach(async () => {
  for (const tables of opened.splice(0)) await tables.close()
})

function newTables(): LiveTables {
  const none = (): never => {
    throw new Error('not asked for')
  }
  const tables = new LiveTables({ bootstrapServers: '127.0.0.1:1', delays: { serialize: none, deserialize: none } })
  opened.push(tables)
  return tables
}

/** As Kafka Streams writes it: the key, the window's start. */
function windowedKey(key: string, startMs: number): Buffer {
  const bytes = Buffer.alloc(key.length + 8)
  bytes.write(key)
  bytes.writeBigInt64BE(BigInt(startMs), key.length)
  return bytes
}

const totals = (flights: number, delay: number): Totals => ({ flights, delay })

describe('the live tables', () => {
  it('take windowed keys apart, keep the last value of each, and sum the hours over the states', () => {
    const tables = newTables()
    const hour = 978_307_200_000
    tables.apply('delays-by-state', windowedKey('CA', hour), totals(2, 10))
    tables.apply('delays-by-state', windowedKey('NY', hour), totals(1, -3))
    tables.apply('delays-by-state', windowedKey('CA', hour + hourMs), totals(1, 1))
    tables.apply('delays-by-state', windowedKey('CA', hour), totals(5, 40))
    expect(Object.fromEntries(tables.stateHours)).toEqual({
      [`CA@${hour}`]: totals(5, 40),
      [`NY@${hour}`]: totals(1, -3),
      [`CA@${hour + hourMs}`]: totals(1, 1),
    })
    expect(tables.hours.get(hour)).toEqual(totals(6, 37))
    expect(tables.eventTimeMs).toBe(hour + hourMs)
  })

  it('read keys out of a larger buffer', () => {
    const tables = newTables()
    const key = windowedKey('TX', hourMs)
    const buffer = Buffer.concat([Buffer.from('xxx'), key, Buffer.from('yyy')])
    tables.apply('delays-by-state', buffer.subarray(3, 3 + key.length), totals(1, 1))
    expect([...tables.stateHours.keys()]).toEqual([`TX@${hourMs}`])
  })

  it('sum over the airports, and tell what has changed since it was last asked', () => {
    const tables = newTables()
    tables.apply('airport-totals', Buffer.from('ORD'), totals(2, 10))
    tables.apply('airport-totals', Buffer.from('LAX'), totals(1, 5))
    tables.apply('airport-totals', Buffer.from('ORD'), totals(3, 7))
    expect(tables.sum).toEqual(totals(4, 12))
    expect(tables.takeChanges().airports).toEqual([
      ['ORD', 3, 7],
      ['LAX', 1, 5],
    ])
    expect(tables.takeChanges()).toEqual({ airports: [], hours: [] })
    expect(tables.all().airports).toHaveLength(2)
  })

  it('give the busiest routes first', () => {
    const tables = newTables()
    for (const [route, flights] of [
      ['A-B', 3],
      ['C-D', 9],
      ['E-F', 5],
    ] as const)
      tables.apply('route-totals', Buffer.from(route), totals(flights, 0))
    expect(tables.busiestRoutes(2)).toEqual([
      ['C-D', 9, 0],
      ['E-F', 5, 0],
    ])
  })
})
