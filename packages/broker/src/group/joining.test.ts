import { describe, expect, test } from 'vitest'
import { Scenario, subscription } from '../testing/group-scenario.ts'

describe('first rebalance', () => {
  test('one member: waits the initial delay, then leads generation 1', () => {
    const s = new Scenario()
    s.join('a')
    s.pass(2999)
    expect(s.trace()).toEqual([])
    s.pass(1)
    expect(s.trace()).toEqual(['a join ok a-1 generation=1 leader=a-1 members=a-1'])
    s.sync('a', { memberId: 'a-1', generationId: 1 }, { 'a-1': 'all' })
    expect(s.trace()).toEqual(['log group g generation=1 leader=a-1 members=a-1', 'a sync ok "all"'])
  })

  test('members that keep coming extend the delay, up to the rebalance timeout', () => {
    const s = new Scenario()
    s.join('a', { rebalanceTimeoutMs: 8000 })
    s.pass(2000)
    s.join('b', { rebalanceTimeoutMs: 8000 })
    s.pass(2000)
    s.join('c', { rebalanceTimeoutMs: 8000 })
    s.pass(2000)
    s.join('d', { rebalanceTimeoutMs: 8000 })
    s.pass(1999)
    expect(s.trace()).toEqual([])
    s.pass(1)
    expect(s.trace()).toEqual([
      'a join ok a-1 generation=1 leader=a-1 members=a-1,b-2,c-3,d-4',
      'b join ok b-2 generation=1 leader=a-1',
      'c join ok c-3 generation=1 leader=a-1',
      'd join ok d-4 generation=1 leader=a-1',
    ])
  })

  test('concurrent joins with two-step ids: each gets one id, all are in one generation', () => {
    const s = new Scenario()
    for (const client of ['a', 'b', 'c']) s.join(client, { requiresKnownMemberId: true })
    expect(s.trace()).toEqual(['a join MEMBER_ID_REQUIRED a-1', 'b join MEMBER_ID_REQUIRED b-2', 'c join MEMBER_ID_REQUIRED c-3'])
    s.join('b', { requiresKnownMemberId: true, memberId: 'b-2' })
    s.join('a', { requiresKnownMemberId: true, memberId: 'a-1' })
    s.join('c', { requiresKnownMemberId: true, memberId: 'c-3' })
    s.pass(6000)
    expect(s.trace()).toEqual([
      'b join ok b-2 generation=1 leader=b-2 members=b-2,a-1,c-3',
      'a join ok a-1 generation=1 leader=b-2',
      'c join ok c-3 generation=1 leader=b-2',
    ])
  })

  test('an id that is never used expires with the session timeout and leaves nothing behind', () => {
    const s = new Scenario()
    s.join('a', { requiresKnownMemberId: true })
    s.pass(9999)
    expect(s.machine.group('g')).toBeDefined()
    s.pass(1)
    expect(s.machine.group('g')).toBeUndefined()
    expect(s.trace()).toEqual(['a join MEMBER_ID_REQUIRED a-1'])
    s.join('a', { memberId: 'a-1' })
    expect(s.trace()).toEqual(['a join UNKNOWN_MEMBER_ID a-1'])
  })

  test('nobody is left when the delay ends: an empty generation is written', () => {
    const s = new Scenario()
    s.join('a')
    s.pass(1)
    expect(s.leave({ memberId: 'a-1' })).toEqual(['NONE'])
    s.pass(3000)
    expect(s.trace()).toEqual(['a join UNKNOWN_MEMBER_ID', 'log group g generation=1 leader=null members='])
  })
})

