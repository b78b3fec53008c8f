import { describe, expect, it } from 'vitest'
import { type CompressionCodec, compressionCodecs } from '../compression/codec.ts'
import { crc32c } from '../crc32c.ts'
import { BatchBuilder, type BatchBuilderOptions } from './batch-builder.ts'
import { BatchView } from './batch-view.ts'
import { describeBatch } from './describe-batch.ts'
import { type ProduceLimits, validateProduced } from './validate.ts'

const now = 1_700_000_000_000
const limits: ProduceLimits = { maxMessageBytes: 2 ** 20 }
type Entry = [timestamp: number, key: string | null, value: string | null]

function batch(entries: readonly Entry[], options: Partial<BatchBuilderOptions> = {}): Buffer {
  const builder = new BatchBuilder({ maxBytes: 2 ** 24, ...options })
  for (const [timestamp, key, value] of entries) builder.append(timestamp, key, value)
  return Buffer.from(builder.build())
}

const three: readonly Entry[] = [
  [now, 'a', 'repeat '.repeat(30)],
  [now + 2, 'b', 'repeat '.repeat(30)],
  [now + 1, 'c', 'repeat '.repeat(30)],
]

/** Changes bytes and makes the CRC fit again: what a careless or hostile client may send. */
function forged(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes, 21), 17)
  return bytes
}

