import { BatchBuilder, BatchView, CorruptBatchError, ErrorCode, setBaseOffsetAndEpoch } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { SimulatedUniverse } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { CorruptLogError } from '../log/corrupt-log.ts'
import { Log } from '../log/log.ts'
import { defaultLogConfig } from '../log/log-config.ts'
import { contentsOf } from '../log/testing/log-contents.ts'
import { divergence } from './fetch-query.ts'
import { Follower } from './follower.ts'
import { partitionOf } from './testing/partition-metadata.ts'
import { TestEnvironment } from './testing/test-environment.ts'

/** One batch of one record `epoch:offset` each; a number stands for the leader epoch. */
function batches(baseOffset: number, epochs: readonly number[]): Buffer {
  return Buffer.concat(
    epochs.map((epoch, i) => {
      const builder = new BatchBuilder({ maxBytes: 1 << 16 })
      builder.append(1000, null, `${epoch}`)
      const bytes = builder.build()
      setBaseOffsetAndEpoch(bytes, 0, baseOffset + i, epoch)
      return Buffer.from(bytes)
    }),
  )
}

let logs = 0
function logOf(...epochs: number[]): Log {
  const world = new SimulatedUniverse(1).machine(`m${logs++}`).boot()
  const log = Log.open({ world, logger: silentLogger, directory: '/t-0', topic: 't', partition: 0, config: defaultLogConfig })
  if (epochs.length > 0) log.appendAsFollower(batches(0, epochs))
  return log
}

function followerOf(log: Log, leaderEpoch = 9): Follower {
  const environment = new TestEnvironment()
  return new Follower({
    environment,
    topic: 't',
    topicId: 'id',
    partition: 0,
    log,
    metadata: partitionOf({ leader: 2, leaderEpoch, replicas: [1, 2, 3] }),
    logger: silentLogger,
  })
}

/** What a fetcher does until the follower agrees with the leader's log; returns how often it was told to cut. */
function follow(follower: Follower, leader: Log): number {
  for (let cuts = 0; ; cuts++) {
    const { logEndOffset: offset, lastFetchedEpoch } = follower
    const found = divergence(leader, { offset, lastFetchedEpoch })
    if (found === null || typeof found === 'number') {
      const { chunks } = leader.read(offset, { maxBytes: 1 << 20 })
      follower.take({ records: Buffer.concat(chunks), highWatermark: leader.logEndOffset, logStartOffset: leader.logStartOffset })
      return cuts
    }
    if (cuts > 10) throw new Error(`cut again and again, last at ${offset}`)
    follower.diverged(found)
  }
}

const epochsOf = (log: Log) => contentsOf(log).map(([, epoch]) => Number(epoch))

describe('a follower cuts off what its leader does not have', () => {
  test('KIP-101, first scenario: a committed record stays though the high watermark did not tell of it', () => {
    // Both have m1 and m2, the follower's high watermark covers m1 alone; it restarts, and the leader fails before it has fetched.
    const log = logOf(0, 0)
    log.highWatermark = 1
    const follower = followerOf(log, 1)
    expect([follower.logEndOffset, follower.highWatermark]).toEqual([2, 1])
    const leader = logOf(0, 0)
    expect(follow(follower, leader)).toBe(0)
    expect(epochsOf(log)).toEqual([0, 0])
  })

  test('KIP-101, second scenario: replicas that wrote different records at one offset end with the same ones', () => {
    const log = logOf(0, 0)
    const leader = logOf(0, 1)
    expect(follow(followerOf(log, 2), leader)).toBe(1)
    expect(epochsOf(log)).toEqual([0, 1])
  })

  test('KIP-279: a leader without the epoch in between answers with an earlier one, which the follower has more of', () => {
    // The follower led epoch 1 briefly; the leader of epoch 2 never heard of it.
    const log = logOf(0, 0, 0, 1, 1)
    const leader = logOf(0, 0, 2, 2)
    follow(followerOf(log, 3), leader)
    expect(epochsOf(log)).toEqual([0, 0, 2, 2])
  })

  test('KIP-279: where neither knows the epoch of the other they agree step by step', () => {
    const log = logOf(1, 1, 3, 3, 5, 5)
    const leader = logOf(1, 1, 1, 2, 4, 4, 6)
    expect(follow(followerOf(log, 7), leader)).toBeGreaterThan(1)
    expect(epochsOf(log)).toEqual([1, 1, 1, 2, 4, 4, 6])
  })

  test('an epoch that it led without a record does not count', () => {
    const log = logOf(0, 0)
    log.startEpoch(1)
    const follower = followerOf(log, 3)
    expect(follower.lastFetchedEpoch).toBe(0)
    expect(follow(follower, logOf(0, 0, 2))).toBe(0)
    expect(epochsOf(log)).toEqual([0, 0, 2])
  })

  test('and lowers its high watermark to its end, never below what both have', () => {
    const log = logOf(0, 0, 1, 1)
    log.highWatermark = 4
    const follower = followerOf(log, 3)
    follower.diverged({ epoch: 0, endOffset: 3 })
    expect([follower.logEndOffset, follower.highWatermark, log.highWatermark]).toEqual([2, 2, 2])
  })
})

