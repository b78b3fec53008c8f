import { setBaseOffsetAndEpoch } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { Log } from './log.ts'
import { defaultLogConfig } from './log-config.ts'
import type { LogOptions } from './log-options.ts'
import { batchOf, contentsOf, fill } from './testing/log-contents.ts'
import { emptyImage, fakeWorld, type Image, RecordingDisk } from './testing/recording-disk.ts'

const root = '/data/events-0'
const config = { ...defaultLogConfig, segmentBytes: 700, indexIntervalBytes: 100 }
const firstLog = '00000000000000000000.log'
let whole: Image
let wrote: [number, string][]
/** Where the second segment begins. */
let endOfFirst: number
let lastLog: string
const end = 32
const producer = { producerId: 77, producerEpoch: 0 }

beforeAll(async () => {
  const { log, disk } = open(emptyImage(), { clean: true })
  wrote = fill(log, 15, 2)
  log.appendAsLeader(batchOf(['value-30', 'value-31'], 2000, { ...producer, baseSequence: 0 }), 0)
  wrote.push([30, 'value-30'], [31, 'value-31'])
  await log.close()
  whole = disk.image()
  const [, second, last] = disk.list(root).filter(name => name.endsWith('.log'))
  endOfFirst = Number(second!.slice(0, 20))
  lastLog = last!
})

function open(image: Image, options: Partial<LogOptions> = {}): { log: Log; disk: RecordingDisk } {
  const disk = new RecordingDisk(image)
  const { world } = fakeWorld(disk)
  return {
    log: Log.open({ world, logger: silentLogger, directory: root, topic: 'events', partition: 0, config, ...options }),
    disk,
  }
}

function bytesOf(image: Image, name: string): Buffer {
  return image.files.get(image.names.get(`${root}/${name}`)!)!
}

/** The image with another content of one file. */
function withFile(image: Image, name: string, bytes: Buffer): Image {
  return { names: image.names, files: new Map(image.files).set(image.names.get(`${root}/${name}`)!, bytes) }
}

/** Images with one byte of a file inverted, one for each byte. */
function* flips(name: string): Generator<{ image: Image; at: number }> {
  const original = bytesOf(whole, name)
  expect(original.length).toBeGreaterThan(0)
  for (let at = 0; at < original.length; at++) {
    const damaged = Buffer.from(original)
    damaged[at]! ^= 0xff
    yield { image: withFile(whole, name, damaged), at }
  }
}

/** Bytes of the leader epochs: neither covered by the CRC nor a part of the records. */
const epochBytes = (records: number) => (records / 2) * 4

describe('any wrong byte in a segment', () => {
  test('that a crash may have caused cuts the log: what is left is a beginning of what was written', () => {
    let cuts = 0
    for (const { image } of flips(firstLog)) {
      const left = contentsOf(open(image).log)
      expect(left).toEqual(wrote.slice(0, left.length))
      if (left.length < wrote.length) cuts++
    }
    expect(cuts).toBeGreaterThanOrEqual(bytesOf(whole, firstLog).length - epochBytes(endOfFirst))
  })

  test('below the recovery point is refused, not cut', () => {
    let refused = 0
    for (const { image, at } of flips(lastLog)) {
      const disk = new RecordingDisk(image)
      try {
        const { world } = fakeWorld(disk)
        const options = {
          world,
          logger: silentLogger,
          directory: root,
          topic: 'events',
          partition: 0,
          config,
          recoveryPoint: end,
        }
        expect(contentsOf(Log.open(options)), `byte ${at}`).toEqual(wrote)
      } catch (error) {
        expect(error).toMatchObject({ code: 'CORRUPT_LOG' })
        refused++
      }
      expect(disk.readFile(`${root}/${lastLog}`)).toEqual(bytesOf(image, lastLog))
    }
    expect(refused).toBeGreaterThanOrEqual(bytesOf(whole, lastLog).length - epochBytes(end - Number(lastLog.slice(0, 20))))
  })

  test('after a clean stop is seen by who reads it', () => {
    for (const { image, at } of flips(firstLog))
      for (const offset of [0, 4, endOfFirst - 1]) {
        const { log } = open(image, { clean: true })
        try {
          expect(contentsOf(log, offset, 1), `byte ${at}`).toEqual(wrote.slice(offset))
        } catch (error) {
          expect((error as Error).message).toMatch(/wrong CRC|CORRUPT_MESSAGE|\.log: /)
        }
      }
  })
})

test.each(['00000000000000000000.index', '00000000000000000000.timeindex'])(
  'any wrong byte in %s changes no record that is read',
  name => {
    for (const { image, at } of flips(name))
      for (let offset = 0; offset < endOfFirst; offset++) {
        const { log } = open(image, { clean: true })
        expect(contentsOf(log, offset), `byte ${at}`).toEqual(wrote.slice(offset))
      }
  },
)

test('any wrong byte in a snapshot of the producers is noticed', () => {
  for (const { image } of flips(`${String(end).padStart(20, '0')}.snapshot`)) {
    const { log } = open(image, { clean: true })
    const retry = batchOf(['value-30', 'value-31'], 2000, { ...producer, baseSequence: 0 })
    expect(log.appendAsLeader(retry, 0)).toEqual({ baseOffset: 30, isDuplicate: true })
  }
})

test.each([
  ['goes back', 1],
  ['leaves a hole', 40],
  ['crosses the recovery point', 9],
])('a good batch in the wrong place is noticed: its offset %s', (_, wrong) => {
  const { log, disk } = open(emptyImage(), { config: defaultLogConfig })
  const records = fill(log, 5, 2)
  const image = disk.image()
  const bytes = Buffer.from(bytesOf(image, firstLog))
  setBaseOffsetAndEpoch(bytes, (2 * bytes.length) / 5, wrong, 0)
  const damaged = withFile(image, firstLog, bytes)
  expect(() => open(damaged, { config: defaultLogConfig, recoveryPoint: 10 })).toThrow(
    expect.objectContaining({ code: 'CORRUPT_LOG' }),
  )
  expect(contentsOf(open(damaged, { config: defaultLogConfig }).log)).toEqual(records.slice(0, 4))
})

test('a batch of a future format is not taken for one that can be read', () => {
  const bytes = Buffer.from(bytesOf(whole, lastLog))
  bytes[16] = 3
  const image = withFile(whole, lastLog, bytes)
  for (const clean of [true, false]) expect(() => open(image, { clean, recoveryPoint: end })).toThrow(/message format 3/)
})

test('an index that was cut short is used as far as it goes', () => {
  const index = bytesOf(whole, '00000000000000000000.index')
  for (let length = 0; length < index.length; length++) {
    const { log } = open(withFile(whole, '00000000000000000000.index', index.subarray(0, length)), { clean: true })
    expect(contentsOf(log, 5)).toEqual(wrote.slice(5))
  }
})
