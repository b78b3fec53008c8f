import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressionCodecs } from '../compression/codec.ts'
import { KafkaError } from '../errors/kafka-error.ts'
import { BatchBuilder, estimateSizeInBytes, stamp } from './batch-builder.ts'
import { BatchView, batchesIn, setBaseOffsetAndEpoch } from './batch-view.ts'
import { describeBatch } from './describe-batch.ts'

type Part = Uint8Array | string | null
interface Draft {
  timestamp: number
  key: Part
  value: Part
  headers: { key: string; value: Part }[]
}

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', minLength: 40, maxLength: 200 }),
)
const draft: fc.Arbitrary<Draft> = fc.record({
  timestamp: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 41 }), fc.integer({ min: 0, max: 2 ** 53 - 2 })),
  key: part,
  value: part,
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 20 }), value: part }), { maxLength: 4 }),
})
const drafts = fc.array(draft, { minLength: 1, maxLength: 40 })
const codec = fc.constantFrom(...compressionCodecs)

const bytesOf = (value: Part) => (value === null ? null : Buffer.from(value as string))

function built(records: readonly Draft[], options: Partial<ConstructorParameters<typeof BatchBuilder>[0]> = {}): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 2 ** 24, initialBytes: 64, ...options })
  for (const { timestamp, key, value, headers } of records) expect(builder.append(timestamp, key, value, headers)).toBe(true)
  return builder.build()
}

function recordsOf(batch: BatchView) {
  const found: unknown[] = []
  const cursor = batch.records()
  while (cursor.next()) {
    found.push({
      offset: cursor.offset,
      timestamp: cursor.timestamp,
      key: bytesOf(cursor.key()),
      value: bytesOf(cursor.value()),
      headers: cursor.headers().map(({ key, value }) => ({ key, value: bytesOf(value) })),
    })
  }
  expect(cursor.next()).toBe(false)
  return found
}