describe('a follower takes what its leader sends', () => {
  test('with offsets and epochs, in the file at once, and the high watermark no further than it has records', () => {
    const log = logOf()
    const follower = followerOf(log)
    follower.take({ records: batches(0, [3, 3, 4]), highWatermark: 7, logStartOffset: 0 })
    expect([follower.logEndOffset, log.writtenOffset, follower.highWatermark, follower.lag]).toEqual([3, 3, 3, 4])
    expect(log.endOfEpoch(3)).toEqual({ epoch: 3, endOffset: 2 })
    expect(follower.lastFetchedEpoch).toBe(4)
    follower.take({ records: new Uint8Array(0), highWatermark: 2, logStartOffset: 0 })
    expect(follower.highWatermark).toBe(3)
  })

  test('up to a batch with a wrong CRC, which is not taken', () => {
    const log = logOf()
    const records = batches(0, [3, 3, 3])
    records[records.length - 1]! ^= 1
    const follower = followerOf(log)
    expect(() => follower.take({ records, highWatermark: 3, logStartOffset: 0 })).toThrow(CorruptBatchError)
    expect(follower.logEndOffset).toBe(2)
    expect(follower.highWatermark).toBe(0)
  })

  test('but nothing of a later epoch than the one that it follows in', () => {
    const follower = followerOf(logOf(), 4)
    follower.take({ records: batches(0, [3, 4, 5]), highWatermark: 3, logStartOffset: 0 })
    expect(follower.logEndOffset).toBe(2)
  })

  test('without the end of a batch that is cut off', () => {
    const follower = followerOf(logOf())
    const records = batches(0, [3, 3])
    follower.take({ records: records.subarray(0, records.length - 5), highWatermark: 2, logStartOffset: 0 })
    expect(follower.logEndOffset).toBe(1)
  })

  test('deletes what its leader has deleted, as far as it is committed here', () => {
    const log = logOf(1, 1, 1)
    const follower = followerOf(log)
    follower.take({ records: new Uint8Array(0), highWatermark: 2, logStartOffset: 3 })
    expect(follower.logStartOffset).toBe(0)
    follower.take({ records: new Uint8Array(0), highWatermark: 3, logStartOffset: 2 })
    expect(follower.logStartOffset).toBe(2)
  })

  test('starts with a whole batch when the start of its leader lies in one', () => {
    const builder = new BatchBuilder({ maxBytes: 1 << 16 })
    for (const value of ['a', 'b', 'c']) builder.append(1000, null, value)
    const bytes = builder.build()
    setBaseOffsetAndEpoch(bytes, 0, 10, 3)
    const log = logOf()
    const follower = followerOf(log)
    follower.startAt(11)
    follower.take({ records: BatchView.at(bytes, 0)!.bytes, highWatermark: 13, logStartOffset: 11 })
    expect([follower.logStartOffset, follower.logEndOffset, follower.highWatermark]).toEqual([11, 13, 13])
  })
})

describe('a consumer of a follower (KIP-392)', () => {
  const query = { lastFetchedEpoch: -1, maxBytes: 1 << 20, atLeastOne: true, committed: false }

  test('reads up to its high watermark, and hears that what is not here yet is not available', () => {
    const log = logOf(1, 1, 1)
    log.highWatermark = 2
    const follower = followerOf(log)
    expect(follower.fetch({ ...query, offset: 0 })).toMatchObject({ errorCode: 0, highWatermark: 2 })
    expect(follower.fetch({ ...query, offset: 1 }).recordBytes).toBeGreaterThan(0)
    expect(follower.fetch({ ...query, offset: 2 })).toMatchObject({ errorCode: 0, recordBytes: 0 })
    expect(follower.fetch({ ...query, offset: 4 }).errorCode).toBe(ErrorCode.OFFSET_NOT_AVAILABLE)
    follower.take({ records: new Uint8Array(0), highWatermark: 3, logStartOffset: 0 })
    log.deleteBefore(1)
    expect(follower.fetch({ ...query, offset: 0 }).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  test('is answered KAFKA_STORAGE_ERROR for damage in the log, and served again where it is whole', () => {
    const log = logOf(1, 1)
    log.highWatermark = 2
    const follower = followerOf(log)
    const { read } = log
    log.read = () => {
      throw new CorruptLogError('/t-0/00000000000000000000.log', 'an offset that does not follow')
    }
    expect(follower.fetch({ ...query, offset: 0 }).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    log.read = read
    expect(follower.fetch({ ...query, offset: 0 }).errorCode).toBe(ErrorCode.NONE)
  })

  test('is fenced by its epoch, and told when the follower is none any more', () => {
    const follower = followerOf(logOf(1))
    expect(follower.checkEpoch(8)).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect(follower.checkEpoch(10)).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    follower.lose(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(follower.fetch({ ...query, offset: 0 }).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })
})
