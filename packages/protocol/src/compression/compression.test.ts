import { createHash } from 'node:crypto'
import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CompressionCodec, CompressionError, compress, compressionCodecs, decompress } from './index.ts'
import { lz4DecompressBlock } from './lz4-block.ts'
import { xxhash32 } from './xxhash32.ts'

const codecs = compressionCodecs.slice(1)

/** Text, noise and runs in turns: what makes every branch of an encoder run. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(70_000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc.tuple(fc.string({ maxLength: 30 }), fc.nat(400)).map(([text, times]) => Buffer.from(text.repeat(times))),
    ),
    { maxLength: 8 },
  )
  .map(pieces => Buffer.concat(pieces))

const noise = (length: number) =>
  Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, (_, i) => createHash('sha256').update(`${i}`).digest()))
const failure = (code: string) => expect.objectContaining({ code, name: 'CompressionError' })

describe.each(codecs)('%s', codec => {
  it('gives back what it was given, and no byte above the limit', () => {
    fc.assert(
      fc.property(content, bytes => {
        const packed = compress(codec, bytes)
        expect(Buffer.compare(decompress(codec, packed, bytes.length), bytes)).toBe(0)
        if (bytes.length > 0) expect(() => decompress(codec, packed, bytes.length - 1)).toThrow(failure('MESSAGE_TOO_LARGE'))
      }),
      { numRuns: 60 },
    )
  })

  it('gives back what can be made no smaller', () => {
    const bytes = noise(200_000)
    const packed = compress(codec, bytes)
    expect(packed.length).toBeLessThan(bytes.length * 1.01 + 100)
    expect(Buffer.compare(decompress(codec, packed, bytes.length), bytes)).toBe(0)
  })

  it('reads a view in the middle of other bytes', () => {
    const packed = compress(codec, Buffer.from('some text, some text, some text'))
    const framed = Buffer.concat([Buffer.from('before'), packed, Buffer.from('behind')])
    const view = framed.subarray(6, 6 + packed.length)
    expect(Buffer.from(decompress(codec, view, 100)).toString()).toBe('some text, some text, some text')
  })

  it('ends in a typed error or in bounded bytes on damaged data', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(content, damage, fc.option(fc.nat()), (bytes, changes, cut) => {
        let packed = Uint8Array.from(compress(codec, bytes))
        for (const [at, byte] of changes) packed[at % packed.length] = byte
        if (cut !== null) packed = packed.subarray(0, cut % packed.length)
        try {
          expect(decompress(codec, packed, 2 ** 16).length).toBeLessThanOrEqual(2 ** 16)
        } catch (error) {
          expect(error).toBeInstanceOf(CompressionError)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('ends in a typed error or in bounded bytes on noise', () => {
    const starts: Record<string, number[]> = {
      gzip: [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
      snappy: [0x40],
      lz4: [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0x20, 0, 0, 0],
      zstd: [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x40],
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, hasStart) => {
        const packed = hasStart ? Uint8Array.from([...starts[codec]!, ...bytes]) : bytes
        try {
          expect(decompress(codec, packed, 1000).length).toBeLessThanOrEqual(1000)
        } catch (error) {
          expect(error).toBeInstanceOf(CompressionError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('decompress', () => {
  const text = Buffer.from('joined members, joined members, joined members')
  const twice = Buffer.concat([text, text])
  it.each<CompressionCodec>(['gzip', 'snappy', 'lz4', 'zstd'])('reads %s streams one after another', codec => {
    const packed = compress(codec, text)
    const joined = Buffer.concat([packed, packed])
    expect(Buffer.compare(decompress(codec, joined, twice.length), twice)).toBe(0)
    expect(() => decompress(codec, joined, twice.length - 1)).toThrow(failure('MESSAGE_TOO_LARGE'))
  })

  it('reads zstd frames without a content size, with a checksum, and with what is to be skipped between', async () => {
    const { ZSTD_c_contentSizeFlag, ZSTD_c_checksumFlag } = zlib.constants
    const plain = zlib.zstdCompressSync(text, { params: { [ZSTD_c_contentSizeFlag]: 0 } })
    const checked = zlib.zstdCompressSync(noise(300_000), { params: { [ZSTD_c_checksumFlag]: 1 } })
    const skip = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    const all = Buffer.concat([plain, skip, checked])
    expect(Buffer.compare(decompress('zstd', all, 2 ** 20), Buffer.concat([text, noise(300_000)]))).toBe(0)
    for (const cut of [1, 4, 100])
      expect(() => decompress('zstd', all.subarray(0, -cut), 2 ** 20)).toThrow(failure('CORRUPT_MESSAGE'))
    expect(() => decompress('zstd', Buffer.concat([plain, Buffer.from('more')]), 2 ** 20)).toThrow(failure('CORRUPT_MESSAGE'))
  })

  it('reads one bare snappy block, as other clients than Java’s write', () => {
    // Length 11, a literal of 4, a copy of 7 from 4 back.
    const block = Buffer.from([11, 3 << 2, 0x61, 0x62, 0x63, 0x64, 1 | (3 << 2), 4])
    expect(Buffer.from(decompress('snappy', block, 11)).toString()).toBe('abcdabcdabc')
    const withLongOffset = Buffer.from([11, 3 << 2, 0x61, 0x62, 0x63, 0x64, 3 | (6 << 2), 4, 0, 0, 0])
    expect(Buffer.from(decompress('snappy', withLongOffset, 11)).toString()).toBe('abcdabcdabc')
  })

  it('believes no length that a snappy block could not unfold to', () => {
    const lie = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0, 0x61])
    expect(() => decompress('snappy', lie, 2 ** 30)).toThrow(failure('CORRUPT_MESSAGE'))
  })
})

describe('an LZ4 frame', () => {
  /** A frame of stored and compressed blocks with the flags given. */
  function frame(
    flags: number,
    descriptor: number,
    blocks: { bytes: number[]; stored?: boolean }[],
    size?: number,
    content?: Buffer,
  ): Buffer {
    const head = Buffer.from([flags, descriptor, ...(size === undefined ? [] : [size & 255, size >> 8, 0, 0, 0, 0, 0, 0])])
    const words = (value: number) => {
      const word = Buffer.alloc(4)
      word.writeUInt32LE(value >>> 0)
      return word
    }
    return Buffer.concat([
      words(0x184d2204),
      head,
      Buffer.from([(xxhash32(head, 0, head.length) >>> 8) & 255]),
      ...blocks.flatMap(({ bytes, stored }) => [
        words((stored ? 0x8000_0000 : 0) + bytes.length),
        Buffer.from(bytes),
        ...(flags & 0x10 ? [words(xxhash32(Uint8Array.from(bytes), 0, bytes.length))] : []),
      ]),
      words(0),
      ...(content === undefined ? [] : [words(xxhash32(content, 0, content.length))]),
    ])
  }

  const abcd = { bytes: [0x61, 0x62, 0x63, 0x64], stored: true }
  /** A match of 8 from 4 back, then the literal `!`: it reaches into the block before. */
  const back = { bytes: [0x04, 4, 0, 0x10, 0x21] }
  const read = (bytes: Buffer, maxBytes = 100) => Buffer.from(decompress('lz4', bytes, maxBytes)).toString()

  it('of dependent blocks is read', () => {
    expect(read(frame(0x40, 0x40, [abcd, back]))).toBe('abcdabcdabcd!')
  })

  it('of independent blocks may not reach back beyond its block', () => {
    expect(() => read(frame(0x60, 0x40, [abcd, back]))).toThrow(failure('CORRUPT_MESSAGE'))
  })

  it('is checked by what checksums and content size it has', () => {
    const content = Buffer.from('abcdabcdabcd!')
    const whole = frame(0x40 | 0x10 | 0x08 | 0x04, 0x70, [abcd, back], 13, content)
    expect(read(whole)).toBe('abcdabcdabcd!')
    for (let at = 0; at < whole.length; at++) {
      const bad = Buffer.from(whole)
      bad[at]! ^= 0x01
      expect(() => read(bad), `byte ${at}`).toThrow(CompressionError)
    }
    for (let length = 0; length < whole.length; length++) expect(() => read(whole.subarray(0, length))).toThrow(CompressionError)
  })

  it('with a content size above the limit is refused before its first block', () => {
    expect(() => read(frame(0x68, 0x40, [], 0xffff), 100)).toThrow(failure('MESSAGE_TOO_LARGE'))
  })

  it('with a block above its own block size is refused', () => {
    const run = { bytes: [0x1f, 0x61, 1, 0, ...new Array(260).fill(255), 0, 0x50, 1, 2, 3, 4, 5] }
    expect(() => read(frame(0x60, 0x40, [run]), 2 ** 20)).toThrow(failure('CORRUPT_MESSAGE'))
    expect(read(frame(0x60, 0x50, [run]), 2 ** 20).length).toBeGreaterThan(65536)
  })

  it('of each level unfolds to the same bytes, and higher levels are no larger', () => {
    const bytes = Buffer.from(Array.from({ length: 3000 }, (_, i) => `{"id":${i},"user":"u${(i * 7919) % 977}"}`).join(','))
    const sizes = [9, 4, 12].map(level => {
      const packed = compress('lz4', bytes, level)
      expect(Buffer.compare(decompress('lz4', packed, bytes.length), bytes)).toBe(0)
      return packed.length
    })
    expect(sizes[1]).toBeLessThan(sizes[0]!)
    expect(sizes[2]).toBeLessThanOrEqual(sizes[1]!)
  })

  it('hashes as xxHash32 does', () => {
    const hash = (text: string) => xxhash32(Buffer.from(text), 0, text.length).toString(16)
    expect([hash(''), hash('abc'), hash('Nobody inspects the spammish repetition')]).toEqual(['2cc5d05', '32d153ff', 'e2293b2f'])
  })

  it('block that ends in a match is cut short', () => {
    expect(() => lz4DecompressBlock(Uint8Array.of(0x14, 0x61, 1, 0), 0, 4, new Uint8Array(50), 0, 50, 0)).toThrow(
      failure('CORRUPT_MESSAGE'),
    )
  })
})
