import { ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { effectiveMinIsr, InSyncSet } from './in-sync-set.ts'
import type { IsrAnswer } from './replica-environment.ts'
import { partitionOf } from './testing/partition-metadata.ts'
import { TestEnvironment } from './testing/test-environment.ts'

const metadata = partitionOf({ leaderEpoch: 4, partitionEpoch: 10, replicas: [1, 2, 3] })
const id = { topic: 't', topicId: 'id', partition: 0 }

function setUp(isr: readonly number[] = [1, 2, 3]) {
  const environment = new TestEnvironment()
  let changes = 0
  const inSync = new InSyncSet(id, { ...metadata, isr }, environment, () => changes++)
  const fetched = (brokerId: number, offset: number, leaderEndOffset: number, brokerEpoch = 1) => {
    const fetcher = { lastFetchMs: environment.time }
    const position = { offset, logStartOffset: 0, brokerEpoch, leaderEndOffset, nowMs: environment.time, fetcher }
    inSync.replicas.get(brokerId)!.fetched(position)
  }
  const answer = (given: Partial<IsrAnswer>) => {
    const proposal = environment.proposals.at(-1)!
    const isr = proposal.isr.map(({ brokerId }) => brokerId)
    const { leaderEpoch, partitionEpoch } = proposal
    const accepted = { errorCode: 0, leaderId: 1, leaderEpoch, isr, leaderRecoveryState: 0, partitionEpoch: partitionEpoch + 1 }
    return proposal.answered({ ...accepted, ...given })
  }
  const proposed = () => environment.proposals.map(({ isr }) => isr.map(({ brokerId }) => brokerId))
  return { inSync, environment, fetched, answer, proposed, changes: () => changes }
}

describe('the high watermark', () => {
  test('is the lowest end of the members, and does not move before all have fetched', () => {
    const { inSync, fetched } = setUp()
    fetched(2, 8, 10)
    expect(inSync.highWatermark(3, 10, 1)).toBe(3)
    fetched(3, 6, 10)
    expect(inSync.highWatermark(3, 10, 1)).toBe(6)
    expect(inSync.highWatermark(7, 10, 1)).toBe(7)
  })

  test('does not wait for a replica that is neither in the set nor close to it', () => {
    const { inSync, fetched } = setUp([1, 2])
    fetched(2, 8, 10)
    fetched(3, 2, 10)
    expect(inSync.highWatermark(0, 10, 1)).toBe(8)
  })

  test('waits for a replica that has kept up and is about to join, unless it may not', () => {
    const { inSync, environment, fetched } = setUp([1, 2])
    fetched(2, 10, 10)
    fetched(3, 9, 9)
    expect(inSync.highWatermark(0, 10, 1)).toBe(9)
    environment.barred.add(3)
    expect(inSync.highWatermark(0, 10, 1)).toBe(10)
  })

  test('does not wait for one that left the set before it has fetched in this leadership', () => {
    const { inSync, fetched } = setUp()
    fetched(2, 10, 10)
    inSync.update({ ...metadata, isr: [1, 2], partitionEpoch: 11 })
    expect(inSync.highWatermark(0, 10, 1)).toBe(10)
  })

  test('stands while the set is smaller than min.insync.replicas (KIP-966)', () => {
    const { inSync } = setUp([1])
    expect(inSync.highWatermark(3, 10, 2)).toBe(3)
    expect(inSync.highWatermark(3, 10, 1)).toBe(10)
  })

  test('waits for whom the controller was asked to let in, and for whom it was asked to take out', () => {
    const { inSync, environment, fetched } = setUp([1, 2])
    fetched(2, 10, 10)
    fetched(3, 10, 10)
    inSync.expandBy(inSync.replicas.get(3)!, 10, 0)
    environment.time += 60_000
    expect(inSync.highWatermark(10, 20, 1)).toBe(10)
    const shrinking = setUp()
    shrinking.fetched(2, 10, 10)
    shrinking.fetched(3, 5, 10)
    shrinking.environment.time += 60_000
    shrinking.inSync.shrink(10)
    expect(shrinking.proposed()).toEqual([[1, 2]])
    expect(shrinking.inSync.highWatermark(0, 10, 1)).toBe(5)
    shrinking.answer({})
    expect(shrinking.inSync.highWatermark(0, 10, 1)).toBe(10)
  })
})

describe('a replica joins the set', () => {
  test.each([
    ['with everything committed and everything before this leadership', { offset: 8, highWatermark: 8, epochStart: 7 }, true],
    ['not without all that is committed', { offset: 7, highWatermark: 8, epochStart: 7 }, false],
    ['not without all that earlier leaders had', { offset: 8, highWatermark: 3, epochStart: 9 }, false],
  ])('%s', (_, { offset, highWatermark, epochStart }, joins) => {
    const { inSync, fetched, proposed } = setUp([1, 2])
    fetched(3, offset, 10)
    inSync.expandBy(inSync.replicas.get(3)!, highWatermark, epochStart)
    expect(proposed()).toEqual(joins ? [[1, 2, 3]] : [])
  })

  test('not while it is fenced or leaving (KIP-841), nor by fetches of a process that is gone (KIP-903)', () => {
    const { inSync, environment, fetched, proposed } = setUp([1, 2])
    fetched(3, 10, 10)
    environment.barred.add(3)
    inSync.expandBy(inSync.replicas.get(3)!, 10, 0)
    environment.barred.delete(3)
    environment.epochs.set(3, 2)
    inSync.expandBy(inSync.replicas.get(3)!, 10, 0)
    expect(proposed()).toEqual([])
    fetched(3, 10, 10, 2)
    inSync.expandBy(inSync.replicas.get(3)!, 10, 0)
    expect(environment.proposals[0]!.isr).toEqual([
      { brokerId: 1, brokerEpoch: 1 },
      { brokerId: 2, brokerEpoch: -1 },
      { brokerId: 3, brokerEpoch: 2 },
    ])
  })

  test('when it is unfenced, though it has nothing to fetch that would say so', () => {
    const { inSync, environment, fetched, proposed } = setUp([1])
    fetched(2, 10, 10)
    fetched(3, 4, 10)
    environment.time += 60_000
    inSync.expand(10, 10, 0)
    expect(proposed()).toEqual([[1, 2]])
  })

  test('one change at a time', () => {
    const { inSync, fetched, proposed, answer } = setUp([1])
    fetched(2, 10, 10)
    fetched(3, 10, 10)
    inSync.expandBy(inSync.replicas.get(2)!, 10, 0)
    inSync.expandBy(inSync.replicas.get(3)!, 10, 0)
    expect(proposed()).toEqual([[1, 2]])
    answer({})
    inSync.expandBy(inSync.replicas.get(3)!, 10, 0)
    expect(proposed()).toEqual([
      [1, 2],
      [1, 2, 3],
    ])
  })
})

describe('a member leaves the set', () => {
  test('when it was not caught up for replica.lag.time.max.ms, and not before', () => {
    const { inSync, environment, fetched, proposed } = setUp()
    fetched(2, 10, 10)
    fetched(3, 9, 10)
    environment.time += 30_000
    inSync.shrink(10)
    expect(proposed()).toEqual([])
    environment.time += 1
    inSync.shrink(10)
    expect(proposed()).toEqual([[1, 2]])
  })

  test('not for silence alone: there is nothing that it lacks', () => {
    const { inSync, environment, fetched, proposed } = setUp()
    fetched(2, 10, 10)
    fetched(3, 10, 10)
    environment.time += 600_000
    inSync.shrink(10)
    expect(proposed()).toEqual([])
  })

  test('not one that reaches with each fetch where the leader was at the fetch before', () => {
    const { inSync, environment, fetched, proposed } = setUp([1, 2])
    for (let end = 10; end < 100; end += 10) {
      environment.time += 20_000
      fetched(2, end - 10, end)
      inSync.shrink(end)
    }
    expect(proposed()).toEqual([])
  })

  test('counted from the last sign of its fetcher when the log grows again after a quiet time', () => {
    const { inSync, environment, fetched, proposed } = setUp([1, 2])
    fetched(2, 10, 10)
    environment.time += 600_000
    inSync.grown(10)
    inSync.shrink(11)
    expect(proposed()).toEqual([[1]])
  })
})

describe('the answer of the controller', () => {
  const shrinking = () => {
    const set = setUp()
    set.fetched(2, 10, 10)
    set.environment.time += 60_000
    set.inSync.shrink(10)
    expect(set.proposed()).toEqual([[1, 2]])
    return set
  }

  test('commits the set', () => {
    const { inSync, answer, changes, environment } = shrinking()
    expect(answer({})).toBe(false)
    expect([inSync.isr, inSync.partitionEpoch, inSync.isPending, changes(), environment.changes]).toEqual([
      [1, 2],
      11,
      false,
      1,
      1,
    ])
  })

  test.each([
    ['OPERATION_NOT_ATTEMPTED', { again: false, pending: false }],
    ['INELIGIBLE_REPLICA', { again: false, pending: false }],
    ['FENCED_LEADER_EPOCH', { again: false, pending: true }],
    ['INVALID_UPDATE_VERSION', { again: false, pending: true }],
    ['NEW_LEADER_ELECTED', { again: false, pending: true }],
    ['UNKNOWN_TOPIC_ID', { again: false, pending: true }],
    ['INVALID_REQUEST', { again: false, pending: true }],
    ['NOT_CONTROLLER', { again: true, pending: true }],
    ['UNKNOWN_SERVER_ERROR', { again: true, pending: true }],
  ] as const)('%s leaves the committed set as it is', (code, { again, pending }) => {
    const { inSync, answer } = shrinking()
    expect(answer({ errorCode: ErrorCode[code] })).toBe(again)
    expect([inSync.isr, inSync.isPending]).toEqual([[1, 2, 3], pending])
  })

  test('that is older than the metadata changes nothing, and neither do metadata that are older than it', () => {
    const { inSync, answer } = shrinking()
    inSync.update({ ...metadata, isr: [1, 3], partitionEpoch: 12 })
    expect(inSync.isPending).toBe(false)
    expect(answer({ errorCode: 0 })).toBe(false)
    expect(inSync.isr).toEqual([1, 3])
    const other = shrinking()
    other.answer({})
    other.inSync.update({ ...metadata, isr: [1, 2, 3], partitionEpoch: 10 })
    expect(other.inSync.isr).toEqual([1, 2])
    other.inSync.update({ ...metadata, isr: [1, 2, 3], partitionEpoch: 12 })
    expect(other.inSync.isr).toEqual([1, 2, 3])
  })

  test('to a leadership that is over changes nothing', () => {
    const { inSync, answer } = shrinking()
    inSync.end()
    expect(answer({})).toBe(false)
    expect(inSync.isr).toEqual([1, 2, 3])
  })
})

test('a new leadership begins without knowledge of the followers', () => {
  const { inSync, fetched } = setUp()
  fetched(2, 10, 10)
  fetched(3, 10, 10)
  inSync.update({ ...metadata, leaderEpoch: 5, partitionEpoch: 11 })
  expect(inSync.highWatermark(3, 10, 1)).toBe(3)
})

test('min.insync.replicas counts at most as many as there are', () => {
  expect(effectiveMinIsr(2, 1)).toBe(1)
  expect(effectiveMinIsr(2, 3)).toBe(2)
})
