import { describe, expect, test } from 'vitest'
import { nameOf, Scenario } from '../testing/group-scenario.ts'

const noOffset = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }

describe('commit and fetch', () => {
  test('metadata and epoch come back as they were; unknown partitions are -1 without an error', () => {
    const s = new Scenario()
    expect(s.commit({ 0: 42, 1: 7 }, { metadata: 'm=é\u0000' })).toEqual(['NONE', 'NONE'])
    expect(s.trace()).toEqual(['log offset g t-0 42', 'log offset g t-1 7'])
    expect(s.fetchOffsets({ t: [0, 2], u: [0] })).toEqual({
      errorCode: 0,
      topics: [
        {
          name: 't',
          partitions: [
            { partitionIndex: 0, committedOffset: 42, committedLeaderEpoch: 3, metadata: 'm=é\u0000', errorCode: 0 },
            { partitionIndex: 2, ...noOffset },
          ],
        },
        { name: 'u', partitions: [{ partitionIndex: 0, ...noOffset }] },
      ],
    })
    expect(s.fetchOffsets(null).topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([['t', 2]])
    expect(s.fetchOffsets(null, { groupId: 'nobody' })).toEqual({ errorCode: 0, topics: [] })
  })

  test('too much metadata refuses that partition alone; too large a request is refused whole', () => {
    const s = new Scenario()
    expect(s.commit({ 0: 1 }, { metadata: 'x'.repeat(17) })).toEqual(['OFFSET_METADATA_TOO_LARGE'])
    expect(s.machine.group('g')).toBeUndefined()
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i, i]))
    expect(new Set(s.commit(many))).toEqual(new Set(['INVALID_COMMIT_OFFSET_SIZE']))
    expect(s.trace()).toEqual([])
  })

  test('while a group has members only they commit, with their generation', () => {
    const s = new Scenario()
    const { a } = s.stable('a')
    expect(s.commit({ 0: 1 }, { memberId: a!, generationId: 1 })).toEqual(['NONE'])
    expect(s.commit({ 0: 1 }, { memberId: a!, generationId: 0 })).toEqual(['ILLEGAL_GENERATION'])
    expect(s.commit({ 0: 1 }, { memberId: 'x', generationId: 1 })).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(s.commit({ 0: 1 })).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(s.commit({ 0: 1 }, { groupId: 'other', memberId: 'x', generationId: 1 })).toEqual([nameOf(22)])
  })

  test('commits are taken while members rejoin, not between join and sync', () => {
    const s = new Scenario()
    const { a } = s.stable('a')
    s.join('b')
    expect(s.commit({ 0: 5 }, { memberId: a!, generationId: 1 })).toEqual(['NONE'])
    s.join('a', { memberId: a! })
    expect(s.commit({ 0: 6 }, { memberId: a!, generationId: 2 })).toEqual(['REBALANCE_IN_PROGRESS'])
    expect(s.fetchOffsets({ t: [0] }).topics[0]!.partitions[0]!.committedOffset).toBe(5)
  })

  test('an offset in an open transaction is unstable for who asks, and counts when it commits', () => {
    const s = new Scenario()
    s.commit({ 0: 1, 1: 1 })
    const value = { offset: 9, leaderEpoch: 0, metadata: '', commitTimestampMs: 0, expireTimestampMs: -1, topicId: null }
    for (const producerId of [5, 6])
      s.machine.apply({ kind: 'offset', group: 'g', topic: 't', partition: producerId - 5, value, producerId })
    const offsets = (requireStable: boolean) =>
      s
        .fetchOffsets({ t: [0, 1] }, { requireStable })
        .topics[0]!.partitions.map(p => (p.errorCode ? nameOf(p.errorCode) : p.committedOffset))
    expect(offsets(true)).toEqual(['UNSTABLE_OFFSET_COMMIT', 'UNSTABLE_OFFSET_COMMIT'])
    expect(offsets(false)).toEqual([1, 1])
    s.machine.apply({ kind: 'transactionEnd', producerId: 5, committed: true })
    s.machine.apply({ kind: 'transactionEnd', producerId: 6, committed: false })
    expect(offsets(true)).toEqual([9, 1])
  })
})

