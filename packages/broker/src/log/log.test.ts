import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { BatchView, batchesIn, ErrorCode } from '@millrace/protocol'
import { DiskError, nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Log } from './log.ts'
import { defaultLogConfig, type LogConfig } from './log-config.ts'
import type { LogOptions } from './log-options.ts'
import { TailCache } from './tail-cache.ts'
import { batchOf, contentsOf, fill } from './testing/log-contents.ts'

let directory: string
let world: World
const opened: Log[] = []

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/broker-log-`)
  world = nodeWorld()
})
afterEach(() => {
  for (const log of opened.splice(0)) log.abandon()
  rmSync(directory, { recursive: true, force: true })
})

function open(config: Partial<LogConfig> = {}, options: Partial<LogOptions> = {}): Log {
  const log = Log.open({
    world,
    logger: silentLogger,
    directory: `${directory}/events-0`,
    topic: 'events',
    partition: 0,
    config: { ...defaultLogConfig, ...config },
    ...options,
  })
  opened.push(log)
  return log
}

const files = (suffix: string) => readdirSync(`${directory}/events-0`).filter(name => name.endsWith(suffix))
const smallSegments = { segmentBytes: 2000, indexIntervalBytes: 200 }

describe.each([
  ['from memory', new TailCache(1 << 20)],
  ['from the files', new TailCache(0)],
  ['from both', new TailCache(2000)],
])('a log read %s', (_, tailCache) => {
  test('gives what was appended, over all segments, from every offset', () => {
    const log = open(smallSegments, { tailCache })
    const wrote = fill(log, 100)
    expect(log.segmentCount).toBeGreaterThan(3)
    expect(contentsOf(log)).toEqual(wrote)
    for (let offset = 0; offset <= 300; offset += 7) expect(contentsOf(log, offset)).toEqual(wrote.slice(offset))
  })

  test('gives the whole batch for an offset in its middle, also above the limit of bytes', () => {
    const log = open({}, { tailCache })
    fill(log, 5)
    const { chunks, nextOffset } = log.read(4, { maxBytes: 1 })
    expect(nextOffset).toBe(6)
    expect(BatchView.at(Buffer.concat(chunks), 0)!.baseOffset).toBe(3)
    expect(log.read(4, { maxBytes: 1, atLeastOne: false })).toEqual({ chunks: [], sizeBytes: 0, nextOffset: 4 })
  })

  test('gives a batch that is larger than a read from disk, whole', () => {
    const log = open({}, { tailCache })
    const values = ['x'.repeat(100_000), 'y'.repeat(100_000)]
    log.appendAsLeader(batchOf(values), 0)
    log.appendAsLeader(batchOf(['z']), 0)
    expect(contentsOf(log, 0, 10)).toEqual([
      [0, values[0]],
      [1, values[1]],
      [2, 'z'],
    ])
  })

  test('stops before the batch that reaches the end offset', () => {
    const log = open({}, { tailCache })
    fill(log, 5)
    expect(log.read(0, { maxBytes: 1e6, endOffset: 6 }).nextOffset).toBe(6)
    expect(log.read(0, { maxBytes: 1e6, endOffset: 8 }).nextOffset).toBe(6)
    expect(log.read(6, { maxBytes: 1e6, endOffset: 6 }).chunks).toEqual([])
  })

  test('never goes on in the next segment behind a part of one', () => {
    const log = open(smallSegments, { tailCache })
    fill(log, 100)
    for (let maxBytes = 100; maxBytes < 3000; maxBytes += 130) {
      let expected = 0
      while (expected < log.logEndOffset) {
        const { chunks } = log.read(expected, { maxBytes })
        for (const view of batchesIn(Buffer.concat(chunks))) {
          expect(view.baseOffset).toBe(expected)
          expected = view.nextOffset
        }
      }
    }
  })

  test('finds the first record of a time, and the latest one', () => {
    const log = open(smallSegments, { tailCache })
    fill(log, 100)
    expect(log.offsetForTimestamp(0)).toEqual({ offset: 0, timestamp: 1000 })
    for (let i = 0; i < 100; i += 3) {
      expect(log.offsetForTimestamp(1000 + i * 10 + 1)).toEqual({ offset: i * 3 + 1, timestamp: 1000 + i * 10 + 1 })
      expect(log.offsetForTimestamp(1000 + i * 10 - 5)).toEqual({ offset: i * 3, timestamp: 1000 + i * 10 })
    }
    expect(log.offsetForTimestamp(1993)).toBeNull()
    expect(log.offsetOfMaxTimestamp()).toEqual({ offset: 299, timestamp: 1992 })
  })

  test('finds times that do not grow with the offsets', () => {
    const log = open(smallSegments, { tailCache })
    const times = Array.from({ length: 200 }, (_, i) => 5000 + ((i * 7919) % 1000))
    for (const time of times) log.appendAsLeader(batchOf(['v'], time), 0)
    for (let time = 4990; time < 6010; time += 13) {
      const offset = times.findIndex(at => at >= time)
      expect(log.offsetForTimestamp(time)).toEqual(offset < 0 ? null : { offset, timestamp: times[offset] })
    }
    const latest = Math.max(...times)
    expect(log.offsetOfMaxTimestamp()).toEqual({ offset: times.indexOf(latest), timestamp: latest })
  })
})

test('an offset outside the log is refused', () => {
  const log = open()
  fill(log, 2)
  expect(log.read(6, { maxBytes: 100 }).chunks).toEqual([])
  for (const offset of [-1, 7])
    expect(() => log.read(offset, { maxBytes: 100 })).toThrow(
      expect.objectContaining({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }),
    )
})

test('a batch larger than a segment is refused and nothing is changed', () => {
  const log = open({ segmentBytes: 500 })
  expect(() => log.appendAsLeader(batchOf(['x'.repeat(600)]), 0)).toThrow(
    expect.objectContaining({ errorCode: ErrorCode.RECORD_LIST_TOO_LARGE }),
  )
  expect(log.logEndOffset).toBe(0)
})

describe('a new segment starts', () => {
  const base = { indexIntervalBytes: 0 }
  test('before the batch that would not fit', () => {
    const size = batchOf(['value']).sizeInBytes
    const log = open({ ...base, segmentBytes: size * 2 })
    for (let i = 0; i < 5; i++) log.appendAsLeader(batchOf(['value']), 0)
    expect(files('.log')).toEqual(['00000000000000000000.log', '00000000000000000002.log', '00000000000000000004.log'])
  })
  test("when the records' time goes beyond segment.ms from the first one", () => {
    const log = open({ ...base, segmentMs: 100 })
    for (const time of [1000, 1100, 1101, 1150]) log.appendAsLeader(batchOf(['v'], time), 0)
    expect(files('.log')).toEqual(['00000000000000000000.log', '00000000000000000002.log'])
  })
  test('when an index is full', () => {
    const log = open({ ...base, segmentIndexBytes: 24 })
    for (let i = 0; i < 6; i++) log.appendAsLeader(batchOf(['v'], 1000), 0)
    expect(files('.log')).toEqual(['00000000000000000000.log', '00000000000000000002.log', '00000000000000000004.log'])
    expect(contentsOf(log)).toHaveLength(6)
  })
  test('when offsets would be too far from its base', () => {
    const log = open(base)
    log.appendAsFollower(batchOf(['v'], 1000, { baseOffset: 5 }).bytes)
    log.appendAsFollower(batchOf(['w'], 1000, { baseOffset: 2 ** 31 + 5 }).bytes)
    expect(log.segmentCount).toBe(2)
    expect(log.read(2 ** 31 + 5, { maxBytes: 100 }).nextOffset).toBe(2 ** 31 + 6)
  })
  test('with the producers as of then in a snapshot', () => {
    const log = open({ ...base, segmentBytes: 100 })
    for (let i = 0; i < 3; i++) log.appendAsLeader(batchOf(['v'], 1000, { producerId: 7, producerEpoch: 0, baseSequence: i }), 0)
    expect(files('.snapshot')).toEqual(['00000000000000000001.snapshot', '00000000000000000002.snapshot'])
  })
})

describe('a log opened again', () => {
  test.each([true, false])('after a clean stop (%s) or a kill goes on where it was', async isClean => {
    const log = open(smallSegments, { topicId: 'g-HqOjpDRLSw1H0WNX9e5A' })
    const wrote = fill(log, 50)
    log.startEpoch(4)
    wrote.push(...fill(log, 50, 3, 4))
    if (isClean) await log.close()
    else log.abandon()
    const again = open(smallSegments, { clean: isClean })
    expect(again.topicId).toBe('g-HqOjpDRLSw1H0WNX9e5A')
    expect(again.logEndOffset).toBe(300)
    expect(contentsOf(again)).toEqual(wrote)
    expect(again.lastEpoch).toBe(4)
    expect(again.endOfEpoch(0)).toEqual({ epoch: 0, endOffset: 150 })
    expect(again.offsetForTimestamp(1491)).toEqual({ offset: 148, timestamp: 1491 })
    wrote.push(...fill(again, 20, 3, 5))
    expect(contentsOf(again)).toEqual(wrote)
  })

  test('cleanly reads no batch but those behind the last index entry', async () => {
    const log = open(smallSegments)
    fill(log, 100)
    await log.close()
    let bytes = 0
    const counting: World = {
      ...world,
      disk: {
        ...world.disk,
        open: (path, mode) => {
          const file = world.disk.open(path, mode)
          if (!path.endsWith('.log')) return file
          const read = file.read.bind(file)
          file.read = (into, position) => {
            const count = read(into, position)
            bytes += count
            return count
          }
          return file
        },
      },
    }
    open(smallSegments, { clean: true, world: counting })
    expect(bytes).toBeLessThan(1000)
  })

  test('after a kill knows retries of what was appended before', async () => {
    const producer = { producerId: 9, producerEpoch: 1 }
    const log = open(smallSegments)
    for (let i = 0; i < 40; i++) log.appendAsLeader(batchOf(['a', 'b'], 1000, { ...producer, baseSequence: i * 2 }), 0)
    log.abandon()
    const again = open(smallSegments)
    expect(again.appendAsLeader(batchOf(['a', 'b'], 1000, { ...producer, baseSequence: 78 }), 0)).toEqual({
      baseOffset: 78,
      isDuplicate: true,
    })
    expect(again.appendAsLeader(batchOf(['a', 'b'], 1000, { ...producer, baseSequence: 80 }), 0)).toEqual({
      baseOffset: 80,
      isDuplicate: false,
    })
    expect(() => again.appendAsLeader(batchOf(['c'], 1000, { ...producer, baseSequence: 90 }), 0)).toThrow(
      expect.objectContaining({ errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER }),
    )
  })

  test('with a damaged snapshot of the producers reads them from the batches', async () => {
    const producer = { producerId: 9, producerEpoch: 1 }
    const log = open(smallSegments)
    for (let i = 0; i < 40; i++) log.appendAsLeader(batchOf(['a'], 1000, { ...producer, baseSequence: i }), 0)
    await log.close()
    for (const name of files('.snapshot')) writeFileSync(`${directory}/events-0/${name}`, 'damaged')
    const again = open(smallSegments, { clean: true })
    expect(again.appendAsLeader(batchOf(['a'], 1000, { ...producer, baseSequence: 36 }), 0)).toEqual({
      baseOffset: 36,
      isDuplicate: true,
    })
  })

  test('without its indexes builds them anew', async () => {
    const log = open(smallSegments)
    const wrote = fill(log, 100)
    await log.close()
    const saved = new Map(files('index').map(name => [name, readFileSync(`${directory}/events-0/${name}`)]))
    for (const name of saved.keys()) rmSync(`${directory}/events-0/${name}`)
    const again = open(smallSegments, { clean: true })
    expect(contentsOf(again)).toEqual(wrote)
    await again.close()
    for (const [name, bytes] of saved) expect(readFileSync(`${directory}/events-0/${name}`), name).toEqual(bytes)
  })

  test('with the index of another segment builds it anew when it is used', async () => {
    const log = open({ ...smallSegments, indexIntervalBytes: 60 })
    const wrote = fill(log, 100)
    await log.close()
    const indexes = files('.index')
    copyFileSync(`${directory}/events-0/${indexes[2]}`, `${directory}/events-0/${indexes[1]}`)
    const again = open(smallSegments, { clean: true })
    for (let offset = 0; offset < 300; offset += 11) expect(contentsOf(again, offset)).toEqual(wrote.slice(offset))
  })

  test('with a torn last batch drops that one', () => {
    const log = open()
    const wrote = fill(log, 10)
    log.abandon()
    const path = `${directory}/events-0/00000000000000000000.log`
    truncateSync(path, readFileSync(path).length - 5)
    const again = open()
    expect(again.logEndOffset).toBe(27)
    expect(contentsOf(again)).toEqual(wrote.slice(0, 27))
    again.abandon()
    expect(open().logEndOffset).toBe(27)
  })

  test('with damage below the recovery point is refused and left as it is', async () => {
    const log = open()
    fill(log, 10)
    await log.flush()
    const { recoveryPoint } = log
    expect(recoveryPoint).toBe(30)
    log.abandon()
    const path = `${directory}/events-0/00000000000000000000.log`
    const bytes = readFileSync(path)
    bytes[200]! ^= 1
    writeFileSync(path, bytes)
    expect(() => open({}, { recoveryPoint })).toThrow(
      expect.objectContaining({ code: 'CORRUPT_LOG', errorCode: ErrorCode.KAFKA_STORAGE_ERROR }),
    )
    expect(readFileSync(path)).toEqual(bytes)
    truncateSync(path, 0)
    expect(() => open({}, { recoveryPoint })).toThrow(/ends at offset 0, and all below 30 was on disk/)
  })
})

describe('a log that is cut', () => {
  test.each([0, 1, 3, 57, 150, 298, 299])('at offset %i keeps the whole batches before', offset => {
    const log = open(smallSegments)
    const wrote = fill(log, 50)
    wrote.push(...fill(log, 50, 3, 2))
    const end = Math.floor(offset / 3) * 3
    expect(log.truncateTo(offset)).toBe(end)
    expect(log.logEndOffset).toBe(end)
    expect(contentsOf(log)).toEqual(wrote.slice(0, end))
    expect(log.lastEpoch).toBe(end === 0 ? -1 : end > 150 ? 2 : 0)
    const after = [...wrote.slice(0, end), ...fill(log, 30, 3, 5)]
    expect(contentsOf(log)).toEqual(after)
    log.abandon()
    expect(contentsOf(open(smallSegments))).toEqual(after)
  })

  test('forgets the producers of what is gone', () => {
    const log = open(smallSegments)
    const producer = { producerId: 3, producerEpoch: 0 }
    for (let i = 0; i < 60; i++) log.appendAsLeader(batchOf(['a'], 1000, { ...producer, baseSequence: i }), 0)
    log.truncateTo(31)
    expect(log.appendAsLeader(batchOf(['a'], 1000, { ...producer, baseSequence: 30 }), 0).isDuplicate).toBe(true)
    expect(log.appendAsLeader(batchOf(['a'], 1000, { ...producer, baseSequence: 31 }), 0)).toEqual({
      baseOffset: 31,
      isDuplicate: false,
    })
  })

  test('below the recovery point says so before it is cut', async () => {
    let told = -1
    const log = open({}, { onRecoveryPointLowered: () => (told = log.recoveryPoint) })
    fill(log, 10)
    await log.flush()
    log.truncateTo(12)
    expect(told).toBe(12)
    expect(log.recoveryPoint).toBe(12)
  })

  test('as a whole starts at the given offset', () => {
    const log = open(smallSegments)
    fill(log, 50)
    log.truncateFullyAndStartAt(1000)
    expect([log.logStartOffset, log.logEndOffset, log.segmentCount, log.lastEpoch]).toEqual([1000, 1000, 1, -1])
    log.appendAsLeader(batchOf(['first']), 1)
    expect(contentsOf(log)).toEqual([[1000, 'first']])
    log.abandon()
    expect(contentsOf(open(smallSegments))).toEqual([[1000, 'first']])
  })
})

describe('retention', () => {
  const committed = (log: Log) => {
    log.highWatermark = log.logEndOffset
    return log
  }
  test('by size deletes the oldest segments, renamed first and removed later', () => {
    const timers: (() => void)[] = []
    const waiting: World = {
      ...world,
      clock: { ...world.clock, timer: (_, fire) => ({ cancel: () => {}, x: timers.push(fire) }) },
    }
    const log = committed(fillInto(open({ ...smallSegments, retentionMs: -1, retentionBytes: 4000 }, { world: waiting })))
    const before = log.segmentCount
    expect(log.applyRetention()).toBeGreaterThan(2)
    expect(log.segmentCount).toBeLessThan(before)
    expect(log.sizeBytes).toBeGreaterThanOrEqual(4000)
    expect(log.logStartOffset).toBe(log.firstSegmentOffset)
    expect(contentsOf(log)[0]![0]).toBe(log.logStartOffset)
    expect(files('.log.deleted').length).toBe(before - log.segmentCount)
    for (const fire of timers) fire()
    expect(files('.deleted')).toEqual([])
  })
  test('by time deletes segments whose latest record is too old, also the active one', () => {
    const log = committed(fillInto(open({ ...smallSegments, retentionMs: 1000 })))
    log.applyRetention()
    expect([log.logStartOffset, log.logEndOffset, log.segmentCount]).toEqual([300, 300, 1])
    expect(log.appendAsLeader(batchOf(['next']), 0).baseOffset).toBe(300)
  })
  test('deletes nothing above the high watermark', () => {
    const log = fillInto(open({ ...smallSegments, retentionMs: 1000 }))
    expect(log.applyRetention()).toBe(0)
    log.highWatermark = 100
    log.applyRetention()
    expect(log.logStartOffset).toBeLessThanOrEqual(100)
    expect(log.logStartOffset).toBeGreaterThan(0)
  })
  test('without the policy delete only deletes what lies before the log start', () => {
    const log = committed(fillInto(open({ ...smallSegments, retentionMs: 1000, deletes: false })))
    expect(log.applyRetention()).toBe(0)
    log.deleteBefore(150)
    expect(log.logStartOffset).toBe(150)
    expect(() => log.read(149, { maxBytes: 10 })).toThrow(/OFFSET_OUT_OF_RANGE/)
    expect(log.applyRetention()).toBeGreaterThan(0)
    expect(log.firstSegmentOffset).toBeLessThanOrEqual(150)
    expect(contentsOf(log)[0]![0]).toBe(150)
  })
  test('keeps what has a time in the future', () => {
    const log = open({ ...smallSegments, retentionMs: 1000 })
    for (let i = 0; i < 100; i++) log.appendAsLeader(batchOf(['v'], world.clock.now() + 3_600_000), 0)
    committed(log)
    expect(log.applyRetention()).toBe(0)
  })

  function fillInto(log: Log): Log {
    fill(log, 100)
    return log
  }
})

describe('gathered appends', () => {
  test('are read at once, written once a tick, and told of then', async () => {
    const log = open({}, { tailCache: new TailCache(1 << 20) })
    const told: number[] = []
    log.onWritten = () => told.push(log.writtenOffset)
    const wrote = fill(log, 10)
    expect([log.logEndOffset, log.writtenOffset, told]).toEqual([30, 0, []])
    expect(contentsOf(log)).toEqual(wrote)
    expect(readFileSync(`${directory}/events-0/00000000000000000000.log`).length).toBe(0)
    await new Promise<void>(resolve => world.clock.defer(resolve))
    expect(told).toEqual([30])
    expect(readFileSync(`${directory}/events-0/00000000000000000000.log`).length).toBe(log.sizeBytes)
  })
  test('are written for a reader that the memory cannot serve', () => {
    const log = open({}, { tailCache: new TailCache(0) })
    log.onWritten = () => {}
    expect(contentsOf(log)).toEqual([])
    const wrote = fill(log, 10)
    expect(contentsOf(log)).toEqual(wrote)
  })
  test('that are forced to disk by flush.messages are there when they are told of', async () => {
    const log = open({ flushMessages: 1 })
    log.onWritten = () => {}
    fill(log, 3)
    await new Promise<void>(resolve => world.clock.defer(resolve))
    expect(log.recoveryPoint).toBe(9)
  })

  test('that are written because their segment is closed are on disk, with flush.messages, when they are told of', () => {
    const log = open({ ...smallSegments, flushMessages: 1 })
    log.onWritten = () => {}
    while (log.segmentCount < 2) fill(log, 1)
    expect(log.writtenOffset).toBeGreaterThan(0)
    expect(log.recoveryPoint).toBe(log.writtenOffset)
  })
  test('count for flush.messages from the flush on that they missed, although an earlier one ends after it', async () => {
    const log = open({ flushMessages: 6 })
    fill(log, 1)
    const earlier = log.flush()
    fill(log, 1)
    expect(log.recoveryPoint).toBe(6)
    fill(log, 1)
    await earlier
    fill(log, 1)
    expect(log.recoveryPoint).toBe(12)
  })

  test('that a killed process has not forced to disk are on disk, with flush.messages, when they can be read again', () => {
    const before = open()
    fill(before, 3)
    before.abandon()
    expect(open({ flushMessages: 1 }).recoveryPoint).toBe(9)
    expect(open().recoveryPoint).toBe(0)
  })
})

test('flush.ms forces to disk after that time', async () => {
  const log = open({ flushMs: 5 })
  fill(log, 3)
  expect(log.recoveryPoint).toBe(0)
  while (log.recoveryPoint < 9) await new Promise<void>(resolve => void world.clock.timer(1, resolve))
})

test('flushes of one time share a sync and are complete when they resolve', async () => {
  const log = open()
  const ends: number[] = []
  const flushes: Promise<void>[] = []
  for (let i = 0; i < 20; i++) {
    fill(log, 1)
    const end = log.logEndOffset
    flushes.push(
      log.flush().then(() => {
        expect(log.recoveryPoint).toBeGreaterThanOrEqual(end)
        ends.push(end)
      }),
    )
  }
  await Promise.all(flushes)
  expect(ends).toHaveLength(20)
})

describe('a disk that fails', () => {
  function failing(fails: { code: string | null }): World {
    const check = (path: string) => {
      if (fails.code !== null) throw new DiskError(fails.code, path)
    }
    return {
      ...world,
      disk: {
        ...world.disk,
        open: (path, mode) => {
          if (mode === 'write') check(path)
          const file = world.disk.open(path, mode)
          const write = file.write.bind(file)
          file.write = (chunks, position) => {
            check(path)
            write(chunks, position)
          }
          return file
        },
      },
    }
  }

  test.each(['ENOSPC', 'EIO', 'EROFS'])('with %s refuses appends from then on and is still read', code => {
    const fails: { code: string | null } = { code: null }
    const failures: DiskError[] = []
    const log = open({}, { world: failing(fails), onFailed: error => failures.push(error) })
    const wrote = fill(log, 10)
    fails.code = code
    expect(() => fill(log, 1)).toThrow(expect.objectContaining({ code }))
    fails.code = null
    expect(() => fill(log, 1)).toThrow(expect.objectContaining({ code }))
    expect(failures).toHaveLength(1)
    expect(log.failure?.code).toBe(code)
    expect(log.logEndOffset).toBe(30)
    expect(contentsOf(log)).toEqual(wrote)
  })

  test('takes back what was gathered and not written', async () => {
    const fails: { code: string | null } = { code: null }
    const log = open({}, { world: failing(fails), tailCache: new TailCache(1 << 20) })
    const wrote = fill(log, 2)
    let told = 0
    log.onWritten = () => told++
    fill(log, 2)
    fails.code = 'ENOSPC'
    await new Promise<void>(resolve => world.clock.defer(resolve))
    expect([log.logEndOffset, log.writtenOffset, told]).toEqual([6, 6, 0])
    expect(contentsOf(log)).toEqual(wrote)
  })
})

test('a deleted log is renamed at once and removed later', () => {
  const timers: (() => void)[] = []
  const waiting: World = { ...world, clock: { ...world.clock, timer: (_, fire) => ({ cancel: () => {}, x: timers.push(fire) }) } }
  const log = open({}, { world: waiting })
  fill(log, 2)
  let removed = false
  log.remove(() => (removed = true))
  expect(readdirSync(directory)).toEqual([expect.stringMatching(/^events-0\.[0-9a-f]{32}-delete$/)])
  timers.at(-1)!()
  expect(removed).toBe(true)
  expect(readdirSync(directory)).toEqual([])
})

test('a preallocated segment has its full size until it is closed', async () => {
  const log = open({ preallocate: true, segmentBytes: 5000 })
  const path = `${directory}/events-0/00000000000000000000.log`
  const wrote = fill(log, 10)
  expect(readFileSync(path).length).toBe(5000)
  cpSync(`${directory}/events-0`, `${directory}/killed-0`, { recursive: true })
  await log.close()
  expect(readFileSync(path).length).toBe(log.sizeBytes)
  const killed = open({ preallocate: true, segmentBytes: 5000 }, { directory: `${directory}/killed-0` })
  expect(contentsOf(killed)).toEqual(wrote)
})

test('what a cleaner had finished takes the place of what it was made from, and what it had not is dropped', async () => {
  const log = open(smallSegments)
  const wrote = fill(log, 60)
  await log.close()
  const names = files('.log')
  const at = (name: string) => `${directory}/events-0/${name}`
  // Segments 0 and 1 in one new segment, complete; segment 2 in another that is not.
  const joined = Buffer.concat(names.slice(0, 2).map(name => readFileSync(at(name))))
  writeFileSync(at(`${names[0]}.swap`), joined)
  writeFileSync(at(names[0]!.replace('.log', '.index.swap')), '')
  writeFileSync(at(names[0]!.replace('.log', '.timeindex.swap')), '')
  writeFileSync(at(`${names[2]}.cleaned`), 'half')
  const again = open(smallSegments, { clean: true })
  expect(existsSync(at(names[1]!))).toBe(false)
  expect(files('.cleaned')).toEqual([])
  expect(contentsOf(again)).toEqual(wrote)
})
