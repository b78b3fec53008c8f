import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from './protocol-error.ts'
import { putUvarint, putVarint, readUvarint, readVarint, uvarintSize } from './varint.ts'

describe('varints', () => {
  it('come back as they were, in the size foretold', () => {
    const bytes = new Uint8Array(8)
    const property = fc.property(fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffffffff })), value => {
      const end = putUvarint(bytes, 1, value)
      const cursor = { value: -1, position: 1 }
      readUvarint(bytes, cursor)
      expect(cursor).toEqual({ value, position: end })
      expect(uvarintSize(value)).toBe(end - 1)
    })
    fc.assert(property, {
      examples: [[0], [127], [128], [16383], [16384], [2097151], [2097152], [268435455], [268435456], [4294967295]],
    })
  })

  it('keep the sign, short near zero', () => {
    const bytes = new Uint8Array(8)
    for (const value of [0, -1, 1, -64, 63, -65, 64, 2147483647, -2147483648]) {
      const end = putVarint(bytes, 0, value)
      const cursor = { value: 9, position: 0 }
      readVarint(bytes, cursor)
      expect(cursor).toEqual({ value, position: end })
    }
    expect(putVarint(bytes, 0, -64)).toBe(1)
    expect(putVarint(bytes, 0, 64)).toBe(2)
  })

  it.each(['', '80', 'ffffffff', 'ffffffff1f', 'ffffffff8f', 'ffffffffffffffffff01', 'ffffffffffffffffffff01'])(
    'from %s are refused',
    hex => {
      expect(() => readUvarint(Buffer.from(hex, 'hex'), { value: 0, position: 0 })).toThrow(ProtocolError)
    },
  )
})
