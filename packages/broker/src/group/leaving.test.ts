import { describe, expect, test } from 'vitest'
import { Scenario } from '../testing/group-scenario.ts'

describe('sessions', () => {
  test('a silent member is out after its session; the heartbeat keeps the other', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    for (let i = 0; i < 4; i++) {
      s.pass(2500)
      s.heartbeat(a!, 1)
    }
    expect(s.heartbeat(a!, 1)).toBe('REBALANCE_IN_PROGRESS')
    expect(s.heartbeat(b!, 1)).toBe('UNKNOWN_MEMBER_ID')
    s.join('a', { memberId: a! })
    expect(s.trace()).toEqual(['a join ok a-1 generation=2 leader=a-1 members=a-1'])
  })

  test('all silent: the group ends empty, with one record, and no timer but the expiry check stays', () => {
    const s = new Scenario()
    s.stable('a', 'b')
    s.pass(200_000)
    expect(s.trace()).toEqual(['log group g generation=2 leader=null members=', 'log group g tombstone'])
    expect(s.clock.pending).toBe(1)
  })

  test('a first join that is parked too long is answered and forgotten', () => {
    const s = new Scenario({ newMemberJoinTimeoutMs: 30_000 })
    const { a } = s.stable('a')
    s.join('b', { rebalanceTimeoutMs: 100_000 })
    for (let i = 0; i < 6; i++) {
      s.pass(5000)
      s.heartbeat(a!, 1)
    }
    expect(s.trace()).toEqual(['b join UNKNOWN_MEMBER_ID'])
  })

  test('offset commits keep a session', () => {
    const s = new Scenario()
    const { a } = s.stable('a')
    for (let i = 0; i < 5; i++) {
      s.pass(8000)
      expect(s.commit({ 0: i }, { memberId: a!, generationId: 1 })).toEqual(['NONE'])
    }
    expect(s.heartbeat(a!, 1)).toBe('NONE')
  })
})

describe('LeaveGroup', () => {
  test('a member leaves: the rest rebalances; the last one leaves an empty group', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    expect(s.leave({ memberId: a! })).toEqual(['NONE'])
    expect(s.leave({ memberId: a! })).toEqual(['UNKNOWN_MEMBER_ID'])
    s.join('b', { memberId: b! })
    expect(s.trace()).toEqual(['b join ok b-2 generation=2 leader=b-2 members=b-2'])
    s.sync('b', { memberId: b!, generationId: 2 }, { [b!]: 'all' })
    s.trace()
    expect(s.leave({ memberId: b! })).toEqual(['NONE'])
    expect(s.trace()).toEqual(['log group g generation=3 leader=null members='])
  })

  test('several in one request, each with its own error', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    s.join('p', { requiresKnownMemberId: true })
    expect(s.leave({ memberId: a! }, { memberId: 'x' }, { memberId: b! }, { memberId: 'p-3' })).toEqual([
      'NONE',
      'UNKNOWN_MEMBER_ID',
      'NONE',
      'NONE',
    ])
    expect(s.trace()).toEqual(['p join MEMBER_ID_REQUIRED p-3', 'log group g generation=2 leader=null members='])
  })

  test('a member that leaves while its join is parked gets an answer, and the rest completes', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    s.join('a', { memberId: a! })
    expect(s.leave({ memberId: b! })).toEqual(['NONE'])
    expect(s.trace()).toEqual(['a join ok a-1 generation=2 leader=a-1 members=a-1'])
  })

  test('an unknown group: every member is unknown', () => {
    expect(new Scenario().leave({ memberId: 'a' }, { groupInstanceId: 'i' })).toEqual(['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
  })
})
