import { BatchView, batchesIn, ErrorCode, setBaseOffsetAndEpoch } from '@millrace/protocol'
import { DiskError, silentLogger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { BrokerMetrics } from '../broker-metrics.ts'
import { FetchWait } from '../fetch/fetch-wait.ts'
import { producedBatch } from '../log/testing/log-contents.ts'
import type { PartitionMetadata } from '../services.ts'
import { Leader } from './leader.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProduceRules } from './produce-rules.ts'
import { lenientRules } from './testing/lenient-rules.ts'
import { partitionOf } from './testing/partition-metadata.ts'
import { TestEnvironment } from './testing/test-environment.ts'

const metadata = partitionOf({ leaderEpoch: 4 })

/** A log in memory with what the leader asks of one. */
class ListLog implements PartitionLog {
  logStartOffset = 0
  logEndOffset = 0
  readonly batches: BatchView[] = []
  readonly epochs: { epoch: number; startOffset: number }[] = []
  broken: Error | null = null
  failure: Error | null = null
  highWatermark = 0
  onWritten: (() => void) | null = null
  /** Appends wait for `write`. */
  gathers = false
  #writtenOffset = 0

  get writtenOffset(): number {
    return this.gathers ? this.#writtenOffset : this.logEndOffset
  }
  write(): void {
    this.#writtenOffset = this.logEndOffset
    this.onWritten?.()
  }

  get lastEpoch(): number {
    return this.epochs.at(-1)?.epoch ?? -1
  }
  appendAsFollower(): number {
    throw new Error('a leader does not')
  }
  truncateTo(): number {
    throw new Error('a leader does not')
  }
  truncateFullyAndStartAt(): void {
    throw new Error('a leader does not')
  }
  startEpoch(epoch: number): void {
    this.epochs.push({ epoch, startOffset: this.logEndOffset })
  }
  appendAsLeader(batch: BatchView, epoch: number): { baseOffset: number; isDuplicate: boolean } {
    if (this.broken) throw this.broken
    const baseOffset = this.logEndOffset
    setBaseOffsetAndEpoch(batch.buffer, batch.offset, baseOffset, epoch)
    this.batches.push(batch)
    this.logEndOffset = batch.nextOffset
    return { baseOffset, isDuplicate: false }
  }
  read(offset: number, { maxBytes, endOffset, atLeastOne }: { maxBytes: number; endOffset: number; atLeastOne: boolean }) {
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    for (const batch of this.batches) {
      if (batch.nextOffset <= offset || batch.nextOffset > endOffset) continue
      if (sizeBytes + batch.sizeInBytes > maxBytes && !(atLeastOne && chunks.length === 0)) break
      chunks.push(batch.bytes)
      sizeBytes += batch.sizeInBytes
    }
    return { chunks, sizeBytes }
  }
  epochAt(): number {
    return 4
  }
  endOfEpoch(epoch: number): { epoch: number; endOffset: number } {
    return epoch === 3 ? { epoch: 3, endOffset: 0 } : { epoch: -1, endOffset: -1 }
  }
  offsetForTimestamp(): null {
    return null
  }
  offsetOfMaxTimestamp(): null {
    return null
  }
  deleteBefore(offset: number): void {
    this.logStartOffset = offset
  }
}

function setUp(options: { metadata?: Partial<PartitionMetadata>; rules?: Partial<ProduceRules> } = {}) {
  const log = new ListLog()
  const environment = new TestEnvironment()
  const leader = new Leader({
    environment,
    topic: 't',
    topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
    partition: 0,
    log,
    metadata: { ...metadata, ...options.metadata },
    rules: { ...lenientRules, ...options.rules },
    now: () => 5000,
    logger: silentLogger,
    metrics: new BrokerMetrics(),
  })
  return { leader, log, environment }
}

const all = { acks: -1, apiVersion: 12 }
const query = { offset: 0, lastFetchedEpoch: -1, maxBytes: 1_000_000, atLeastOne: true, committed: false }

describe('a leader with an in-sync set of one', () => {
  test('commits what it appends and serves it', () => {
    const { leader } = setUp()
    expect(leader.append(producedBatch('a', 'b'), all)).toMatchObject({ errorCode: 0, baseOffset: 0, nextOffset: 2 })
    expect(leader.append(producedBatch('c'), all)).toMatchObject({ errorCode: 0, baseOffset: 2, nextOffset: 3 })
    expect(leader.highWatermark).toBe(3)
    const read = leader.fetch(query)
    expect(read.chunks.flatMap(chunk => [...batchesIn(chunk)]).map(batch => batch.baseOffset)).toEqual([0, 2])
    expect(read).toMatchObject({ highWatermark: 3, lastStableOffset: 3, logStartOffset: 0 })
  })

  test('starts its epoch at the end of the log, and again when the epoch changes', () => {
    const { leader, log } = setUp()
    leader.append(producedBatch('a'), all)
    leader.update({ ...metadata, leaderEpoch: 5 }, lenientRules)
    leader.update({ ...metadata, leaderEpoch: 5, partitionEpoch: 9 }, lenientRules)
    expect(log.epochs).toEqual([
      { epoch: 4, startOffset: 0 },
      { epoch: 5, startOffset: 1 },
    ])
  })

  test('refuses anything but one whole batch', () => {
    const { leader } = setUp()
    const two = Buffer.concat([producedBatch('a'), producedBatch('b')])
    for (const records of [null, new Uint8Array(0), two, producedBatch('a').subarray(0, 50)])
      expect(leader.append(records, all).errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect(leader.logEndOffset).toBe(0)
  })

  test('fences clients of another epoch', () => {
    const { leader } = setUp()
    expect(leader.checkEpoch(-1)).toBe(ErrorCode.NONE)
    expect(leader.checkEpoch(4)).toBe(ErrorCode.NONE)
    expect(leader.checkEpoch(3)).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect(leader.checkEpoch(5)).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
  })

  test('answers an offset beyond either end as out of range, and the end itself as nothing yet', () => {
    const { leader } = setUp()
    leader.append(producedBatch('a', 'b'), all)
    leader.deleteRecordsBefore(1)
    expect(leader.fetch({ ...query, offset: 0 })).toMatchObject({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, highWatermark: -1 })
    expect(leader.fetch({ ...query, offset: 3 }).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(leader.fetch({ ...query, offset: 2 })).toMatchObject({ errorCode: 0, recordBytes: 0, highWatermark: 2 })
  })

  test('tells a reader whose last epoch ended earlier where it ended', () => {
    const { leader } = setUp()
    leader.append(producedBatch('a'), all)
    const read = leader.fetch({ ...query, offset: 1, lastFetchedEpoch: 3 })
    expect(read).toMatchObject({ errorCode: 0, recordBytes: 0, divergingEpoch: { epoch: 3, endOffset: 0 } })
  })

  test('is lost when the disk fails: whoever asks later hears of a storage error', () => {
    const { leader, log } = setUp()
    log.broken = new DiskError('ENOSPC', '/data')
    expect(leader.append(producedBatch('a'), all).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    log.broken = null
    expect(leader.append(producedBatch('a'), all).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(leader.fetch(query).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  })

  test('deletes records up to the high watermark and no further', () => {
    const { leader } = setUp()
    leader.append(producedBatch('a', 'b'), all)
    expect(leader.deleteRecordsBefore(3).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(leader.deleteRecordsBefore(-2).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(leader.deleteRecordsBefore(-1)).toEqual({ errorCode: 0, lowWatermark: 2 })
  })
})

describe('a leader whose log gathers appends', () => {
  test('commits and acknowledges when they are in the file', () => {
    const { leader, log } = setUp()
    log.gathers = true
    const { nextOffset } = leader.append(producedBatch('a'), all)
    const heard: string[] = []
    leader.whenWritten(nextOffset, code => heard.push(`written ${code}`))
    leader.whenReplicated(nextOffset, code => heard.push(`replicated ${code}`))
    expect(heard).toEqual([])
    expect(leader.fetch(query).recordBytes).toBe(0)
    log.write()
    expect(heard).toEqual(['written 0', 'replicated 0'])
    expect(log.highWatermark).toBe(1)
  })

  test('tells all who wait when the writing fails', () => {
    const { leader, log } = setUp()
    log.gathers = true
    const { nextOffset } = leader.append(producedBatch('a'), all)
    const heard: number[] = []
    leader.whenWritten(nextOffset, code => heard.push(code))
    leader.whenReplicated(nextOffset, code => heard.push(code))
    log.failure = new DiskError('EROFS', '/data')
    log.onWritten?.()
    expect(heard).toEqual([ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.KAFKA_STORAGE_ERROR])
  })
})

describe('a leader with another member in sync', () => {
  const two = { replicas: [1, 2], isr: [1, 2] }

  test('keeps readers and waiting producers back until the set shrinks to itself', () => {
    const { leader, environment } = setUp({ metadata: two })
    const outcome = leader.append(producedBatch('a'), all)
    const heard: number[] = []
    leader.whenReplicated(outcome.nextOffset, code => heard.push(code))
    expect(leader.fetch(query).recordBytes).toBe(0)
    environment.barred.add(2)
    leader.update({ ...metadata, ...two, isr: [1], partitionEpoch: 1 }, lenientRules)
    expect(heard).toEqual([ErrorCode.NONE])
    expect(leader.fetch(query).recordBytes).toBeGreaterThan(0)
  })

  test('tells waiting producers when it loses its leadership', () => {
    const { leader } = setUp({ metadata: two })
    const heard: number[] = []
    leader.whenReplicated(leader.append(producedBatch('a'), all).nextOffset, code => heard.push(code))
    leader.lose(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(heard).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER])
  })

  test('refuses acks=all when fewer than min.insync.replicas are in sync, and takes acks=1', () => {
    const { leader } = setUp({ metadata: { replicas: [1, 2], isr: [1] }, rules: { minIsr: 2 } })
    expect(leader.append(producedBatch('a'), all).errorCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS)
    expect(leader.append(producedBatch('a'), { ...all, acks: 1 }).errorCode).toBe(ErrorCode.NONE)
    expect(leader.highWatermark).toBe(0)
  })

  test('wakes a waiting fetch with the bytes that became readable', () => {
    const { leader, environment } = setUp({ metadata: two })
    const deferred: (() => void)[] = []
    const clock = {
      now: () => 0,
      monotonic: () => 0,
      timer: () => ({ cancel: () => {} }),
      defer: (run: () => void) => void deferred.push(run),
    }
    let woken = 0
    new FetchWait({ clock, partitions: [leader], missingBytes: 1, maxWaitMs: 500, done: () => woken++ })
    leader.append(producedBatch('a'), all)
    expect(deferred).toEqual([])
    environment.barred.add(2)
    leader.update({ ...metadata, ...two, isr: [1], partitionEpoch: 1 }, lenientRules)
    for (const run of deferred) run()
    expect(woken).toBe(1)
  })
})

test('a batch of a coordinator is appended and committed like any other', () => {
  const { leader } = setUp()
  const heard: (Error | undefined)[] = []
  leader.whenCommitted(leader.appendAsCoordinator(producedBatch('a', 'b')), error => heard.push(error))
  expect(heard).toEqual([undefined])
  expect(leader.read(0, 1000).map(batch => batch.recordCount)).toEqual([2])
  expect(BatchView.at(leader.read(0, 1000)[0]!.bytes, 0)!.partitionLeaderEpoch).toBe(4)
})