describe('expiry', () => {
  test('offsets of a group without members ever: so long after the commit', () => {
    const s = new Scenario()
    s.commit({ 0: 1 })
    s.pass(30_000)
    s.commit({ 1: 1 })
    s.trace()
    s.pass(39_999)
    expect(s.trace()).toEqual(['log offset g t-0 tombstone'])
    s.pass(30_000)
    expect(s.trace()).toEqual(['log offset g t-1 tombstone'])
    expect(s.machine.group('g')).toBeUndefined()
  })

  test('offsets of a group with members stay while it lives, and go with it when it has been empty long enough', () => {
    const s = new Scenario()
    const { a } = s.stable('a')
    s.commit({ 0: 1 }, { memberId: a!, generationId: 1 })
    for (let i = 0; i < 20; i++) {
      s.heartbeat(a!, 1)
      s.pass(5000)
    }
    expect(s.trace()).toEqual(['log offset g t-0 1'])
    s.leave({ memberId: a! })
    s.pass(59_000)
    expect(s.trace()).toEqual(['log group g generation=2 leader=null members='])
    s.pass(11_000)
    expect(s.trace()).toEqual(['log offset g t-0 tombstone', 'log group g tombstone'])
    expect([...s.machine.groups()]).toEqual([])
  })

  test('a living group loses the offsets of topics it no longer reads', () => {
    const s = new Scenario()
    const { a } = s.stable('a')
    s.commit({ 0: 1 }, { memberId: a!, generationId: 1, topic: 't' })
    s.commit({ 0: 1 }, { memberId: a!, generationId: 1, topic: 'old' })
    s.trace()
    for (let i = 0; i < 15; i++) {
      s.heartbeat(a!, 1)
      s.pass(5000)
    }
    expect(s.trace()).toEqual(['log offset g old-0 tombstone'])
  })

  test('a retention time of its own (v2 to v4) wins', () => {
    const s = new Scenario()
    s.commit({ 0: 1 }, { retentionTimeMs: 15_000 })
    s.trace()
    s.pass(20_000)
    expect(s.trace()).toEqual(['log offset g t-0 tombstone'])
  })

  test('a deleted topic takes its offsets along', () => {
    const s = new Scenario()
    s.commit({ 0: 1, 1: 2 })
    s.commit({ 0: 1 }, { topic: 'u' })
    s.trace()
    s.submit({ kind: 'topicsDeleted', names: ['t', 'x'] })
    expect(s.trace()).toEqual(['log offset g t-0 tombstone', 'log offset g t-1 tombstone'])
  })
})

describe('deletion', () => {
  test('a group: its offsets and itself in one append; with members or unknown it is refused', () => {
    const s = new Scenario()
    expect(s.delete()).toBe('GROUP_ID_NOT_FOUND')
    expect(s.delete('')).toBe('GROUP_ID_NOT_FOUND')
    const { a } = s.stable('a')
    expect(s.delete()).toBe('NON_EMPTY_GROUP')
    s.commit({ 0: 1, 1: 1 }, { memberId: a!, generationId: 1 })
    s.leave({ memberId: a! })
    s.trace()
    expect(s.delete()).toBe('NONE')
    expect(s.trace()).toEqual(['log offset g t-0 tombstone', 'log offset g t-1 tombstone', 'log group g tombstone'])
    expect(s.delete()).toBe('GROUP_ID_NOT_FOUND')
  })

  test('offsets of topics that the group reads are kept', () => {
    const s = new Scenario()
    const { a } = s.stable('a')
    s.commit({ 0: 1 }, { memberId: a!, generationId: 1, topic: 't' })
    s.commit({ 0: 1 }, { memberId: a!, generationId: 1, topic: 'u' })
    let codes: string[] = []
    const topics = ['t', 'u', 'never'].map(name => ({ name, partitions: [0, 1] }))
    s.trace()
    s.submit({
      kind: 'deleteOffsets',
      request: { groupId: 'g', topics },
      answer: response => (codes = response.topics.map(({ errorCode }) => nameOf(errorCode))),
    })
    expect(codes).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE', 'NONE'])
    expect(s.trace()).toEqual(['log offset g u-0 tombstone'])
  })
})
