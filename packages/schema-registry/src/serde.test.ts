import { describe, expect, expectTypeOf, it } from 'vitest'
import type { RegistryClient } from './http-client.ts'
import { defineSchema, type ValueOf } from './infer.ts'
import { avro } from './serde.ts'

const Flight = defineSchema({
  type: 'record',
  name: 'Flight',
  namespace: 'x',
  fields: [
    { name: 'origin', type: 'string' },
    { name: 'delay', type: 'int' },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
    { name: 'gate', type: ['null', 'string'], default: null },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['DOMESTIC', 'FOREIGN'] }, default: 'DOMESTIC' },
    { name: 'previous', type: ['null', 'Flight'], default: null },
    { name: 'extra', type: { type: 'map', values: 'long' }, default: {} },
  ],
})
const flight: ValueOf<typeof Flight> = {
  origin: 'SFO',
  delay: -3,
  tags: ['a'],
  gate: null,
  kind: 'FOREIGN',
  previous: null,
  extra: { n: 5 },
}

/** A registry of texts: what the serdes ask of one. */
function fakeRegistry() {
  const texts: string[] = []
  let fetched = 0
  const registry = {
    register: async (_: string, text: string) => {
      if (!texts.includes(text)) texts.push(text)
      return texts.indexOf(text) + 1
    },
    schemaById: async (id: number) => {
      fetched++
      return texts[id - 1]!
    },
  } as unknown as RegistryClient
  return { registry, fetched: () => fetched }
}

describe('a value', () => {
  it('has the type of its schema literal', () => {
    expectTypeOf<ValueOf<typeof Flight>['delay']>().toEqualTypeOf<number>()
    expectTypeOf<ValueOf<typeof Flight>['gate']>().toEqualTypeOf<string | null>()
    expectTypeOf<ValueOf<typeof Flight>['tags']>().toEqualTypeOf<string[]>()
    expectTypeOf<ValueOf<typeof Flight>['kind']>().toEqualTypeOf<'DOMESTIC' | 'FOREIGN'>()
    expectTypeOf<NonNullable<ValueOf<typeof Flight>['previous']>['origin']>().toEqualTypeOf<string>()
    expectTypeOf<ValueOf<typeof Flight>['extra']>().toEqualTypeOf<Record<string, number>>()
  })

  it("is written in Confluent's wire format and read back, with one look-up for all records of a schema", async () => {
    const { registry, fetched } = fakeRegistry()
    const serde = avro(Flight, { registry })
    await serde.prepare!('flights', 'value')
    const bytes = serde.serialize('flights', flight)
    expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, 1])
    expect(await serde.deserialize('flights', bytes)).toEqual(flight)
    const again = serde.deserialize('flights', bytes)
    expect(again).not.toBeInstanceOf(Promise)
    expect(again).toEqual(flight)
    expect(fetched()).toBe(1)
  })

  it('is read in the middle of a larger buffer, to its own end', async () => {
    const { registry } = fakeRegistry()
    const serde = avro(Flight, { registry })
    await serde.prepare!('flights', 'value')
    const other = { ...flight, delay: flight.delay + 1 }
    const [first, second] = [serde.serialize('flights', flight), serde.serialize('flights', other)]
    const around = Buffer.concat([Buffer.from([7, 7, 7]), first, second, Buffer.from([7, 7])])
    expect(await serde.deserializeSlice('flights', around, 3, first.length)).toEqual(flight)
    expect(serde.deserializeSlice('flights', around, 3 + first.length, second.length)).toEqual(other)
    expect(() => serde.deserializeSlice('flights', around, 3, first.length - 1)).toThrow(/shorter/)
    expect(() => serde.deserializeSlice('flights', around, 3, first.length + 1)).toThrow(/longer/)
    expect(() => serde.deserializeSlice('flights', around, 3, 4)).toThrow(/magic byte/)
  })

  it('larger than the buffer is written all the same', async () => {
    const { registry } = fakeRegistry()
    const serde = avro(Flight, { registry })
    await serde.prepare!('flights', 'value')
    const large = { ...flight, origin: 'é'.repeat(100_000) }
    expect(await serde.deserialize('flights', serde.serialize('flights', large))).toEqual(large)
  })

  it('of an older schema is resolved: defaults, promotions, another namespace', async () => {
    const { registry } = fakeRegistry()
    const old = avro(
      {
        type: 'record',
        name: 'Flight',
        namespace: 'old',
        fields: [
          { name: 'gone', type: 'int' },
          { name: 'delay', type: 'int' },
        ],
      },
      { registry },
    )
    const now = avro(
      {
        type: 'record',
        name: 'Flight',
        namespace: 'x',
        fields: [
          { name: 'delay', type: 'double' },
          { name: 'note', type: ['null', 'string'], default: 'none' },
        ],
      },
      { registry },
    )
    await old.prepare!('flights', 'value')
    const bytes = old.serialize('flights', { gone: 1, delay: 4 })
    expect(await now.deserialize('flights', bytes)).toEqual({ delay: 4, note: 'none' })
  })

  it('that does not fit its schema is refused with the path', async () => {
    const { registry } = fakeRegistry()
    const serde = avro(Flight, { registry })
    await serde.prepare!('flights', 'value')
    expect(() => serde.serialize('flights', { ...flight, delay: 1.5 })).toThrow(/delay: 1.5 is not/)
  })

  it('is refused where its schema was not prepared', () => {
    expect(() => avro(Flight, { registry: fakeRegistry().registry }).serialize('other', flight)).toThrow(/prepare\('other'/)
  })
})

describe('bytes that are no record of the schema', () => {
  it.each([
    ['another first byte', Buffer.from([1, 0, 0, 0, 1, 0]), /magic byte/],
    ['too few bytes', Buffer.from([0, 0]), /magic byte/],
  ])('%s are refused', async (_, bytes, reason) => {
    const serde = avro(Flight, { registry: fakeRegistry().registry })
    expect(() => serde.deserialize('flights', bytes)).toThrow(reason)
  })

  it.each([
    ['a truncated value', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1), /shorter|not what/],
    ['a value with bytes behind it', (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(0)]), /longer/],
  ])('%s is refused', async (_, damage, reason) => {
    const { registry } = fakeRegistry()
    const serde = avro(Flight, { registry })
    await serde.prepare!('flights', 'value')
    const bytes = serde.serialize('flights', flight)
    await serde.deserialize('flights', bytes)
    expect(() => serde.deserialize('flights', damage(bytes))).toThrow(reason)
  })

  it('of a schema that cannot be resolved say so', async () => {
    const { registry } = fakeRegistry()
    const other = avro({ type: 'record', name: 'Flight', fields: [] }, { registry })
    await other.prepare!('flights', 'value')
    const serde = avro(Flight, { registry })
    await expect(serde.deserialize('flights', other.serialize('flights', {}))).rejects.toThrow(/cannot be read with the schema/)
  })
})
