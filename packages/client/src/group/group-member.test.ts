import { ErrorCode, FindCoordinator, Heartbeat, JoinGroup, LeaveGroup, SyncGroup } from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, expect, it } from 'vitest'
import { FakeBroker } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'
import { GroupMember, type GroupMemberOptions } from './group-member.ts'

let universe: SimulatedUniverse
let broker: FakeBroker
let events: string[]
let generation: number

beforeEach(async () => {
  universe = new SimulatedUniverse(3)
  broker = new FakeBroker('broker')
  events = []
  generation = 0
  await broker.listen(universe.machine('broker').boot())
  serve(broker)
})

/** A group of one. */
function serve(at: FakeBroker): void {
  at.on(JoinGroup, ({ body }) =>
    body.memberId === ''
      ? { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId: 'm', protocolName: '' }
      : {
          generationId: ++generation,
          protocolName: 'v0',
          leader: body.memberId,
          memberId: body.memberId,
          members: [{ memberId: body.memberId, metadata: body.protocols[0]!.metadata }],
        },
  )
  at.on(SyncGroup, ({ body }) => ({ assignment: body.assignments[0]?.assignment ?? new Uint8Array() }))
  at.on(Heartbeat, () => ({}))
  at.on(LeaveGroup, () => ({}))
}

const join = (options: Partial<GroupMemberOptions> = {}) => {
  const member = new GroupMember(
    {
      world: universe.machine('client').boot(),
      bootstrapServers: broker.bootstrapServers,
      groupId: 'g',
      protocolType: 'sr',
      protocolName: 'v0',
      ...options,
    },
    {
      metadata: () => Buffer.from('me'),
      assign: members =>
        new Map(members.map(({ memberId, metadata }) => [memberId, Buffer.from(`${memberId}=${Buffer.from(metadata)}`)])),
      assigned: assignment => void events.push(`assigned ${Buffer.from(assignment)}`),
      lost: () => void events.push('lost'),
    },
  )
  member.start()
  return member
}
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })

it('joins with the id that it is given, assigns as the leader, stays by heartbeats, and leaves when closed', async () => {
  const member = join({ groupInstanceId: 'i' })
  await passed(10_000)
  expect(events).toEqual(['assigned m=me'])
  expect(broker.of(JoinGroup)[1]!.body).toMatchObject({ memberId: 'm', groupInstanceId: 'i', protocolType: 'sr' })
  expect(broker.of(Heartbeat)).toHaveLength(3)
  await settledIn(universe, member.close())
  expect(broker.of(LeaveGroup)[0]!.body.members).toMatchObject([{ memberId: 'm', groupInstanceId: 'i' }])
  await passed(60_000)
  expect([broker.of(Heartbeat).length, events.length, universe.net.openConnections]).toEqual([3, 1, 0])
})

it('a static leader that comes back and may skip the assignment takes the one that there is', async () => {
  broker.on(JoinGroup, () => ({
    generationId: 7,
    protocolName: 'v0',
    leader: 'm',
    memberId: 'm',
    skipAssignment: true,
    members: [],
  }))
  broker.on(SyncGroup, ({ body }) => {
    expect(body.assignments).toEqual([])
    return { assignment: Buffer.from('as before') }
  })
  const member = join({ groupInstanceId: 'i' })
  await passed(100)
  expect(events).toEqual(['assigned as before'])
  await settledIn(universe, member.close())
})

it('joins again in a rebalance, and holds its assignment until the next one', async () => {
  const member = join()
  await passed(100)
  broker.on(Heartbeat, () => {
    serve(broker)
    return { errorCode: ErrorCode.REBALANCE_IN_PROGRESS }
  })
  await passed(5_000)
  expect(events).toEqual(['assigned m=me', 'assigned m=me'])
  expect(broker.of(JoinGroup).at(-1)!.body.memberId).toBe('m')
  await settledIn(universe, member.close())
})

it('the group has gone on without it: the assignment is void, and it joins as a new member', async () => {
  const member = join()
  await passed(100)
  broker.on(Heartbeat, () => {
    serve(broker)
    return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
  })
  await passed(5_000)
  expect(events).toEqual(['assigned m=me', 'lost', 'assigned m=me'])
  expect(broker.of(JoinGroup).map(({ body }) => body.memberId)).toEqual(['', 'm', '', 'm'])
  await settledIn(universe, member.close())
})

it('follows a coordinator that moves, without losing its assignment', async () => {
  const other = new FakeBroker('other', 2)
  await other.listen(universe.machine('other').boot())
  serve(other)
  const member = join()
  await passed(100)
  broker.on(Heartbeat, () => ({ errorCode: ErrorCode.NOT_COORDINATOR }))
  broker.on(FindCoordinator, ({ body }) => ({
    coordinators: body.coordinatorKeys.map(key => ({
      key,
      nodeId: 2,
      host: 'other',
      port: 9092,
      errorCode: 0,
      errorMessage: null,
    })),
  }))
  await passed(6_500)
  expect(events).toEqual(['assigned m=me'])
  expect(broker.of(Heartbeat)).toHaveLength(1)
  expect(other.of(Heartbeat).length).toBeGreaterThan(0)
  await settledIn(universe, member.close())
})

it('a coordinator that is not heard of for a whole session: the assignment is void, once', async () => {
  const member = join({ requestTimeoutMs: 2_000 })
  await passed(100)
  universe.machine('broker').kill()
  await passed(9_000)
  expect(events).toEqual(['assigned m=me'])
  await passed(30_000)
  expect(events).toEqual(['assigned m=me', 'lost'])
  await settledIn(universe, member.close())
})
