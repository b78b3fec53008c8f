import { describe, expect, it } from 'vitest'
import { canonicalText } from './canonical.ts'
import { parseSchema } from './parse.ts'

const canonical = (text: string, normalize = false) => canonicalText(parseSchema(text), { normalize })

describe('the canonical text', () => {
  it.each([
    ['{ "type" : "string" }', '"string"'],
    ['{"type":"int","logicalType":"date"}', '{"type":"int","logicalType":"date"}'],
    [
      '{"name":"a.b.C","type":"record","doc":"d","fields":[{"type":"C2","name":"x","order":"IGNORE"},{"name":"y","type":{"type":"enum","name":"C2","symbols":["A"]}}],"extra":{"b":1,"a":2},"aliases":["Old","z.Other"]}',
      '{"type":"record","name":"C","namespace":"a.b","doc":"d","fields":[{"name":"x","type":{"type":"enum","name":"C2","symbols":["A"]},"order":"ignore"},{"name":"y","type":"C2"}],"extra":{"b":1,"a":2},"aliases":["Old","z.Other"]}',
    ],
    [
      '{"type":"record","name":"R","fields":[{"name":"big","type":"long","default":9223372036854775807}]}',
      '{"type":"record","name":"R","fields":[{"name":"big","type":"long","default":9223372036854775807}]}',
    ],
    ['{"type":"fixed","size":4,"name":"F","namespace":""}', '{"type":"fixed","name":"F","size":4}'],
    ['/* a comment */ ["null", {"type":"array","items":"long"}] // end', '["null",{"type":"array","items":"long"}]'],
  ])('of %s', (text, expected) => {
    expect(canonical(text)).toBe(expected)
    expect(canonical(expected)).toBe(expected)
  })

  it('sorts what has no order when normalized', () => {
    expect(
      canonical(
        '{"type":"record","name":"R","doc":"","z":1,"a":{"c":1,"b":2},"fields":[{"name":"d","type":"double","default":1}]}',
        true,
      ),
    ).toBe('{"type":"record","name":"R","fields":[{"name":"d","type":"double","default":1.0}],"a":{"b":2,"c":1},"z":1}')
  })
})

describe('a text that is not a schema', () => {
  it.each([
    ['string', 'Not JSON'],
    ['"no.such.Type"', 'Undefined name'],
    ['{"type":"record","name":"R"}', 'no fields'],
    ['{"type":"record","name":"1R","fields":[]}', 'Illegal character'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}', 'Duplicate field'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":1.5}]}', 'Invalid default'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":2147483648}]}', 'Invalid default'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"],"default":"null"}]}', 'Invalid default'],
    ['["int","int"]', 'Duplicate in union'],
    ['[["int"]]', 'Nested union'],
    ['{"type":"enum","name":"E","symbols":["A","A"]}', 'Duplicate enum symbol'],
    ['{"type":"enum","name":"E","symbols":["A"],"default":"B"}', 'Enum Default'],
    ['{"type":"fixed","name":"F","size":-1}', 'size'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":"R","size":1}}]}', "Can't redefine"],
    ['"int" x', 'dangling content'],
    [`${'['.repeat(1000)}${']'.repeat(1000)}`, 'nested deeper'],
  ])('%s is refused', (text, reason) => {
    expect(() => parseSchema(text)).toThrow(reason)
  })

  it('but a union default of any branch, an empty enum and a fixed of size 0 are schemas', () => {
    for (const text of [
      '{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"],"default":1}]}',
      '{"type":"enum","name":"E","symbols":[]}',
      '{"type":"fixed","name":"F","size":0}',
    ]) {
      expect(() => parseSchema(text)).not.toThrow()
    }
  })
})
