import { type Disk, silentLogger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import type { Log } from './log.ts'
import { defaultLogConfig } from './log-config.ts'
import { LogManager } from './log-manager.ts'
import { batchOf, contentsOf } from './testing/log-contents.ts'
import {
  emptyImage,
  fakeWorld,
  type Image,
  type Operation,
  overwritten,
  parentOf,
  RecordingDisk,
  resized,
} from './testing/recording-disk.ts'

/*
 * What a power loss may leave is enumerated, not sampled: a scenario is run on a disk that records every operation; for each prefix of the
 * operations and each of a bounded set of subsets of those that were not yet durable the disk's image is built, opened and checked.
 */

/** Indexes of the operations of a prefix that nothing has made durable yet. */
function pending(operations: readonly Operation[]): number[] {
  const synced = new Map<number, number>()
  const syncedDirectories = new Map<string, number>()
  for (const [index, operation] of operations.entries()) {
    if (operation.kind === 'sync') synced.set(operation.inode, operation.since)
    else if (operation.kind === 'sync-directory') syncedDirectories.set(operation.path, index)
  }
  return [...operations.keys()].filter(index => {
    const operation = operations[index]!
    if (operation.kind === 'write' || operation.kind === 'truncate') return index >= (synced.get(operation.inode) ?? 0)
    if (operation.kind === 'sync' || operation.kind === 'sync-directory') return false
    const path = operation.kind === 'rename' ? operation.to : operation.path
    return index >= (syncedDirectories.get(parentOf(path)) ?? 0)
  })
}

/** The image after `operations` without those in `dropped`; of the write `torn` only half has arrived. */
function imageOf(start: Image, operations: readonly Operation[], dropped: ReadonlySet<number>, torn = -1): Image {
  const names = new Map(start.names)
  const files = new Map(start.files)
  for (const [index, operation] of operations.entries()) {
    if (dropped.has(index)) continue
    switch (operation.kind) {
      case 'write': {
        const bytes = index === torn ? operation.bytes.subarray(0, operation.bytes.length >> 1) : operation.bytes
        files.set(operation.inode, overwritten(files.get(operation.inode) ?? Buffer.alloc(0), bytes, operation.position))
        break
      }
      case 'truncate':
        files.set(operation.inode, resized(files.get(operation.inode) ?? Buffer.alloc(0), operation.sizeBytes))
        break
      case 'link':
        names.set(operation.path, operation.inode)
        break
      case 'unlink':
        names.delete(operation.path)
        break
      case 'rename': {
        const inode = names.get(operation.from)
        if (inode === undefined) break
        names.delete(operation.from)
        names.set(operation.to, inode)
      }
    }
  }
  return { names, files }
}

/** The images that a power loss behind `operations` may leave: all, nothing, a first part, all but one, only one, one torn. */
function* imagesAfter(start: Image, operations: readonly Operation[]): Generator<{ image: Image; how: string }> {
  const unsynced = pending(operations)
  const drop = (indexes: readonly number[], how: string, torn = -1) => ({
    image: imageOf(start, operations, new Set(indexes), torn),
    how: `${how} of ${unsynced.length}`,
  })
  yield drop([], 'all')
  if (unsynced.length === 0) return
  for (let kept = 0; kept < unsynced.length; kept++) yield drop(unsynced.slice(kept), `the first ${kept}`)
  for (const index of unsynced) {
    const others = unsynced.filter(other => other !== index)
    if (unsynced.length > 1) {
      yield drop([index], `all but ${index}`)
      yield drop(others, `only ${index}`)
    }
    if (operations[index]!.kind !== 'write') continue
    yield drop([], `all, ${index} torn,`, index)
    yield drop(
      unsynced.filter(other => other > index),
      `up to ${index}, which is torn,`,
      index,
    )
  }
}

/** Every so many images are crashed a second time, at every step of their recovery. */
const secondCrashEach = 12

const config = { ...defaultLogConfig, segmentBytes: 260, indexIntervalBytes: 100, retentionMs: -1 }
const name = { topic: 'events', partition: 0, topicId: 'g-HqOjpDRLSw1H0WNX9e5A' }

function managerOn(disk: Disk) {
  const { world, fireTimers } = fakeWorld(disk)
  const manager = new LogManager({
    world,
    logger: silentLogger,
    directories: ['/data'],
    configOf: () => config,
    tailCacheBytes: 0,
  })
  return { manager, fireTimers }
}

type Records = readonly (readonly [number, string])[]

/** What was true at a moment of the scenario; `at` counts the disk's operations so far. */
interface Moment {
  readonly at: number
  /** What the log may hold, as the longest it can be: a recovered log is a beginning of one of these. */
  readonly possible: readonly Records[]
  /** All below was acknowledged as being on disk. */
  readonly durable: number
  /** The log may start anywhere up to here. */
  readonly latestStart: number
}

class Scenario {
  readonly disk = new RecordingDisk(emptyImage())
  readonly moments: Moment[] = []
  #records: (readonly [number, string])[] = []
  #durable = 0
  #latestStart = 0
  readonly #sequences = new Map<number, number>()
  readonly #manager = managerOn(this.disk)
  readonly log: Log = this.#manager.manager.open(name)

  /** One batch by the producer of that epoch. */
  append(epoch: number, ...values: string[]): void {
    const sequence = this.#sequences.get(epoch) ?? 0
    const producer = { producerId: epoch, producerEpoch: 0, baseSequence: sequence }
    const baseOffset = this.log.logEndOffset
    this.#records = [...this.#records, ...values.map((value, i) => [baseOffset + i, value] as const)]
    this.#note()
    this.log.appendAsLeader(batchOf(values, 1000 + baseOffset, producer), epoch)
    this.#sequences.set(epoch, sequence + values.length)
  }
  async flush(): Promise<void> {
    const end = this.log.logEndOffset
    await this.log.flush()
    this.#durable = end
    this.#note()
  }
  truncateTo(offset: number): void {
    const before = this.#records
    const after = before.filter(([at]) => at < offset)
    this.#durable = Math.min(this.#durable, offset)
    this.#note([before, after])
    this.log.truncateTo(offset)
    this.#records = after
    this.#note()
  }
  startAt(offset: number): void {
    this.#latestStart = offset
    this.#durable = 0
    this.#note([this.#records, []])
    this.log.truncateFullyAndStartAt(offset)
    this.#records = []
    this.#durable = offset
    this.#note()
  }
  async checkpoint(): Promise<void> {
    await this.#manager.manager.checkpointRecoveryPoints()
    await this.#manager.manager.checkpointLogStarts()
  }
  retain(offset: number): void {
    this.log.highWatermark = this.log.logEndOffset
    this.#latestStart = offset
    this.#note()
    this.log.deleteBefore(offset)
    this.log.applyRetention()
    this.#manager.fireTimers()
  }
  async close(): Promise<void> {
    await this.#manager.manager.close(7)
    this.#durable = this.log.logEndOffset
    this.#note()
  }
  /** What holds for a crash behind the first `count` operations. */
  momentAt(count: number): Moment {
    return this.moments.findLast(({ at }) => at <= count) ?? { at: 0, possible: [[]], durable: 0, latestStart: 0 }
  }

  #note(possible: readonly Records[] = [this.#records]): void {
    this.moments.push({ at: this.disk.operations.length, possible, durable: this.#durable, latestStart: this.#latestStart })
  }
}

/** A replica that was too far behind starts anew at its leader's log start: among its own segments, and behind them. */
async function replaced(): Promise<Scenario> {
  const scenario = new Scenario()
  for (let i = 0; i < 6; i++) scenario.append(0, `a${i}`, `b${i}`)
  await scenario.flush()
  await scenario.checkpoint()
  for (const [start, epoch] of [
    [5, 1],
    [100, 2],
    [100, 3],
  ] as const) {
    scenario.startAt(start)
    for (let i = 0; i < 4; i++) scenario.append(epoch, `${'acdg'[epoch]}${i}`, `${'acdg'[epoch]}${i}`)
    await scenario.flush()
    await scenario.checkpoint()
  }
  await scenario.close()
  return scenario
}

/** Appends, rolls, flushes, checkpoints, a cut, deletions, a clean stop. */
async function grown(): Promise<Scenario> {
  const scenario = new Scenario()
  for (let i = 0; i < 3; i++) scenario.append(0, `a${i}`, `b${i}`)
  await scenario.flush()
  for (let i = 3; i < 9; i++) scenario.append(0, `a${i}`, `b${i}`)
  await scenario.checkpoint()
  scenario.log.startEpoch(1)
  scenario.append(1, 'c0', 'c1', 'c2')
  scenario.append(1, 'c3')
  await scenario.flush()
  scenario.append(1, 'c4')
  scenario.truncateTo(10)
  for (let i = 0; i < 4; i++) scenario.append(2, `d${i}`, `e${i}`)
  await scenario.checkpoint()
  await scenario.flush()
  await scenario.checkpoint()
  scenario.append(2, 'f0')
  scenario.retain(12)
  await scenario.checkpoint()
  scenario.append(3, 'g0', 'g1')
  await scenario.flush()
  scenario.retain(scenario.log.logEndOffset)
  await scenario.checkpoint()
  scenario.append(3, 'g2')
  await scenario.flush()
  scenario.retain(scenario.log.logEndOffset)
  scenario.append(3, 'g3')
  await scenario.close()
  return scenario
}

interface Opened {
  readonly disk: RecordingDisk
  readonly log: Log
  readonly records: Records
}

/** Opens an image as a restarted broker does. Every step must work: a crash alone never damages a log. */
function reopen(image: Image): Opened {
  const disk = new RecordingDisk(image)
  const { manager } = managerOn(disk)
  const log = manager.open(name)
  for (let offset = log.logStartOffset; offset < log.logEndOffset; offset++) contentsOf(log, offset, 1)
  return { disk, log, records: contentsOf(log) }
}

function check(records: Records, log: Log, moment: Moment): void {
  expect(log.logEndOffset).toBeGreaterThanOrEqual(moment.durable)
  expect(log.logStartOffset).toBeLessThanOrEqual(moment.latestStart)
  const isBeginning = moment.possible.some(possible => {
    const visible = possible.filter(([offset]) => offset >= log.logStartOffset && offset < log.logEndOffset)
    return JSON.stringify(visible) === JSON.stringify(records)
  })
  if (!isBeginning) expect(records).toEqual(moment.possible)
  const [, last] = records.at(-1) ?? []
  if (last !== undefined && records.length > 0) {
    const lastOffset = records.at(-1)![0]
    expect(log.offsetForTimestamp(0)?.offset).toBe(log.logStartOffset)
    expect(log.epochAt(lastOffset)).toBe({ a: 0, b: 0, c: 1, d: 2, e: 2, f: 2, g: 3 }[last[0]!])
  }
}

describe('whatever a power loss leaves of a log', () => {
  test.each([
    ['grew and was cut', grown, 1000],
    ['was replaced', replaced, 300],
  ])(
    'that %s holds all that was flushed and is a beginning of what was appended',
    async (_, run, least) => {
      const scenario = await run()
      const { operations } = scenario.disk
      const seen = new Set<string>()
      let images = 0
      for (let count = 0; count <= operations.length; count++) {
        const prefix = operations.slice(0, count)
        const moment = scenario.momentAt(count)
        for (const { image, how } of imagesAfter(emptyImage(), prefix)) {
          const key = keyOf(image, moment)
          if (seen.has(key)) continue
          seen.add(key)
          images++
          try {
            const opened = reopen(image)
            check(opened.records, opened.log, moment)
            if (images % secondCrashEach === 0) checkSecondCrash(image, opened)
          } catch (error) {
            throw new Error(`after ${count} operations with ${how}`, { cause: error })
          }
        }
      }
      expect(images).toBeGreaterThan(least)
    },
    120_000,
  )
})

function keyOf({ names, files }: Image, moment: Moment): string {
  const parts = [...names].sort().map(([path, inode]) => `${path}=${files.get(inode)?.toString('latin1') ?? ''}`)
  return `${moment.at}|${parts.join('|')}`
}

function checkSecondCrash(image: Image, first: Opened): void {
  const recovery = [...first.disk.operations]
  // Again, and after a second crash at any point of the first recovery.
  for (let count = 0; count <= recovery.length; count++) {
    const unsynced = new Set(pending(recovery.slice(0, count)))
    for (const dropped of [new Set<number>(), unsynced]) {
      const again = reopen(imageOf(image, recovery.slice(0, count), dropped))
      expect(again.records.at(-1)).toEqual(first.records.at(-1))
      expect(again.log.logEndOffset).toBe(first.log.logEndOffset)
      if (unsynced.size === 0) break
    }
  }
  // What is appended afterwards, here with the size of a batch that may have been cut, must not bring back old batches: whatever is dropped or torn.
  first.log.appendAsLeader(batchOf(['x0', 'y0']), Math.max(0, first.log.lastEpoch))
  const after = [...first.disk.operations]
  const end = first.log.logEndOffset
  const longer = [...first.records, [end - 2, 'x0'] as const, [end - 1, 'y0'] as const]
  const lastWrite = after.findLastIndex(({ kind }) => kind === 'write')
  for (const index of [-1, ...pending(after)])
    for (const torn of [-1, lastWrite]) {
      const { log, records } = reopen(imageOf(image, after, new Set(index < 0 ? [] : [index]), torn))
      expect(records).toEqual(longer.filter(([offset]) => offset >= log.logStartOffset && offset < log.logEndOffset))
      expect(log.logEndOffset).toBeGreaterThanOrEqual(end - 2)
    }
}
