import { describe, expect, expectTypeOf, it } from 'vitest'
import { decode, encodeWhole } from './codec/codec.ts'
import { type Fetch, type FetchRequest, type FetchResponse, MetadataRequest } from './messages/index.ts'
import {
  array,
  bool,
  bytes,
  type Draft,
  type ElementOf,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  unboundedInt64,
  uuid,
  type ValueOf,
  versionRange,
} from './schema.ts'

const Order = message(
  'Order',
  { versions: '1-3', flexible: 2, type: 7 },
  {
    id: uuid(),
    customer: string({ nullable: 2, default: null }),
    note: string({ tag: 0, since: 2, ignorable: true }),
    total: int64({ default: -1 }),
    paid: bool({ default: true }),
    limit: unboundedInt64({ tag: 1, since: 3 }),
    lines: array({ product: string({ mapKey: true }), count: int32({ default: 1 }) }),
    tags: array({ nullable: true }, string()),
    address: struct({ nullable: true, default: null }, { city: string() }),
    proof: bytes({ nullable: true, default: null }),
    log: records(),
  },
)
interface Order extends ValueOf<typeof Order> {}

describe('a declaration', () => {
  it('has the TypeScript type that it spells', () => {
    expectTypeOf<Order['id']>().toEqualTypeOf<string>()
    expectTypeOf<Order['customer']>().toEqualTypeOf<string | null>()
    expectTypeOf<Order['note']>().toEqualTypeOf<string>()
    expectTypeOf<Order['total']>().toEqualTypeOf<number>()
    expectTypeOf<Order['lines']>().toEqualTypeOf<readonly { product: string; count: number }[]>()
    expectTypeOf<Order['tags']>().toEqualTypeOf<readonly string[] | null>()
    expectTypeOf<Order['address']>().toEqualTypeOf<{ city: string } | null>()
    expectTypeOf<Order['proof']>().toEqualTypeOf<Uint8Array | null>()
    expectTypeOf<Order['log']>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<ValueOf<typeof Fetch.request>>().toEqualTypeOf<FetchRequest>()
    expectTypeOf<ElementOf<FetchResponse['responses']>['topicId']>().toEqualTypeOf<string>()
  })

  it('takes drafts: parts left out, bytes in pieces, read-only lists; and nothing that it has not', () => {
    const pieces: readonly Uint8Array[] = [new Uint8Array(1)]
    expectTypeOf<{ log: readonly Uint8Array[]; lines: readonly { readonly product: string }[] }>().toExtend<Draft<Order>>()
    expectTypeOf<{ id: number }>().not.toExtend<Draft<Order>>()
    expectTypeOf<{ customer: undefined }>().toExtend<Draft<Order>>()
    // @ts-expect-error a misspelt field is found by the compiler
    encodeWhole(MetadataRequest, 9, { topicz: null })
    expect(decode(Order, 3, encodeWhole(Order, 3, { log: pieces, tags: null })).log).toEqual(new Uint8Array(1))
  })

  it('gives what is left out its default, in every version', () => {
    const defaults = {
      id: 'A'.repeat(22),
      customer: null,
      note: '',
      total: -1,
      paid: true,
      limit: Infinity,
      lines: [],
      tags: null,
      address: null,
      proof: null,
      log: new Uint8Array(0),
    }
    expect(decode(Order, 3, encodeWhole(Order, 3, { tags: null }))).toEqual(defaults)
    expect(decode(Order, 1, encodeWhole(Order, 1, { customer: '', tags: null, note: 'dropped' }))).toEqual({
      ...defaults,
      customer: '',
    })
  })

  it('says its versions and its record type', () => {
    expect(Order).toMatchObject({ name: 'Order', versions: { min: 1, max: 3 }, flexibleFrom: 2, type: 7 })
    expect(versionRange('4')).toEqual({ min: 4, max: 4 })
  })

  it('reads an int64 that means unbounded as Infinity, and only where that is declared', () => {
    const value = { tags: null, limit: 5 }
    expect(decode(Order, 3, encodeWhole(Order, 3, value)).limit).toBe(5)
    expect(() => encodeWhole(Order, 3, { tags: null, total: Infinity })).toThrow(/int64/)
  })
})
