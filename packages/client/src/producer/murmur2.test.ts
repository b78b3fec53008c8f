import { describe, expect, it } from 'vitest'
import { murmur2, murmur2OfText, partitionOfKey } from './murmur2.ts'

/** Hashes that Apache Kafka 4.3.1's Utils.murmur2 gave for the UTF-8 bytes. */
const vectors: [string, number][] = [
  ['', 275646681],
  ['a', -1563381124],
  ['ab', 316155434],
  ['abc', 479470107],
  ['abcd', -1323649548],
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['key-12345', -952703915],
  ['ORD', 1930652851],
  ['LAX', 1527128204],
  ['äöü', -2070914556],
  ['日本語キー', 1445825182],
  ['😀x', -1018136956],
]

describe('murmur2', () => {
  it.each(vectors)('of %j is what the Java client computes, from bytes and from text', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
    expect(murmur2OfText(text)).toBe(hash)
  })

  it('of bytes above 127 uses them unsigned', () => {
    expect(murmur2(Uint8Array.of(0xff, 0x80, 0x00, 0x7f, 0x01))).toBe(1699770653)
  })

  it('gives a partition from a negative hash by clearing the sign, not by taking the absolute value', () => {
    expect(partitionOfKey('a', 7)).toBe((-1563381124 & 0x7fffffff) % 7)
    expect(partitionOfKey(Buffer.from('a'), 7)).toBe(partitionOfKey('a', 7))
  })
})
