import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c, crc32cPortable } from './crc32c.ts'

/** Bit by bit, from the polynomial. */
function reference(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
  }
  return ~crc >>> 0
}

describe('crc32c', () => {
  it('has the values of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e)
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(0))).toBe(0)
  })

  it('is the same with and without native code, whole or in two parts, at any position', () => {
    const bytes = fc.uint8Array({ maxLength: 1200, size: 'max' })
    fc.assert(
      fc.property(bytes, fc.nat(20), fc.nat(), (all, start, cut) => {
        const from = Math.min(start, all.length)
        const middle = from + (cut % (all.length - from + 1))
        const expected = reference(all.subarray(from))
        expect(crc32c(all, from)).toBe(expected)
        expect(crc32cPortable(all, from, all.length)).toBe(expected)
        expect(crc32c(all, middle, all.length, crc32c(all, from, middle))).toBe(expected)
        expect(crc32cPortable(all, middle, all.length, crc32cPortable(all, from, middle))).toBe(expected)
      }),
    )
  })
})
