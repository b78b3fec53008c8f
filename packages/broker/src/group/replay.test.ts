import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Scenario, subscription } from '../testing/group-scenario.ts'
import type { CoordinatorMachine } from './coordinator-machine.ts'

/** All that must survive: stored generations and committed offsets. */
function durable(machine: CoordinatorMachine) {
  return [...machine.groups()]
    .filter(({ stored, offsets }) => stored !== null || !offsets.isEmpty)
    .map(({ id, stored, offsets }) => ({
      id,
      stored,
      offsets: [...offsets.topics()].map(([topic, partitions]) => [topic, [...partitions]]),
    }))
    .sort((a, b) => a.id.localeCompare(b.id))
}

const operation = fc.record({
  kind: fc.constantFrom(
    'join',
    'join',
    'rejoin',
    'sync',
    'sync',
    'heartbeat',
    'leave',
    'commit',
    'delete',
    'topicsDeleted',
    'pass',
    'pass',
  ),
  groupId: fc.constantFrom('g', 'h'),
  client: fc.constantFrom('a', 'b', 'c', 'd'),
  isStatic: fc.boolean(),
  topic: fc.constantFrom('t', 'u'),
  amount: fc.nat(12_000),
})

test('any run: what is replayed is what was there, generations grow, every request gets one answer', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 120 }), operations => {
      const s = new Scenario()
      const known = new Map<string, { memberId: string; generationId: number }>()
      const generations = new Map<string, number>()
      let asked = 0
      let answered = 0
      const settle = () => answered++

      for (const { kind, groupId, client, isStatic, topic, amount } of operations) {
        const key = `${groupId}/${client}/${isStatic}`
        const member = known.get(key) ?? { memberId: kind === 'rejoin' ? 'nobody' : '', generationId: 0 }
        const groupInstanceId = isStatic ? `i-${client}` : null
        if (kind === 'pass') s.pass(amount)
        else if (kind === 'join' || kind === 'rejoin') {
          asked++
          s.submit({
            kind: 'join',
            request: {
              groupId,
              sessionTimeoutMs: 10_000,
              rebalanceTimeoutMs: 8000,
              memberId: kind === 'rejoin' ? member.memberId : '',
              groupInstanceId,
              protocolType: 'consumer',
              protocols: [{ name: 'range', metadata: subscription(topic) }],
              caller: { clientId: client, clientHost: '/h' },
              requiresKnownMemberId: amount % 2 === 0 && !isStatic,
              supportsSkippingAssignment: true,
            },
            answer: response => {
              settle()
              if (response.memberId !== '') known.set(key, { memberId: response.memberId, generationId: response.generationId })
              if (response.errorCode !== 0) return
              expect(response.generationId).toBeGreaterThanOrEqual(generations.get(groupId) ?? 0)
              generations.set(groupId, response.generationId)
            },
          })
        } else if (kind === 'sync') {
          asked++
          const assignments = [...(s.machine.group(groupId)?.classic.members.keys() ?? [])]
          s.submit({
            kind: 'sync',
            request: {
              groupId,
              ...member,
              groupInstanceId,
              protocolType: 'consumer',
              protocolName: 'range',
              assignments: assignments.map(memberId => ({ memberId, assignment: Buffer.from(memberId) })),
            },
            answer: settle,
          })
        } else if (kind === 'heartbeat') {
          asked++
          s.submit({ kind: 'heartbeat', request: { groupId, ...member, groupInstanceId }, answer: settle })
        } else if (kind === 'leave') {
          asked++
          s.submit({
            kind: 'leave',
            request: { groupId, members: [{ memberId: member.memberId, groupInstanceId }] },
            answer: settle,
          })
        } else if (kind === 'commit') {
          asked++
          const partitions = [
            { partitionIndex: amount % 3, committedOffset: amount, committedLeaderEpoch: 0, committedMetadata: client },
          ]
          s.submit({
            kind: 'commitOffsets',
            request: {
              groupId,
              memberId: member.memberId,
              generationId: member.memberId === '' ? -1 : member.generationId,
              groupInstanceId: null,
              retentionTimeMs: -1,
              unknownGroupErrorCode: 22,
              topics: [{ name: topic, topicId: null, partitions }],
            },
            answer: settle,
          })
        } else if (kind === 'delete') {
          asked++
          s.submit({
            kind: 'delete',
            groupId,
            answer: code => {
              settle()
              if (code === 0) generations.delete(groupId)
            },
          })
        } else {
          s.submit({ kind: 'topicsDeleted', names: [topic] })
        }
        for (const id of generations.keys()) if (!s.machine.group(id)) generations.delete(id)
        for (const { stored, classic } of s.machine.groups())
          if (stored && (classic.state === 'Stable' || classic.state === 'Empty'))
            expect(classic.generationId).toBe(stored.generation)
        expect(durable(new Scenario({}, s.records).machine)).toEqual(durable(s.machine))
      }

      // Nothing hangs: sessions and rebalances end, and the restarted coordinator ends where this one does.
      const restarted = new Scenario({}, s.records)
      for (const { id, stored, classic } of restarted.machine.groups()) {
        expect(classic.state).toBe(stored && stored.members.length > 0 ? 'Stable' : 'Empty')
        if (stored) expect(classic.toMetadata()).toEqual(stored)
        expect(classic.generationId).toBe(s.machine.group(id)!.stored?.generation ?? 0)
      }
      s.pass(1_000_000)
      expect(answered).toBe(asked)
      for (const { classic } of s.machine.groups()) expect(classic.state).toBe('Empty')
    }),
    { numRuns: 150 },
  )
})
