import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as varint from './varint.ts'

const int64 = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: 0, max: 52 }).map(bit => 2 ** bit),
)

/** Zigzag and seven bits a byte, in arbitrary precision. */
function reference(value: number): number[] {
  let raw = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  const bytes: number[] = []
  for (; raw >= 0x80n; raw >>= 7n) bytes.push(Number(raw & 0x7fn) | 0x80)
  return [...bytes, Number(raw)]
}

describe('a zigzag varint', () => {
  it('of a safe integer is written, measured and read back', () => {
    fc.assert(
      fc.property(int64, value => {
        const bytes = new Uint8Array(12)
        const end = varint.writeVarlong(bytes, 1, value)
        expect([...bytes.subarray(1, end)]).toEqual(reference(value))
        expect(varint.sizeOfVarlong(value)).toBe(end - 1)
        expect(varint.readVarlong(bytes, 1, end)).toBe(value)
        expect(varint.varintEnd).toBe(end)
      }),
      { numRuns: 1000 },
    )
  })

  it('of 32 bits is written, measured and read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), value => {
        const bytes = new Uint8Array(6)
        const end = varint.writeVarint(bytes, 0, value)
        expect([...bytes.subarray(0, end)]).toEqual(reference(value))
        expect(varint.sizeOfVarint(value)).toBe(end)
        expect(varint.readVarint(bytes, 0, end)).toBe(value)
      }),
    )
  })

  it.each([
    ['of 6 bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], varint.readVarint],
    ['of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f], varint.readVarint],
    ['cut short', [0x80], varint.readVarint],
    ['that is not there', [], varint.readVarint],
    ['of 11 bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], varint.readVarlong],
    ['beyond 2^53', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], varint.readVarlong],
    ['of more than 64 bits', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], varint.readVarlong],
    ['cut short at its ninth byte', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], varint.readVarlong],
  ])('%s is CORRUPT_MESSAGE', (_, bytes, read) => {
    expect(() => read(Uint8Array.from(bytes), 0, bytes.length)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
  })
})
