import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { BatchBuilder, BatchView, batchesIn, ErrorCode } from '@millrace/protocol'
import { nodeWorld, silentLogger, type World } from '@millrace/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Log, type LogOptions } from './log.ts'
import { defaultLogConfig, type LogConfig } from './log-config.ts'
import { TailCache } from './tail-cache.ts'

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

interface Producer {
  producerId: number
  producerEpoch: number
  baseSequence: number
}

function batch(values: readonly string[], timestamp = 1000, producer: Partial<Producer> = {}): BatchView {
  const builder = new BatchBuilder({ maxBytes: 1 << 20, ...producer })
  for (const [i, value] of values.entries()) builder.append(timestamp + i, null, value)
  return BatchView.at(builder.build(), 0)!
}

/** Everything from `offset` on, read as a consumer does: `[offset, value]`. */
function contents(log: Log, offset = log.logStartOffset, maxBytes = 300): [number, string][] {
  const found: [number, string][] = []
  for (let at = offset; at < log.logEndOffset; ) {
    const { chunks, nextOffset } = log.read(at, { maxBytes })
    expect(nextOffset).toBeGreaterThan(at)
    for (const view of batchesIn(Buffer.concat(chunks))) {
      expect(view.isCrcValid()).toBe(true)
      const cursor = view.records()
      while (cursor.next()) if (cursor.offset >= offset) found.push([cursor.offset, Buffer.from(cursor.value()!).toString()])
    }
    at = nextOffset
  }
  return found
}

function fill(log: Log, count: number, size = 3): [number, string][] {
  const wrote: [number, string][] = []
  for (let i = 0; i < count; i++) {
    const values = Array.from({ length: size }, (_, n) => `value-${i}-${n}`)
    const { baseOffset } = log.appendAsLeader(batch(values, 1000 + i * 10), 0)
    for (const [n, value] of values.entries()) wrote.push([baseOffset + n, value])
  }
  return wrote
}

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
    expect(contents(log)).toEqual(wrote)
    for (let offset = 0; offset <= 300; offset += 7) expect(contents(log, offset)).toEqual(wrote.slice(offset))
  })

  test('gives the whole batch for an offset in its middle, also above the limit of bytes', () => {
    const log = open({}, { tailCache })
    fill(log, 5)
    const { chunks, nextOffset } = log.read(4, { maxBytes: 1 })
    expect(nextOffset).toBe(6)
    expect(BatchView.at(Buffer.concat(chunks), 0)!.baseOffset).toBe(3)
    expect(log.read(4, { maxBytes: 1, atLeastOne: false })).toEqual({ chunks: [], sizeBytes: 0, nextOffset: 4 })
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