const refused = (code: string, message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('a produced batch', () => {
  it('that is right is taken as it came, with every codec', () => {
    for (const compression of compressionCodecs) {
      const bytes = batch(three, { compression })
      const before = Buffer.from(bytes)
      const checked = validateProduced(bytes, limits, now)
      expect(checked).toEqual({
        bytes,
        recordCount: 3,
        maxTimestamp: now + 2,
        offsetDeltaOfMaxTimestamp: 1,
        logAppendTimeMs: -1,
      })
      expect(checked.bytes).toBe(bytes)
      expect(bytes.equals(before)).toBe(true)
    }
  })

  const alter = (change: (bytes: Buffer) => void, options?: Partial<BatchBuilderOptions>) => forged(batch(three, options), change)
  it.each<[string, Buffer | null, ReturnType<typeof refused>]>([
    ['that is missing', null, refused('INVALID_RECORD', /not none/)],
    ['of no bytes', Buffer.alloc(0), refused('INVALID_RECORD', /not none/)],
    ['that is cut short', batch(three).subarray(0, 100), refused('INVALID_RECORD', /cut short/)],
    ['with another behind it', Buffer.concat([batch(three), batch(three)]), refused('INVALID_RECORD', /exactly one/)],
    ['with a byte behind it', Buffer.concat([batch(three), Buffer.alloc(1)]), refused('INVALID_RECORD', /exactly one/)],
    ['of format 1', alter(bytes => bytes.writeInt8(1, 16)), refused('INVALID_RECORD', /format 1/)],
    ['without records', alter(bytes => bytes.writeInt32BE(0, 57)), refused('INVALID_RECORD', /0 records/)],
    ['whose count is too small', alter(bytes => bytes.writeInt32BE(2, 57)), refused('INVALID_RECORD', /2 records/)],
    ['whose count is too large', alter(bytes => bytes.writeInt32BE(4, 57)), refused('INVALID_RECORD', /4 records/)],
    [
      'whose count is beyond its bytes',
      alter(bytes => bytes.writeInt32BE(0x7fffffff, 57) && bytes.writeInt32BE(0x7ffffffe, 23)),
      refused('INVALID_RECORD', /can't be in/),
    ],
    ['of control records', alter(bytes => bytes.writeInt16BE(0x20, 21)), refused('INVALID_RECORD', /control/)],
    ['with a delete horizon', alter(bytes => bytes.writeInt16BE(0x40, 21)), refused('INVALID_RECORD', /horizon/)],
    ['with LogAppendTime', alter(bytes => bytes.writeInt16BE(0x08, 21)), refused('INVALID_TIMESTAMP', /LogAppendTime/)],
    ['of an unknown codec', alter(bytes => bytes.writeInt16BE(7, 21)), refused('INVALID_RECORD', /compression type 7/)],
    ['that says gzip and is not', alter(bytes => bytes.writeInt16BE(1, 21)), refused('INVALID_RECORD', /gzip/)],
    ['that says lz4 and is not', alter(bytes => bytes.writeInt16BE(3, 21)), refused('INVALID_RECORD', /lz4/)],
    [
      'of a producer without a sequence',
      batch(three, { producerId: 5, producerEpoch: 0 }),
      refused('INVALID_RECORD', /sequence -1/),
    ],
    ['of a transaction without a producer', batch(three, { transactional: true }), refused('INVALID_RECORD', /producer id/)],
    [
      'with the first record at offset 1',
      alter(bytes => bytes.writeInt8(2, 65)),
      refused('INVALID_RECORD', /record 0 has offset 1/),
    ],
    ['with a record of negative offset', alter(bytes => bytes.writeInt8(1, 65)), refused('INVALID_RECORD', /offset delta of -1/)],
    ['with a key longer than its record', alter(bytes => bytes.writeInt8(0x7e, 66)), refused('INVALID_RECORD', /\d/)],
  ])('%s is refused', (_, bytes, expected) => {
    expect(() => validateProduced(bytes, limits, now)).toThrow(expected)
  })

  it('whose CRC does not fit is CORRUPT_MESSAGE, to be sent again', () => {
    const bytes = batch(three)
    bytes[bytes.length - 2]! ^= 1
    expect(() => validateProduced(bytes, limits, now)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_MESSAGE', retriable: true }),
    )
  })

  it('is measured against max.message.bytes as it came and as it is stored', () => {
    const bytes = batch(three, { compression: 'gzip' })
    const exact: ProduceLimits = { maxMessageBytes: bytes.length }
    expect(validateProduced(bytes, exact, now).bytes).toBe(bytes)
    expect(() => validateProduced(bytes, { maxMessageBytes: bytes.length - 1 }, now)).toThrow(
      refused('MESSAGE_TOO_LARGE', /max.message.bytes/),
    )
    expect(() => validateProduced(bytes, { ...exact, compressionType: 'uncompressed' }, now)).toThrow(
      refused('MESSAGE_TOO_LARGE', /max.message.bytes/),
    )
  })

  it('that unfolds beyond the limit is refused without unfolding it', () => {
    for (const compression of compressionCodecs.slice(1)) {
      const bytes = batch([[now, 'k', 'a'.repeat(2 ** 20)]], { compression })
      const take = (maxDecompressedBytes: number) => validateProduced(bytes, { ...limits, maxDecompressedBytes }, now)
      expect(() => take(2 ** 20)).toThrow(refused('MESSAGE_TOO_LARGE', /unfolds to more than 1048576/))
      expect(take(2 ** 20 + 100).recordCount).toBe(1)
    }
  })

  it('without keys on a compacted topic is refused, with each record named', () => {
    const bytes = batch([
      [now, null, 'v'],
      [now, 'k', null],
      [now, null, 'v'],
    ])
    expect(() => validateProduced(bytes, { ...limits, compacted: true }, now)).toThrow(
      expect.objectContaining({
        code: 'INVALID_RECORD',
        recordErrors: [
          { batchIndex: 0, batchIndexErrorMessage: expect.stringContaining('key') },
          { batchIndex: 2, batchIndexErrorMessage: expect.stringContaining('key') },
        ],
      }),
    )
    expect(validateProduced(bytes, limits, now).recordCount).toBe(3)
  })

  it('with timestamps outside of the window is refused, but not those without one, and not under LogAppendTime', () => {
    const window: ProduceLimits = { ...limits, timestampBeforeMaxMs: 1000, timestampAfterMaxMs: 500 }
    const at = (...times: number[]) => batch(times.map((time): Entry => [time, null, 'v']))
    expect(validateProduced(at(now - 1000, now + 500, -1), window, now).maxTimestamp).toBe(now + 500)
    for (const bad of [now - 1001, now + 501, 0]) {
      expect(() => validateProduced(at(now, bad), window, now)).toThrow(
        expect.objectContaining({ code: 'INVALID_TIMESTAMP', recordErrors: [expect.objectContaining({ batchIndex: 1 })] }),
      )
      expect(validateProduced(at(now, bad), { ...window, timestampType: 'LogAppendTime' }, now).recordCount).toBe(2)
    }
  })

  it('gets the broker’s time under LogAppendTime', () => {
    for (const compression of compressionCodecs) {
      const checked = validateProduced(batch(three, { compression }), { ...limits, timestampType: 'LogAppendTime' }, now + 77)
      expect(checked).toMatchObject({ maxTimestamp: now + 77, logAppendTimeMs: now + 77, offsetDeltaOfMaxTimestamp: 0 })
      const stored = BatchView.at(checked.bytes, 0)!
      expect(stored.isCrcValid()).toBe(true)
      const cursor = stored.records()
      while (cursor.next()) expect(cursor.timestamp).toBe(now + 77)
      expect(cursor.index).toBe(3)
    }
  })

  it('gets the max timestamp of its records where its header has another', () => {
    const bytes = alter(view => view.writeBigInt64BE(5n, 35))
    const checked = validateProduced(bytes, limits, now)
    const stored = BatchView.at(checked.bytes, 0)!
    expect(stored.maxTimestamp).toBe(now + 2)
    expect(stored.isCrcValid()).toBe(true)
  })

  it('is stored with the codec of its topic, with the same records', () => {
    const identity = { producerId: 9, producerEpoch: 1, baseSequence: 4, transactional: true }
    const pairs = compressionCodecs.flatMap(from =>
      compressionCodecs.map((to): [CompressionCodec, CompressionCodec] => [from, to]),
    )
    for (const [from, to] of pairs) {
      const bytes = batch(three, { compression: from, ...identity })
      const text = describeBatch(BatchView.at(bytes, 0)!)
      const { bytes: stored } = validateProduced(bytes, { ...limits, compressionType: to }, now)
      const view = BatchView.at(stored, 0)!
      expect(view.sizeInBytes).toBe(stored.length)
      expect(view.isCrcValid()).toBe(true)
      expect(describeBatch(view)).toBe(text.replace(`,${from},`, `,${to},`))
      if (from === to) expect(stored).toBe(bytes)
    }
  })
})