describe('a batch', () => {
  it('reads as the records that were put in, with every codec', () => {
    fc.assert(
      fc.property(drafts, codec, fc.integer({ min: 0, max: 2 ** 50 }), (records, compression, baseOffset) => {
        const batch = BatchView.at(built(records, { compression, baseOffset }), 0)!
        expect(batch.isCrcValid()).toBe(true)
        expect(batch.maxTimestamp).toBe(Math.max(...records.map(({ timestamp }) => timestamp)))
        expect(batch).toMatchObject({ recordCount: records.length, nextOffset: baseOffset + records.length, producerId: -1 })
        expect(recordsOf(batch)).toEqual(
          records.map(({ timestamp, key, value, headers }, index) => ({
            offset: baseOffset + index,
            timestamp,
            key: bytesOf(key),
            value: bytesOf(value),
            // Half of a surrogate pair has no UTF-8: both sides see the replacement character.
            headers: headers.map(header => ({ key: Buffer.from(header.key).toString(), value: bytesOf(header.value) })),
          })),
        )
      }),
      { numRuns: 200 },
    )
  })

  it('that is damaged behind its CRC gives a KafkaError or records, never anything else', () => {
    const damage = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(drafts, codec, damage, fc.option(fc.nat()), (records, compression, changes, cut) => {
        const whole = built(records, { compression })
        let bytes = Uint8Array.from(whole)
        for (const { at, byte } of changes) bytes[at % bytes.length] = byte
        if (cut !== null) bytes = bytes.subarray(0, cut % bytes.length)
        try {
          for (const batch of batchesIn(bytes)) {
            const cursor = batch.records({ maxBytes: 2 ** 20 })
            expect(cursor.bytes.length).toBeLessThanOrEqual(Math.max(2 ** 20, bytes.length))
            while (cursor.next()) {
              cursor.key()
              cursor.value()
              cursor.headers()
            }
          }
        } catch (error) {
          expect(error).toBeInstanceOf(KafkaError)
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('is not seen before its last byte is there', () => {
    const whole = built([{ timestamp: 1, key: 'a', value: 'b', headers: [] }])
    for (let length = 0; length < whole.length; length++) expect(BatchView.at(whole.subarray(0, length), 0)).toBe(null)
    const two = Buffer.concat([whole, whole, whole.subarray(0, 40)])
    expect([...batchesIn(two)].map(({ offset, sizeInBytes }) => [offset, sizeInBytes])).toEqual([
      [0, whole.length],
      [whole.length, whole.length],
    ])
  })

  it('of another format or an impossible length is CORRUPT_MESSAGE', () => {
    const bytes = built([{ timestamp: 1, key: null, value: null, headers: [] }])
    bytes[16] = 1
    expect(() => BatchView.at(bytes, 0)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
    bytes[16] = 2
    for (const length of [0, 48, -1, -(2 ** 31)]) {
      Buffer.from(bytes.buffer, bytes.byteOffset).writeInt32BE(length, 8)
      expect(() => BatchView.at(bytes, 0)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
    }
  })

  it('with a count that its bytes cannot hold is refused before the first record', () => {
    const bytes = built([{ timestamp: 1, key: 'k', value: 'v', headers: [] }])
    Buffer.from(bytes.buffer, bytes.byteOffset).writeInt32BE(2 ** 31 - 1, 57)
    expect(() => BatchView.at(bytes, 0)!.records()).toThrow(/2147483647 records/)
  })

  it('keeps its CRC when the leader sets offset and epoch', () => {
    const bytes = built([{ timestamp: 1, key: 'k', value: 'v', headers: [] }])
    setBaseOffsetAndEpoch(bytes, 0, 2 ** 40 + 5, 17)
    const batch = BatchView.at(bytes, 0)!
    expect(batch).toMatchObject({ baseOffset: 2 ** 40 + 5, partitionLeaderEpoch: 17 })
    expect(batch.isCrcValid()).toBe(true)
    bytes[bytes.length - 1]! ^= 1
    expect(batch.isCrcValid()).toBe(false)
  })

  it('takes the identity of a producer late', () => {
    const bytes = built([{ timestamp: 1, key: 'k', value: 'v', headers: [] }])
    stamp(bytes, { producerId: 2 ** 33 + 1, producerEpoch: 300, baseSequence: 2 ** 31 - 1 })
    const batch = BatchView.at(bytes, 0)!
    expect(batch).toMatchObject({
      producerId: 2 ** 33 + 1,
      producerEpoch: 300,
      baseSequence: 2 ** 31 - 1,
      lastSequence: 2 ** 31 - 1,
    })
    expect(batch.isCrcValid()).toBe(true)
  })

  it('goes on at sequence 0 behind the largest', () => {
    const two = [1, 2].map(timestamp => ({ timestamp, key: null, value: null, headers: [] }))
    expect(BatchView.at(built(two, { producerId: 1, baseSequence: 2 ** 31 - 1 }), 0)!.lastSequence).toBe(0)
  })

  it('stays uncompressed, and says so, when a codec makes it no smaller', () => {
    const batch = BatchView.at(built([{ timestamp: 1, key: null, value: 'x', headers: [] }], { compression: 'gzip' }), 0)!
    expect(batch.compression).toBe('none')
  })

  it('unfolds to no more than the limit', () => {
    const bomb = [{ timestamp: 1, key: null, value: 'a'.repeat(2 ** 20), headers: [] }]
    for (const compression of compressionCodecs.slice(1)) {
      const batch = BatchView.at(built(bomb, { compression }), 0)!
      expect(batch.sizeInBytes).toBeLessThan(2 ** 17)
      expect(() => batch.records({ maxBytes: 2 ** 20 })).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
    }
  })
})

describe('a batch builder', () => {
  it('says false for what does not fit and stays as it was', () => {
    const builder = new BatchBuilder({ maxBytes: 200 })
    expect(builder.append(1, null, 'a'.repeat(100))).toBe(true)
    const before = builder.sizeInBytes
    expect(builder.append(2, null, 'a'.repeat(100))).toBe(false)
    expect(builder.append(2, null, 'ä'.repeat(25))).toBe(false)
    expect([builder.sizeInBytes, builder.recordCount]).toEqual([before, 1])
    expect(builder.append(2, null, 'b')).toBe(true)
    expect(recordsOf(BatchView.at(builder.build(), 0)!)).toHaveLength(2)
  })

  it('takes a first record of any size', () => {
    const builder = new BatchBuilder({ maxBytes: 100 })
    expect(builder.append(1, null, 'é'.repeat(5000))).toBe(true)
    expect(builder.append(1, null, '')).toBe(false)
    expect(recordsOf(BatchView.at(builder.build(), 0)!)).toMatchObject([{ value: Buffer.from('é'.repeat(5000)) }])
  })

  it('reuses its memory after reset, with nothing of the batch before', () => {
    const builder = new BatchBuilder({ maxBytes: 1000, producerId: 7, producerEpoch: 1, baseSequence: 0 })
    builder.append(50, 'first', 'first')
    const first = builder.build()
    builder.reset()
    builder.baseSequence = 1
    builder.append(20, 'k', 'v')
    const second = builder.build()
    expect(second.buffer).toBe(first.buffer)
    expect(describeBatch(BatchView.at(second, 0)!)).toBe('0,0,-1,none,CreateTime,-,-,-,20,7,1,1,1,1;0,20,6b,76')
  })

  it('never needs more than the estimate', () => {
    fc.assert(
      fc.property(draft, ({ timestamp, key, value, headers }) => {
        const builder = new BatchBuilder({ maxBytes: 1, initialBytes: 1 })
        builder.append(timestamp, key, value, headers)
        expect(builder.sizeInBytes).toBeLessThanOrEqual(estimateSizeInBytes(key, value, headers))
      }),
    )
  })
})

describe('batches that Apache Kafka wrote', () => {
  // Lines of `write` from test/conformance/java/Batches.java, where the text behind the bytes is described.
  const lines = readFileSync(`${import.meta.dirname}/fixtures/apache-kafka.txt`, 'utf8')
    .trimEnd()
    .split('\n')

  it.each(lines.map((line, index) => ({ index, line })))('read as Apache Kafka reads them (line $index)', ({ line }) => {
    const [hex, text] = line.split(' ')
    const batch = BatchView.at(Buffer.from(hex!, 'hex'), 0)!
    expect(batch.isCrcValid()).toBe(true)
    expect(describeBatch(batch)).toBe(text)
  })
})
