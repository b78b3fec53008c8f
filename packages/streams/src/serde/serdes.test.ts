import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, float64, int32, int64, json, type Serde, string, timeWindowed } from '../index.ts'
import { hasSlices } from './serde.ts'

const serdes: [string, Serde<any>, fc.Arbitrary<any>][] = [
  ['string', string(), fc.string({ unit: 'grapheme' })],
  ['int32', int32(), fc.integer()],
  ['int64', int64(), fc.maxSafeInteger()],
  ['float64', float64(), fc.double({ noNaN: true })],
  ['bytes', bytes(), fc.uint8Array()],
  // JSON has no -0: only what can be written counts.
  ['json', json(), fc.json().map(text => JSON.parse(text))],
  [
    'timeWindowed',
    timeWindowed(string(), 60),
    fc
      .record({ key: fc.string({ unit: 'grapheme' }), start: fc.maxSafeInteger().map(Math.abs) })
      .map(({ key, start }) => ({ key, window: { start, end: start + 60 } })),
  ],
]

describe.each(serdes)('%s', (_, serde, values) => {
  it('gives back what it was given, wherever the bytes lie', () => {
    fc.assert(
      fc.property(values, value => {
        const written = Buffer.from(serde.serialize('t', value))
        const around = Buffer.concat([Buffer.of(1, 2, 3), written, Buffer.of(4)])
        const view = around.subarray(3, 3 + written.length)
        expect(serde.deserialize('t', view)).toEqual(value)
        if (hasSlices(serde)) expect(serde.deserializeSlice('t', around, 3, written.length)).toEqual(value)
      }),
    )
  })
})

describe('numbers', () => {
  it('have Java’s bytes', () => {
    expect([...int32().serialize('t', -2)]).toEqual([255, 255, 255, 254])
    expect([...int64().serialize('t', -2)]).toEqual([255, 255, 255, 255, 255, 255, 255, 254])
    expect([...int64().serialize('t', 2 ** 40 + 5)]).toEqual([0, 0, 1, 0, 0, 0, 0, 5])
    expect([...float64().serialize('t', 1)]).toEqual([0x3f, 0xf0, 0, 0, 0, 0, 0, 0])
  })

  it('refuse what does not fit', () => {
    expect(() => int32().serialize('t', 2 ** 31)).toThrow('2147483648 is no int32')
    expect(() => int64().serialize('t', 0.5)).toThrow('0.5 is no int64')
    expect(() => int64().deserialize('t', Buffer.alloc(7))).toThrow('7 bytes are no int64, which has 8')
    expect(() => int64().deserialize('t', Buffer.alloc(8, 0x7f))).toThrow('beyond the safe range')
  })

  it('of one record stay apart, even with one serde for key and value', () => {
    const serde = int32()
    const results = [1, 2, 3, 4].map(value => serde.serialize('t', value))
    expect(results.map(result => result[3])).toEqual([1, 2, 3, 4])
  })
})

describe('text', () => {
  it('refuses what is none, and says what to do', () => {
    expect(() => string().serialize('t', 7 as never)).toThrow(/number is no text.*json\(\)/)
  })

  it('is not mixed up by its cache', () => {
    const serde = string()
    const keys = Array.from({ length: 100_000 }, (_, i) => `k${i * 7919}`)
    for (const key of keys) expect(serde.deserialize('t', Buffer.from(key))).toBe(key)
    for (const key of keys.slice(0, 1_000)) expect(serde.deserialize('t', Buffer.from(key))).toBe(key)
  })
})

it('a windowed key is the key and the start of the window', () => {
  expect([...timeWindowed(string(), 10).serialize('t', { key: 'a', window: { start: 258, end: 268 } })]).toEqual([
    0x61, 0, 0, 0, 0, 0, 0, 1, 2,
  ])
  expect(() => timeWindowed(string(), 10).deserialize('t', Buffer.alloc(7))).toThrow('no windowed key')
})
