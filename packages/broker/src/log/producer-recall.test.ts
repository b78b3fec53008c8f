import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { nodeWorld, silentLogger } from '@millrace/runtime'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Log } from './log.ts'
import { defaultLogConfig } from './log-config.ts'
import { batchOf } from './testing/log-contents.ts'

let directory: string
const opened: Log[] = []

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/producer-recall-`)
})
afterEach(() => {
  for (const log of opened.splice(0)) log.abandon()
  rmSync(directory, { recursive: true, force: true })
})

function open({ segmentBytes = 400, ...options }: { clean: boolean; recoveryPoint?: number; segmentBytes?: number }): Log {
  const log = Log.open({
    world: nodeWorld(),
    logger: silentLogger,
    directory: `${directory}/events-0`,
    topic: 'events',
    partition: 0,
    config: { ...defaultLogConfig, segmentBytes, indexIntervalBytes: 0 },
    ...options,
  })
  opened.push(log)
  return log
}

/** Batches of one more producer, of so many bytes together. */
function overgrow(log: Log, producerId: number, bytes: number): void {
  const value = 'x'.repeat(10_000)
  for (let i = 0; i * value.length < bytes; i++)
    log.appendAsLeader(batchOf([value], 1000, { producerId, producerEpoch: 0, baseSequence: i }), 0)
}

const values = ['a', 'b']
const batch = (producerId: number, number: number) =>
  batchOf(values, 1000, { producerId, producerEpoch: 0, baseSequence: number * values.length })

/** Eight batches of each of two producers, in turns, over several segments. */
function fill(log: Log): void {
  for (let i = 0; i < 16; i++) log.appendAsLeader(batch(i % 2, i >> 1), 0)
  expect(log.segmentCount).toBeGreaterThan(3)
}

const baseOffsetOf = (producerId: number, number: number) => (2 * number + producerId) * values.length

test.each([
  ['a clean stop', async (log: Log) => log.close(), { clean: true }],
  [
    'a crash',
    async (log: Log) => {
      log.flushNow()
      log.abandon()
    },
    { clean: false, recoveryPoint: 32 },
  ],
])('after %s a producer that sends its last five batches again is told where they stand', async (_, stop, options) => {
  const before = open({ clean: false })
  fill(before)
  await stop(before)
  const log = open(options)
  for (const producerId of [0, 1])
    for (let number = 3; number < 8; number++)
      expect(log.appendAsLeader(batch(producerId, number), 0)).toEqual({
        baseOffset: baseOffsetOf(producerId, number),
        isDuplicate: true,
      })
  expect(() => log.appendAsLeader(batch(0, 2), 0)).toThrow('sent sequence 4 instead of 16')
  expect(log.appendAsLeader(batch(0, 8), 0)).toEqual({ baseOffset: 32, isDuplicate: false })
})

test('a producer that has long been silent in a log that has grown by far is told where its last five batches stand', () => {
  const segmentBytes = 300_000
  const before = open({ clean: false, segmentBytes })
  for (let number = 0; number < 8; number++) before.appendAsLeader(batch(0, number), 0)
  overgrow(before, 8, 2 << 20)
  for (let number = 0; number < 3; number++) before.appendAsLeader(batch(1, number), 0)
  overgrow(before, 9, 2 << 20)
  before.flushNow()
  before.abandon()
  const log = open({ clean: false, segmentBytes, recoveryPoint: before.logEndOffset })
  for (let number = 3; number < 8; number++)
    expect(log.appendAsLeader(batch(0, number), 0)).toEqual({ baseOffset: number * values.length, isDuplicate: true })
  for (let number = 0; number < 3; number++) expect(log.appendAsLeader(batch(1, number), 0)).toMatchObject({ isDuplicate: true })
})
