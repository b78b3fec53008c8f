import type { AssignmentMetadata, GroupMember } from '@millrace/client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { count, groupBy, groupByKey, join, Streams } from '../index.ts'
import { assignTasks, decodeMemberState, encodeMemberState, type MemberState, TaskAssignor } from './task-assignor.ts'

const tasks = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 9 }))
  .map(([subtopologies, count]) =>
    Array.from({ length: subtopologies * count }, (_, i) => `${Math.floor(i / count)}_${i % count}`),
  )
const members = (ids: string[], claims: (member: string) => MemberState = () => ({ active: [], local: [] })) =>
  new Map(ids.map(id => [id, claims(id)]))
const ids = (count: number) => Array.from({ length: count }, (_, i) => `member-${i}`)
const claimed = (assigned: ReadonlyMap<string, string[]>) =>
  members([...assigned.keys()], id => ({ active: assigned.get(id)!, local: [] }))

describe('an assignment of tasks', () => {
  it('gives every task to one member, and no member two more than another', () => {
    fc.assert(
      fc.property(
        tasks,
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.tuple(fc.nat(5), fc.nat(40)), { maxLength: 30 }),
        (all, count, claims) => {
          const claim = (member: string) =>
            claims.filter(([who]) => `member-${who}` === member).map(([, task]) => all[task % all.length]!)
          const assigned = assignTasks(
            all,
            members(ids(count), id => ({ active: claim(id), local: claim(id) })),
          )
          expect([...assigned.values()].flat().sort()).toEqual([...all].sort())
          const sizes = [...assigned.values()].map(({ length }) => length)
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  it('moves nothing when nothing has changed', () => {
    fc.assert(
      fc.property(tasks, fc.integer({ min: 1, max: 6 }), (all, count) => {
        const assigned = assignTasks(all, members(ids(count)))
        expect(assignTasks(all, claimed(assigned))).toEqual(assigned)
      }),
    )
  })

  it('moves only what a new member needs, and brings back what it had', () => {
    fc.assert(
      fc.property(tasks, fc.integer({ min: 1, max: 5 }), (all, count) => {
        const before = assignTasks(all, members(ids(count)))
        const after = assignTasks(
          all,
          members(ids(count + 1), id => ({ active: before.get(id) ?? [], local: [] })),
        )
        const moved = [...before].flatMap(([id, list]) => list.filter(task => !after.get(id)!.includes(task)))
        expect(moved).toHaveLength(after.get(`member-${count}`)!.length)
        const back = assignTasks(
          all,
          members(ids(count), id => ({ active: after.get(id)!, local: before.get(id)! })),
        )
        expect([...back].map(([id, list]) => [id, [...list].sort()])).toEqual(
          [...before].map(([id, list]) => [id, [...list].sort()]),
        )
      }),
    )
  })

  it('goes where the state is when nobody runs the task', () => {
    const assigned = assignTasks(
      ['0_0', '0_1'],
      members(['a', 'b'], id => ({ active: [], local: id === 'b' ? ['0_0'] : ['0_1'] })),
    )
    expect(assigned).toEqual(
      new Map([
        ['a', ['0_1']],
        ['b', ['0_0']],
      ]),
    )
  })

  it('spreads the tasks of a subtopology', () => {
    const assigned = assignTasks(['0_0', '0_1', '1_0', '1_1'], members(['a', 'b']))
    expect([...assigned.values()].map(list => list.map(task => task[0]).sort())).toEqual([
      ['0', '1'],
      ['0', '1'],
    ])
  })
})

describe('the assignor', () => {
  it('keeps the partitions of a task together', () => {
    const app = new Streams({ applicationId: 'app' })
    const joined = app.stream('in').pipe(join(app.table('rows'), value => value))
    joined.pipe(groupByKey(), count())
    joined.pipe(
      groupBy(() => 'x', { name: 'g' }),
      count(),
    )
    const { topology } = app.build()
    const assignor = new TaskAssignor(topology, () => ({ active: [], local: [] }), new Map([['app-g-repartition', 3]]))
    const counts: Record<string, number> = { in: 3, rows: 3, 'app-g-repartition': 3 }
    const member = (memberId: string): GroupMember => ({
      memberId,
      groupInstanceId: null,
      topics: Object.keys(counts),
      userData: assignor.userData(),
      ownedPartitions: [],
      generationId: -1,
      rackId: null,
    })
    // The repartition topic was made a moment ago: metadata does not have it yet.
    const metadata: AssignmentMetadata = {
      partitionCount: topic => (topic.startsWith('app-') ? 0 : counts[topic]!),
      loadPartitionCounts: async () => new Map(),
    }
    const assigned = assignor.assign([member('a'), member('b')], metadata)
    const partitions = [...assigned.values()].map(({ partitions: list }) =>
      list.map(({ topic, partition }) => `${topic}-${partition}`),
    )
    expect(partitions.flat().sort()).toEqual(
      Object.keys(counts)
        .flatMap(topic => [0, 1, 2].map(partition => `${topic}-${partition}`))
        .sort(),
    )
    for (const list of partitions)
      for (const name of list.filter(each => each.startsWith('in-'))) expect(list).toContain(name.replace('in-', 'rows-'))
  })

  it('reads what members tell, and makes nothing of garbage', () => {
    const state = { active: ['0_1'], local: ['0_1', '1_0'] }
    expect(decodeMemberState(encodeMemberState(state))).toEqual(state)
    for (const garbage of [null, new Uint8Array(0), Buffer.from('{'), Buffer.from('{"active":7,"local":[1]}')])
      expect(decodeMemberState(garbage)).toEqual({ active: [], local: [] })
  })
})
