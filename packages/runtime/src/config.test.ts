import { describe, expect, it } from 'vitest'
import { type ConfigKey, ConfigSet, formatConfigValue, parseConfigValue } from './config.ts'

const key = (part: Partial<ConfigKey>): ConfigKey => ({ name: 'key', type: 'int', default: 1, scope: 'broker', doc: '', ...part })

describe('a configuration value', () => {
  it.each([
    [key({ type: 'int' }), ' 42 ', 42],
    [key({ type: 'long' }), '9223372036854775807', Number.MAX_SAFE_INTEGER],
    [key({ type: 'double' }), '1e-3', 0.001],
    [key({ type: 'boolean' }), 'TRUE', true],
    [key({ type: 'list' }), 'compact, delete', ['compact', 'delete']],
    [key({ type: 'list' }), '', []],
    [key({ type: 'string' }), 'producer', 'producer'],
  ])('of type %o is parsed as Kafka parses it', (declared, text, value) => {
    expect(parseConfigValue(declared, text)).toEqual(value)
  })

  it.each([
    [key({ min: 1, max: 9 }), '10', 'Invalid value 10 for configuration key: must be 1 to 9'],
    [key({ min: 1 }), '0', 'Invalid value 0 for configuration key: must be at least 1'],
    [key({}), '1.5', 'must be a number of type int'],
    [key({}), '2147483648', 'must be int'],
    [key({ type: 'boolean' }), 'yes', 'must be true or false'],
    [key({ type: 'list', valid: ['compact', 'delete'] }), 'compact,keep', 'must be a list of compact, delete'],
    [key({ type: 'string', valid: ['none', 'gzip'] }), 'rar', 'must be one of none, gzip'],
  ])('that does not fit is refused with its range', (declared, text, message) => {
    expect(() => parseConfigValue(declared, text)).toThrow(message)
  })

  it('of a password never shows in the error', () => {
    expect(() => parseConfigValue(key({ type: 'password', valid: ['a'] }), 'secret')).toThrow(/\[hidden\]/)
  })

  it('is written back as Kafka writes it', () => {
    expect(formatConfigValue(['a', 'b'])).toBe('a,b')
    expect(formatConfigValue(Number.MAX_SAFE_INTEGER)).toBe('9223372036854775807')
    expect(formatConfigValue(null)).toBeNull()
  })
})

describe('a set of configuration values', () => {
  const keys = [
    key({ name: 'log.retention.hours', default: 168 }),
    key({ name: 'log.retention.minutes', default: null, fallbacks: [{ name: 'log.retention.hours', factor: 60 }] }),
    key({
      name: 'log.retention.ms',
      type: 'long',
      default: null,
      fallbacks: [{ name: 'log.retention.minutes', factor: 60_000 }],
    }),
    key({ name: 'node.id', default: undefined }),
  ]
  const set = (entries: Record<string, string>) => new ConfigSet(keys, new Map(Object.entries({ 'node.id': '1', ...entries })))

  it('takes the value of a fallback in its own unit', () => {
    expect(set({ 'log.retention.hours': '2' }).get(keys[2]!)).toBe(7_200_000)
    expect(set({ 'log.retention.hours': '2', 'log.retention.ms': '5' }).get(keys[2]!)).toBe(5)
  })

  it('keeps "no limit" as it is through a fallback', () => {
    expect(set({ 'log.retention.minutes': '-1' }).get(keys[2]!)).toBe(-1)
  })

  it('names unknown keys and refuses a missing required one', () => {
    expect(set({ 'no.such.key': 'x' }).unknown).toEqual(['no.such.key'])
    expect(() => new ConfigSet(keys, new Map())).toThrow('Missing required configuration node.id')
  })
})
