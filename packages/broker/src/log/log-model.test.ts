import { silentLogger } from '@millrace/runtime'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Log } from './log.ts'
import { defaultLogConfig } from './log-config.ts'
import { TailCache } from './tail-cache.ts'
import { batchOf, contentsOf } from './testing/log-contents.ts'
import { emptyImage, fakeWorld, RecordingDisk } from './testing/recording-disk.ts'

const config = { ...defaultLogConfig, segmentBytes: 700, indexIntervalBytes: 100, retentionMs: -1 }

/** The log beside a list of records: whatever is done to both, they hold the same. */
class Pair {
  readonly #disk = new RecordingDisk(emptyImage())
  readonly #gathers: boolean
  #log: Log
  #records: [number, string][] = []
  #start = 0
  #end = 0
  #epoch = 0
  #checkpoint = 0
  #next = 0

  constructor(gathers: boolean) {
    this.#gathers = gathers
    this.#log = this.#open(false)
  }

  append(count: number, size: number): void {
    const values = Array.from({ length: count }, () => `${this.#next++}`.padStart(size, '.'))
    const { baseOffset } = this.#log.appendAsLeader(batchOf(values, 1000 + this.#end), this.#epoch)
    expect(baseOffset).toBe(this.#end)
    for (const value of values) this.#records.push([this.#end++, value])
  }
  truncate(part: number): void {
    const target = this.#start + Math.floor((this.#end - this.#start) * part)
    const end = this.#log.truncateTo(target)
    expect(end).toBeLessThanOrEqual(target)
    // The batch in which the log started went as a whole.
    this.#start = Math.min(this.#start, end)
    this.#endAt(end)
  }
  startAt(ahead: number): void {
    this.#log.truncateFullyAndStartAt(this.#end + ahead)
    this.#start = this.#end + ahead
    this.#endAt(this.#start)
    this.#end = this.#start
    this.#records = []
  }
  deleteBefore(part: number): void {
    const target = this.#start + Math.floor((this.#end - this.#start) * part)
    this.#log.deleteBefore(target)
    this.#start = target
    this.#log.highWatermark = this.#end
    this.#log.applyRetention()
    expect(this.#log.firstSegmentOffset).toBeLessThanOrEqual(target)
  }
  newEpoch(): void {
    this.#log.startEpoch(++this.#epoch)
  }
  async flush(): Promise<void> {
    await this.#log.flush()
    this.#checkpoint = this.#log.recoveryPoint
  }
  async reopen(clean: boolean): Promise<void> {
    if (clean) await this.#log.close()
    else {
      this.#log.flushNow()
      this.#log.abandon()
    }
    this.#log = this.#open(clean)
  }
  check(part: number, maxBytes: number): void {
    expect([this.#log.logStartOffset, this.#log.logEndOffset]).toEqual([this.#start, this.#end])
    const from = this.#start + Math.floor((this.#end - this.#start) * part)
    expect(contentsOf(this.#log, from, maxBytes)).toEqual(this.#records.filter(([offset]) => offset >= from))
  }
  abandon(): void {
    this.#log.abandon()
  }

  #endAt(end: number): void {
    this.#end = end
    this.#records = this.#records.filter(([offset]) => offset < end)
  }

  #open(clean: boolean): Log {
    const log = Log.open({
      world: fakeWorld(this.#disk).world,
      logger: silentLogger,
      directory: '/data/events-0',
      topic: 'events',
      partition: 0,
      config,
      clean,
      recoveryPoint: this.#checkpoint,
      logStartOffset: this.#start,
      tailCache: new TailCache(1500),
      onRecoveryPointLowered: () => {
        this.#checkpoint = this.#log.recoveryPoint
      },
    })
    if (this.#gathers) log.onWritten = () => {}
    return log
  }
}

const part = fc.double({ min: 0, max: 1, noNaN: true })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('append'), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 60 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('truncate'), part) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('delete'), part) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('start'), fc.integer({ min: 0, max: 50 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('epoch')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('flush')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('reopen'), fc.boolean()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('check'), part, fc.integer({ min: 1, max: 2000 })) },
) as fc.Arbitrary<[string, ...any[]]>

test('a log holds what a list would hold, whatever is done to it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 60 }), async (gathers, steps) => {
      const pair = new Pair(gathers)
      for (const [name, first, second] of steps) {
        if (name === 'append') pair.append(first, second)
        else if (name === 'truncate') pair.truncate(first)
        else if (name === 'delete') pair.deleteBefore(first)
        else if (name === 'start') pair.startAt(first)
        else if (name === 'epoch') pair.newEpoch()
        else if (name === 'flush') await pair.flush()
        else if (name === 'reopen') await pair.reopen(first)
        else pair.check(first, second)
      }
      pair.check(0, 1)
      pair.check(0, 1e6)
      pair.abandon()
    }),
    { numRuns: 500 },
  )
})
