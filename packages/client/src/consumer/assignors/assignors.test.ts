import { describe, expect, it } from 'vitest'
import { nameOf } from '../../topic-partition.ts'
import type { Assignor, GroupMember } from './assignor.ts'
import { rangeAssignor } from './range.ts'
import { roundRobinAssignor } from './round-robin.ts'

/** Expected strings are what Apache Kafka 4.3.1's own assignors answered for the same input. */
interface Case {
  title: string
  topics: Record<string, number>
  members: Record<string, string[]>
  instances?: Record<string, string>
  range: string
  roundRobin: string
}

const cases: Case[] = [
  {
    title: 'two members, two topics of three partitions',
    topics: { t1: 3, t2: 3 },
    members: { c1: ['t1', 't2'], c2: ['t1', 't2'] },
    range: 'c1=t1-0 t1-1 t2-0 t2-1; c2=t1-2 t2-2',
    roundRobin: 'c1=t1-0 t1-2 t2-1; c2=t1-1 t2-0 t2-2',
  },
  {
    title: 'unequal subscriptions and counts that do not divide',
    topics: { t1: 7, t2: 2 },
    members: { c1: ['t1', 't2'], c2: ['t1'], c3: ['t1', 't2'] },
    range: 'c1=t1-0 t1-1 t1-2 t2-0; c2=t1-3 t1-4; c3=t1-5 t1-6 t2-1',
    roundRobin: 'c1=t1-0 t1-3 t1-6 t2-1; c2=t1-1 t1-4; c3=t1-2 t1-5 t2-0',
  },
  {
    title: 'nested subscriptions',
    topics: { t1: 1, t2: 2, t3: 3 },
    members: { c0: ['t1'], c1: ['t1', 't2'], c2: ['t1', 't2', 't3'] },
    range: 'c0=t1-0; c1=t2-0; c2=t2-1 t3-0 t3-1 t3-2',
    roundRobin: 'c0=t1-0; c1=t2-0; c2=t2-1 t3-0 t3-1 t3-2',
  },
  {
    title: 'static members before dynamic ones, by instance id',
    topics: { t1: 4 },
    members: { c1: ['t1'], c2: ['t1'], c3: ['t1'] },
    instances: { c3: 'a', c1: 'b' },
    range: 'c1=t1-2; c2=t1-3; c3=t1-0 t1-1',
    roundRobin: 'c1=t1-1; c2=t1-2; c3=t1-0 t1-3',
  },
  {
    title: 'a topic that does not exist',
    topics: { t1: 2 },
    members: { c1: ['t1', 'missing'], c2: ['t1'], c3: ['missing'] },
    range: 'c1=t1-0; c2=t1-1; c3=',
    roundRobin: 'c1=t1-0; c2=t1-1; c3=',
  },
]

async function assign(assignor: Assignor, { topics, members, instances = {} }: Case): Promise<string> {
  const group = Object.entries(members).map(
    ([memberId, subscribed]): GroupMember => ({
      memberId,
      groupInstanceId: instances[memberId] ?? null,
      topics: subscribed,
      userData: null,
      ownedPartitions: [],
      generationId: -1,
      rackId: null,
    }),
  )
  // The broker lists members in no particular order.
  const assignment = await assignor.assign(group.reverse(), {
    partitionCount: topic => topics[topic] ?? 0,
    loadPartitionCounts: async () => new Map(),
  })
  return [...assignment]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([memberId, { partitions }]) => `${memberId}=${partitions.map(nameOf).join(' ')}`)
    .join('; ')
}

describe('assignors agree with Apache Kafka', () => {
  it.each(cases)('range: $title', async situation => {
    expect(await assign(rangeAssignor, situation)).toBe(situation.range)
  })
  it.each(cases)('roundrobin: $title', async situation => {
    expect(await assign(roundRobinAssignor, situation)).toBe(situation.roundRobin)
  })
})
