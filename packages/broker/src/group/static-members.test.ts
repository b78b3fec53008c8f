import { expect, test } from 'vitest'
import { Scenario, subscription } from '../testing/group-scenario.ts'

/** A stable group of two static members, `a` leading. */
function staticGroup(): Scenario {
  const s = new Scenario()
  s.join('a', { groupInstanceId: 'ia', requiresKnownMemberId: true })
  s.join('b', { groupInstanceId: 'ib', requiresKnownMemberId: true })
  s.pass(6000)
  s.sync('b', { memberId: 'ib-2', generationId: 1, groupInstanceId: 'ib' })
  s.sync('a', { memberId: 'ia-1', generationId: 1, groupInstanceId: 'ia' }, { 'ia-1': 'for a', 'ib-2': 'for b' })
  return s
}

test('no two-step join; the instance id is part of the member id', () => {
  expect(staticGroup().trace()).toEqual([
    'a join ok ia-1 generation=1 leader=ia-1 members=ia-1,ib-2',
    'b join ok ib-2 generation=1 leader=ia-1',
    'log group g generation=1 leader=ia-1 members=ia-1,ib-2',
    'a sync ok "for a"',
    'b sync ok "for b"',
  ])
})

test('a follower that restarts takes its assignment over without a rebalance; its old id is fenced', () => {
  const s = staticGroup()
  s.trace()
  s.join('b', { groupInstanceId: 'ib' })
  s.sync('b', { memberId: 'ib-3', generationId: 1, groupInstanceId: 'ib' })
  expect(s.trace()).toEqual([
    'log group g generation=1 leader=ia-1 members=ia-1,ib-3',
    'b join ok ib-3 generation=1 leader=ia-1',
    'b sync ok "for b"',
  ])
  expect(s.heartbeat('ia-1', 1, 'ia')).toBe('NONE')
  expect(s.heartbeat('ib-2', 1, 'ib')).toBe('FENCED_INSTANCE_ID')
  expect(s.heartbeat('ib-2', 1)).toBe('UNKNOWN_MEMBER_ID')
  expect(s.commit({ 0: 1 }, { memberId: 'ib-2', generationId: 1, groupInstanceId: 'ib' })).toEqual(['FENCED_INSTANCE_ID'])
  expect(s.leave({ memberId: 'ib-2', groupInstanceId: 'ib' })).toEqual(['FENCED_INSTANCE_ID'])
})

test('a leader that restarts: v9 is told the members and to skip the assignment, before v9 that the old id leads', () => {
  const s = staticGroup()
  s.trace()
  s.join('a', { groupInstanceId: 'ia' })
  s.join('a', { groupInstanceId: 'ia', supportsSkippingAssignment: false })
  expect(s.trace()).toEqual([
    'log group g generation=1 leader=ia-3 members=ib-2,ia-3',
    'a join ok ia-3 generation=1 leader=ia-3 members=ib-2,ia-3 skip',
    'log group g generation=1 leader=ia-4 members=ib-2,ia-4',
    'a join ok ia-4 generation=1 leader=ia-3',
  ])
})

test('a restart that changes the choice of the protocol rebalances', () => {
  const s = staticGroup()
  s.trace()
  s.join('b', { groupInstanceId: 'ib', protocols: [{ name: 'range', metadata: subscription('u') }] })
  expect(s.trace().at(-1)).toBe('b join ok ib-3 generation=1 leader=ia-1')
  s.join('a', {
    memberId: 'ia-1',
    groupInstanceId: 'ia',
    protocols: ['sticky', 'range'].map(name => ({ name, metadata: subscription('t') })),
  })
  s.join('b', { groupInstanceId: 'ib', protocols: ['sticky', 'range'].map(name => ({ name, metadata: subscription('t') })) })
  expect(s.trace()).toEqual([
    'a join ok ia-1 generation=2 leader=ia-1 members=ia-1,ib-4',
    'b join ok ib-4 generation=2 leader=ia-1',
  ])
})

test('a duplicate that comes while the first is parked fences it', () => {
  const s = staticGroup()
  s.trace()
  s.join('a', { memberId: 'ia-1', groupInstanceId: 'ia' })
  s.join('a', { groupInstanceId: 'ia' })
  expect(s.trace()).toEqual(['a join FENCED_INSTANCE_ID ia-1'])
  s.join('b', { memberId: 'ib-2', groupInstanceId: 'ib' })
  expect(s.trace()).toEqual([
    'b join ok ib-2 generation=2 leader=ia-3',
    'a join ok ia-3 generation=2 leader=ia-3 members=ib-2,ia-3',
  ])
})

test('a restart between join and sync rebalances, as the leader may have assigned to the old id', () => {
  const s = new Scenario()
  s.join('a', { groupInstanceId: 'ia' })
  s.join('b', { groupInstanceId: 'ib' })
  s.pass(6000)
  s.trace()
  s.join('b', { groupInstanceId: 'ib' })
  expect(s.trace()).toEqual([])
  expect(s.heartbeat('ia-1', 1, 'ia')).toBe('REBALANCE_IN_PROGRESS')
})

test('a static member keeps its place while it is away, until its session ends', () => {
  const s = staticGroup()
  s.trace()
  s.pass(9000)
  s.heartbeat('ia-1', 1, 'ia')
  expect(s.heartbeat('ia-1', 1, 'ia')).toBe('NONE')
  s.pass(1000)
  expect(s.heartbeat('ia-1', 1, 'ia')).toBe('REBALANCE_IN_PROGRESS')
})

test('an administrator removes it by instance id alone', () => {
  const s = staticGroup()
  expect(s.leave({ groupInstanceId: 'ib' }, { groupInstanceId: 'nobody' })).toEqual(['NONE', 'UNKNOWN_MEMBER_ID'])
  expect(s.heartbeat('ia-1', 1, 'ia')).toBe('REBALANCE_IN_PROGRESS')
})

test('static members that all stay away do not become a generation', () => {
  const s = staticGroup()
  s.trace()
  s.join('a', { memberId: 'ia-1', groupInstanceId: 'ia', sessionTimeoutMs: 400_000 })
  expect(s.leave({ groupInstanceId: 'ia' })).toEqual(['NONE'])
  s.pass(5000)
  expect(s.machine.group('g')!.classic.generationId).toBe(1)
  expect(s.machine.group('g')!.classic.state).toBe('PreparingRebalance')
})
