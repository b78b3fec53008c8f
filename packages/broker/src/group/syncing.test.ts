import { expect, test } from 'vitest'
import { Scenario } from '../testing/group-scenario.ts'

function joined(...clients: string[]): Scenario {
  const s = new Scenario()
  for (const client of clients) s.join(client)
  s.pass(6000)
  s.trace()
  return s
}

test('followers wait for the leader; everybody gets their own, who is not mentioned gets nothing', () => {
  const s = joined('a', 'b', 'c')
  s.sync('b', { memberId: 'b-2', generationId: 1 })
  expect(s.trace()).toEqual([])
  s.sync('a', { memberId: 'a-1', generationId: 1 }, { 'a-1': 'one', 'b-2': 'two' })
  expect(s.trace()).toEqual(['log group g generation=1 leader=a-1 members=a-1,b-2,c-3', 'a sync ok "one"', 'b sync ok "two"'])
  s.sync('c', { memberId: 'c-3', generationId: 1 })
  s.sync('b', { memberId: 'b-2', generationId: 1 })
  expect(s.trace()).toEqual(['c sync ok ""', 'b sync ok "two"'])
})

test('what does not fit the generation is refused', () => {
  const s = joined('a')
  s.sync('a', { memberId: 'a-1', generationId: 0 })
  s.sync('x', { memberId: 'x', generationId: 1 })
  s.sync('a', { memberId: 'a-1', generationId: 1, protocolName: 'sticky' })
  s.sync('a', { memberId: 'a-1', generationId: 1, protocolType: 'connect' })
  s.sync('a', { memberId: 'a-1', generationId: 1, groupId: 'other' })
  expect(s.trace()).toEqual([
    'a sync ILLEGAL_GENERATION',
    'x sync UNKNOWN_MEMBER_ID',
    'a sync INCONSISTENT_GROUP_PROTOCOL',
    'a sync INCONSISTENT_GROUP_PROTOCOL',
    'a sync UNKNOWN_MEMBER_ID',
  ])
  s.sync('a', { memberId: 'a-1', generationId: 1, protocolName: null, protocolType: null }, { 'a-1': 'old client' })
  expect(s.trace().at(-1)).toBe('a sync ok "old client"')
})

test('who does not sync within the rebalance timeout is out and the others rebalance', () => {
  const s = joined('a', 'b')
  s.sync('a', { memberId: 'a-1', generationId: 1 }, { 'a-1': 'x', 'b-2': 'y' })
  s.trace()
  const states: string[] = []
  for (let i = 0; i < 12; i++) {
    states.push(s.heartbeat('a-1', 1))
    s.heartbeat('b-2', 1)
    s.pass(5000)
  }
  expect(new Set(states)).toEqual(new Set(['NONE']))
  expect(s.heartbeat('a-1', 1)).toBe('REBALANCE_IN_PROGRESS')
  expect(s.heartbeat('b-2', 1)).toBe('UNKNOWN_MEMBER_ID')
})

test('a leader that never brings assignments: it is out, the waiting follower joins again and leads', () => {
  const s = joined('a', 'b')
  s.sync('b', { memberId: 'b-2', generationId: 1 })
  s.pass(10_000)
  expect(s.trace()).toEqual(['b sync REBALANCE_IN_PROGRESS'])
  s.join('b', { memberId: 'b-2' })
  expect(s.trace()).toEqual(['b join ok b-2 generation=2 leader=b-2 members=b-2'])
})

test('assignments larger than a batch are refused and the group tries again', () => {
  const s = joined('a', 'b')
  s.sync('b', { memberId: 'b-2', generationId: 1 })
  s.sync('a', { memberId: 'a-1', generationId: 1 }, { 'a-1': 'x'.repeat(5000) })
  expect(s.trace()).toEqual(['a sync UNKNOWN_SERVER_ERROR', 'b sync UNKNOWN_SERVER_ERROR'])
  expect(s.machine.group('g')!.classic.state).toBe('PreparingRebalance')
})

test('heartbeats: wrong generation, unknown member, unknown group', () => {
  const s = new Scenario()
  const { a } = s.stable('a')
  expect(s.heartbeat(a!, 1)).toBe('NONE')
  expect(s.heartbeat(a!, 2)).toBe('ILLEGAL_GENERATION')
  expect(s.heartbeat('x', 1)).toBe('UNKNOWN_MEMBER_ID')
  expect(new Scenario().heartbeat('x', 1)).toBe('UNKNOWN_MEMBER_ID')
})
