import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from './protocol-error.ts'
import { isUuid, uuidBytes, uuidOf, zeroUuid } from './uuid.ts'

describe('uuids', () => {
  it('are the URL-safe base64 of their bytes, however many come by', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), bytes => {
        const text = Buffer.from(bytes).toString('base64url')
        expect(uuidOf(bytes)).toBe(text)
        expect(uuidOf(bytes)).toBe(text)
        expect([...uuidBytes(text)]).toEqual([...bytes])
        expect(isUuid(text)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('of sixteen zeros is the one that stands for none', () => {
    expect(uuidOf(new Uint8Array(16))).toBe(zeroUuid)
    expect([...uuidBytes(zeroUuid)]).toEqual(Array(16).fill(0))
  })

  it.each(['', 'short', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}B`, `${'A'.repeat(21)}+`, `${'A'.repeat(21)}é`])(
    '%j is none',
    text => {
      expect(isUuid(text)).toBe(false)
      expect(() => uuidBytes(text)).toThrow(ProtocolError)
    },
  )
})