describe('rejoining', () => {
  test('a follower with the same metadata gets the present generation at once', () => {
    const s = new Scenario()
    const { b } = s.stable('a', 'b')
    s.join('b', { memberId: b! })
    expect(s.trace()).toEqual(['b join ok b-2 generation=1 leader=a-1'])
    expect(s.machine.group('g')!.classic.state).toBe('Stable')
  })

  test('a follower with other metadata starts a rebalance, which the heartbeat tells the others', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    s.join('b', { memberId: b!, protocols: [{ name: 'range', metadata: subscription('t', 'u') }] })
    expect(s.trace()).toEqual([])
    expect(s.heartbeat(a!, 1)).toBe('REBALANCE_IN_PROGRESS')
    s.join('a', { memberId: a! })
    expect(s.trace()).toEqual(['a join ok a-1 generation=2 leader=a-1 members=a-1,b-2', 'b join ok b-2 generation=2 leader=a-1'])
  })

  test('the leader starts a rebalance even without a change', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    s.join('a', { memberId: a! })
    s.join('b', { memberId: b! })
    expect(s.trace()).toEqual(['a join ok a-1 generation=2 leader=a-1 members=a-1,b-2', 'b join ok b-2 generation=2 leader=a-1'])
  })

  test('between join and sync the same request gets the same answer, for the leader with the members', () => {
    const s = new Scenario()
    s.join('a')
    s.join('b')
    s.pass(6000)
    s.trace()
    s.join('a', { memberId: 'a-1' })
    s.join('b', { memberId: 'b-2' })
    expect(s.trace()).toEqual(['a join ok a-1 generation=1 leader=a-1 members=a-1,b-2', 'b join ok b-2 generation=1 leader=a-1'])
  })

  test('a storm of retries: the newest request of each member is answered with the generation, older ones at once', () => {
    const s = new Scenario()
    const { a, b, c } = s.stable('a', 'b', 'c')
    for (let i = 0; i < 3; i++) s.join('a', { memberId: a! })
    for (let i = 0; i < 2; i++) s.join('b', { memberId: b! })
    s.join('c', { memberId: c! })
    expect(s.trace()).toEqual([
      'a join REBALANCE_IN_PROGRESS a-1',
      'a join REBALANCE_IN_PROGRESS a-1',
      'b join REBALANCE_IN_PROGRESS b-2',
      'a join ok a-1 generation=2 leader=a-1 members=a-1,b-2,c-3',
      'b join ok b-2 generation=2 leader=a-1',
      'c join ok c-3 generation=2 leader=a-1',
    ])
  })

  test('a member that does not rejoin within the rebalance timeout is out', () => {
    const s = new Scenario()
    const { a, b } = s.stable('a', 'b')
    s.join('b', { memberId: b!, protocols: [{ name: 'range', metadata: subscription('u') }] })
    for (let i = 0; i < 12; i++) {
      s.heartbeat(a!, 1)
      s.pass(5000)
    }
    expect(s.trace()).toEqual(['b join ok b-2 generation=2 leader=b-2 members=b-2'])
    expect(s.heartbeat(a!, 1)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('a newcomer during the assignment voids it: the parked sync is answered and all join again', () => {
    const s = new Scenario()
    s.join('a')
    s.join('b')
    s.pass(6000)
    s.trace()
    s.sync('b', { memberId: 'b-2', generationId: 1 })
    s.join('c')
    expect(s.trace()).toEqual(['b sync REBALANCE_IN_PROGRESS'])
    s.sync('a', { memberId: 'a-1', generationId: 1 }, { 'a-1': 'x' })
    expect(s.trace()).toEqual(['a sync REBALANCE_IN_PROGRESS'])
    s.join('a', { memberId: 'a-1' })
    s.join('b', { memberId: 'b-2' })
    expect(s.trace()).toEqual([
      'a join ok a-1 generation=2 leader=a-1 members=a-1,b-2,c-3',
      'b join ok b-2 generation=2 leader=a-1',
      'c join ok c-3 generation=2 leader=a-1',
    ])
  })
})

describe('refusals', () => {
  test.each([
    ['an empty group id', { groupId: '' }, 'INVALID_GROUP_ID'],
    ['a short session', { sessionTimeoutMs: 5999 }, 'INVALID_SESSION_TIMEOUT'],
    ['a long session', { sessionTimeoutMs: 1_800_001 }, 'INVALID_SESSION_TIMEOUT'],
    ['no protocol', { protocols: [] }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['no protocol type', { protocolType: '' }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['an id nobody gave', { memberId: 'x' }, 'UNKNOWN_MEMBER_ID x'],
  ])('%s', (_, request, error) => {
    const s = new Scenario()
    s.join('a', request)
    expect(s.trace()).toEqual([`a join ${error}`])
    expect([...s.machine.groups()]).toEqual([])
  })

  test('a protocol that not all members know, or another type', () => {
    const s = new Scenario()
    s.stable('a')
    s.join('b', { protocols: [{ name: 'other', metadata: new Uint8Array() }] })
    s.join('c', { protocolType: 'connect' })
    expect(s.trace()).toEqual(['b join INCONSISTENT_GROUP_PROTOCOL', 'c join INCONSISTENT_GROUP_PROTOCOL'])
    expect(s.machine.group('g')!.classic.state).toBe('Stable')
  })

  test('more members than group.max.size', () => {
    const s = new Scenario({ maxSize: 2 })
    const { a, b } = s.stable('a', 'b')
    s.join('c')
    expect(s.trace()).toEqual(['c join GROUP_MAX_SIZE_REACHED'])
    expect(s.heartbeat(a!, 1)).toBe('NONE')
    expect(s.heartbeat(b!, 1)).toBe('NONE')
  })
})

test('a flood of first joins is bounded, and room comes back when the ids expire', () => {
  const s = new Scenario({ maxPendingMembers: 2 })
  for (const client of ['a', 'b', 'c']) s.join(client, { requiresKnownMemberId: true })
  s.pass(10_000)
  s.join('d', { requiresKnownMemberId: true })
  expect(s.trace()).toEqual([
    'a join MEMBER_ID_REQUIRED a-1',
    'b join MEMBER_ID_REQUIRED b-2',
    'c join GROUP_MAX_SIZE_REACHED',
    'd join MEMBER_ID_REQUIRED d-4',
  ])
})

describe('choice of the protocol', () => {
  const protocols = (...names: string[]) => names.map(name => ({ name, metadata: subscription('t') }))

  test('most votes among those that all know', () => {
    const s = new Scenario()
    const a = s.join('a', { protocols: protocols('sticky', 'range', 'roundrobin') })
    s.join('b', { protocols: protocols('roundrobin', 'range') })
    s.join('c', { protocols: protocols('roundrobin', 'range') })
    s.pass(6000)
    expect(a.response!.protocolName).toBe('roundrobin')
    expect(a.response!.protocolType).toBe('consumer')
    expect(a.response!.members.map(member => member.metadata)).toEqual([1, 2, 3].map(() => subscription('t')))
  })
})
