import { expect, it } from 'vitest'
import { formatProperties, parseProperties } from './properties.ts'

it('properties are read as Java reads them: comments, separators, continuation lines, escapes', () => {
  const text =
    '# comment\n! other\nnode.id=1\nlog.dirs : /a,\\\n   /b\nspaced value with = inside\nempty=\nkey\\:x=\\u00e9\\tend\nnode.id=2\n'
  expect([...parseProperties(text)]).toEqual([
    ['node.id', '2'],
    ['log.dirs', '/a,/b'],
    ['spaced', 'value with = inside'],
    ['empty', ''],
    ['key:x', 'é\tend'],
  ])
})

it('what is written is read back', () => {
  const properties = new Map([
    ['cluster.id', 'a=b\\c'],
    ['odd key:', 'two\nlines'],
  ])
  expect(parseProperties(formatProperties(properties))).toEqual(properties)
})
