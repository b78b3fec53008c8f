import { describe, expect, it } from 'vitest'
import { bytesSerde, int64Serde, jsonSerde, stringSerde } from './serde.ts'

describe('serdes', () => {
  it.each([0, 1, -1, 255, -256, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, -(2 ** 32), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])(
    'int64 writes %i as Java does and reads it back',
    value => {
      const bytes = int64Serde.serialize('t', value)
      expect(Buffer.from(bytes).readBigInt64BE()).toBe(BigInt(value))
      expect(int64Serde.deserialize('t', bytes)).toBe(value)
    },
  )

  it('int64 refuses what is no whole number within 2^53, and bytes that are not eight', () => {
    expect(() => int64Serde.serialize('t', 0.5)).toThrow(/INVALID_RECORD/)
    expect(() => int64Serde.serialize('t', 2 ** 53)).toThrow(/INVALID_RECORD/)
    expect(() => int64Serde.deserialize('t', Buffer.alloc(4))).toThrow(/INVALID_RECORD/)
    expect(() => int64Serde.deserialize('t', Buffer.alloc(8, 0x7f))).toThrow(/INVALID_RECORD/)
  })

  it('text and bytes go through as they are', () => {
    expect(stringSerde.deserialize('t', stringSerde.serialize('t', 'ä日😀'))).toBe('ä日😀')
    const bytes = Buffer.from('abc').subarray(1)
    expect(bytesSerde.serialize('t', bytes)).toBe(bytes)
    expect(stringSerde.deserialize('t', bytes)).toBe('bc')
  })

  it('JSON reads what it wrote and says what is none', () => {
    const serde = jsonSerde<{ a: number[] }>()
    expect(serde.deserialize('t', serde.serialize('t', { a: [1, 2] }))).toEqual({ a: [1, 2] })
    expect(() => serde.deserialize('t', Buffer.from('{'))).toThrow(/INVALID_RECORD.*t is not JSON/)
    expect(() => jsonSerde().serialize('t', undefined)).toThrow(/INVALID_RECORD/)
  })
})
