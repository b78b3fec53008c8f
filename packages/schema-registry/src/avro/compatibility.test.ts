import { describe, expect, it } from 'vitest'
import { incompatibilities } from './compatibility.ts'
import { parseSchema } from './parse.ts'

const schema = (value: unknown) => parseSchema(JSON.stringify(value))
const record = (fields: unknown[], more: object = {}) => ({ type: 'record', name: 'R', fields, ...more })
const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more })
const enumOf = (symbols: string[], more: object = {}) => ({ type: 'enum', name: 'E', symbols, ...more })

/** [what, reader, writer, kinds with their place] */
const table: [string, unknown, unknown, string[]][] = [
  ['the same primitive', 'int', 'int', []],
  ['int read as long, float, double', record([field('a', 'double')]), record([field('a', 'int')]), []],
  ['long read as int', 'int', 'long', ['TYPE_MISMATCH ']],
  ['bytes and string for one another', 'string', 'bytes', []],
  ['string read as enum', enumOf(['A']), 'string', ['TYPE_MISMATCH ']],
  ['a new field with a default', record([field('a', 'int', { default: 1 })]), record([]), []],
  ['a new field without a default', record([field('a', 'int')]), record([]), ['READER_FIELD_MISSING_DEFAULT_VALUE /fields/0']],
  [
    'a nullable new field without a default',
    record([field('a', ['null', 'int'])]),
    record([]),
    ['READER_FIELD_MISSING_DEFAULT_VALUE /fields/0'],
  ],
  ['a field that the reader dropped', record([]), record([field('a', 'int')]), []],
  ['a renamed field with an alias', record([field('b', 'int', { aliases: ['a'] })]), record([field('a', 'int')]), []],
  ['a record of another namespace', record([], { namespace: 'x' }), record([], { namespace: 'y' }), []],
  ['a record of another name', { ...record([]), name: 'S' }, record([]), ['NAME_MISMATCH /name']],
  ['a renamed record with an alias', { ...record([]), name: 'S', aliases: ['R'] }, record([]), []],
  ['a missing enum symbol', enumOf(['A']), enumOf(['A', 'B']), ['MISSING_ENUM_SYMBOLS /symbols']],
  ['a missing enum symbol with an enum default', enumOf(['A'], { default: 'A' }), enumOf(['A', 'B']), []],
  [
    'another size of a fixed',
    { type: 'fixed', name: 'F', size: 2 },
    { type: 'fixed', name: 'F', size: 3 },
    ['FIXED_SIZE_MISMATCH /size'],
  ],
  ['a type read by a wider union', ['null', 'int'], 'int', []],
  ['an int read by a union with long', ['null', 'long'], 'int', []],
  ['a type that the union lacks', ['null', 'int'], 'string', ['MISSING_UNION_BRANCH ']],
  ['a union read by a narrower union', ['null', 'int'], ['null', 'string'], ['MISSING_UNION_BRANCH /1']],
  ['a union read by a type that fits one branch', 'int', ['null', 'int'], ['TYPE_MISMATCH /0']],
  [
    'a nested difference',
    record([field('a', { type: 'array', items: 'int' })]),
    record([field('a', { type: 'array', items: 'string' })]),
    ['TYPE_MISMATCH /fields/0/type/items'],
  ],
  [
    'a recursive record',
    record([field('next', ['null', 'R']), field('v', 'long')]),
    record([field('next', ['null', 'R']), field('v', 'int')]),
    [],
  ],
  ['a logical type', { type: 'int', logicalType: 'date' }, 'int', []],
]

describe('a reader', () => {
  it.each(table)('of %s', (_, reader, writer, expected) => {
    expect(incompatibilities(schema(reader), schema(writer)).map(({ kind, location }) => `${kind} ${location}`)).toEqual(expected)
  })

  it('with an alias that makes two fields fit is refused, as Avro Java refuses it', () => {
    const reader = schema(record([field('c', 'int', { aliases: ['a', 'b'] })]))
    expect(() => incompatibilities(reader, schema(record([field('a', 'int'), field('b', 'int')])))).toThrow('multiple fields')
  })
})
