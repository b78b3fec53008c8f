import {
  type Api,
  ErrorCode,
  Fetch,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListOffsets,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeBroker } from '../testing/fake-broker.ts'
import { settledIn } from '../testing/settled.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions, RebalanceListener } from './consumer-options.ts'
import { decodeSubscription, encodeAssignment } from './consumer-protocol.ts'

let universe: SimulatedUniverse
let broker: FakeBroker
let generation: number
let events: string[]

beforeEach(async () => {
  universe = new SimulatedUniverse(11)
  broker = new FakeBroker('broker')
  broker.topics.set('t', 2)
  generation = 0
  events = []
  await broker.listen(universe.machine('broker').boot())
  serveGroup(broker)
  broker.on(Fetch, async ({ body }) => {
    await new Promise<void>(resolve => universe.scheduler.after(body.maxWaitMs, resolve))
    return {}
  })
  broker.on(ListOffsets, ({ body }) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, offset: 0 })),
    })),
  }))
})

/** A group of one member, who is the leader. */
function serveGroup(at: FakeBroker): void {
  at.on(JoinGroup, ({ body }) =>
    body.memberId === ''
      ? { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId: 'm1', protocolName: '' }
      : {
          generationId: ++generation,
          protocolName: body.protocols[0]!.name,
          leader: body.memberId,
          memberId: body.memberId,
          members: [{ memberId: body.memberId, metadata: body.protocols[0]!.metadata }],
        },
  )
  at.on(SyncGroup, ({ body }) => ({ assignment: body.assignments[0]?.assignment ?? new Uint8Array(0) }))
  at.on(Heartbeat, () => ({}))
  at.on(LeaveGroup, () => ({}))
  at.on(OffsetFetch, ({ body }) => ({ groups: body.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode: 0 })) }))
  at.on(OffsetCommit, ({ body }) => ({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0 })),
    })),
  }))
}

const listener: RebalanceListener = {
  assigned: partitions => void events.push(`+${partitions.length}`),
  revoked: partitions => void events.push(`-${partitions.length}`),
  lost: partitions => void events.push(`!${partitions.length}`),
}
const join = (options: Partial<ConsumerOptions> = {}, callbacks = listener) => {
  const consumer = new Consumer({
    world: universe.machine('client').boot(),
    bootstrapServers: broker.bootstrapServers,
    groupId: 'g',
    autoOffsetReset: 'earliest',
    ...options,
  })
  consumer.subscribe(['t'], callbacks)
  return consumer
}

const settled = <T>(promise: Promise<T>) => settledIn(universe, promise)
const passed = (ms: number) => universe.scheduler.run({ untilMs: universe.scheduler.nowMs + ms })
const poll = async (consumer: Consumer, ms = 10_000) => {
  const { error } = await settled(consumer.poll(ms))
  if (error) throw error
}

describe('joining', () => {
  it('takes the id that the coordinator gives and assigns as the leader', async () => {
    const consumer = join()
    await poll(consumer)
    expect(broker.of(JoinGroup).map(({ body }) => body.memberId)).toEqual(['', 'm1'])
    expect(broker.of(SyncGroup)[0]!.body).toMatchObject({
      generationId: 1,
      memberId: 'm1',
      protocolName: 'range',
      protocolType: 'consumer',
    })
    expect(consumer.assignment()).toHaveLength(2)
    expect(events).toEqual(['+2'])
  })

  it('calls back only while the reader polls, though the join goes on without', async () => {
    const consumer = join()
    await poll(consumer, 0)
    await passed(1_000)
    expect(broker.of(SyncGroup)).toHaveLength(1)
    expect(events).toEqual([])
    await poll(consumer, 0)
    expect(events).toEqual(['+2'])
  })

  it.each([
    ['REBALANCE_IN_PROGRESS', SyncGroup],
    ['UNKNOWN_MEMBER_ID', JoinGroup],
    ['UNKNOWN_MEMBER_ID', SyncGroup],
    ['ILLEGAL_GENERATION', SyncGroup],
    ['COORDINATOR_LOAD_IN_PROGRESS', JoinGroup],
    ['NOT_COORDINATOR', JoinGroup],
    ['COORDINATOR_NOT_AVAILABLE', SyncGroup],
  ] as const)('tries again after %s', async (code, api) => {
    let refusals = 2
    broker.on<unknown, any>(api as Api<unknown, any>, () => {
      if (--refusals === 0) serveGroup(broker)
      return { errorCode: ErrorCode[code], memberId: '', protocolName: '' }
    })
    const consumer = join()
    await poll(consumer)
    expect([refusals, consumer.assignment().length]).toEqual([0, 2])
  })

  it.each([
    'GROUP_AUTHORIZATION_FAILED',
    'INCONSISTENT_GROUP_PROTOCOL',
    'INVALID_SESSION_TIMEOUT',
    'GROUP_MAX_SIZE_REACHED',
  ] as const)('tells the reader of %s', async code => {
    broker.on(JoinGroup, () => ({ errorCode: ErrorCode[code], memberId: '', protocolName: '' }))
    const consumer = join()
    await expect(poll(consumer)).rejects.toMatchObject({ code })
    serveGroup(broker)
    await poll(consumer)
    expect(consumer.assignment()).toHaveLength(2)
  })

  it('reads what a follower is given, and nothing as nothing', async () => {
    broker.on(JoinGroup, ({ body }) => ({
      generationId: 4,
      protocolName: 'range',
      leader: 'other',
      memberId: body.memberId || 'm1',
    }))
    broker.on(SyncGroup, () => ({ assignment: encodeAssignment({ partitions: [{ topic: 't', partition: 1 }] }) }))
    const consumer = join()
    await poll(consumer)
    expect(consumer.assignment()).toEqual([{ topic: 't', partition: 1 }])
    const idle = join()
    broker.on(SyncGroup, () => ({ assignment: new Uint8Array(0) }))
    await poll(idle, 1_000)
    expect(idle.assignment()).toEqual([])
    expect(events).toEqual(['+1', '+0'])
  })

  it('tells the others what it reads, in Kafka’s bytes', async () => {
    await poll(join({ clientRack: 'r1' }))
    const { metadata } = broker.of(JoinGroup)[0]!.body.protocols[0]!
    expect(decodeSubscription(metadata)).toEqual({
      topics: ['t'],
      userData: null,
      ownedPartitions: [],
      generationId: -1,
      rackId: 'r1',
    })
    expect(Buffer.from(metadata).toString('hex')).toBe(
      '00030000000100' + '0174' + 'ffffffff' + '00000000' + 'ffffffff' + '00027231',
    )
  })
})

describe('staying', () => {
  it('beats by itself while the reader is busy', async () => {
    await poll(join({ heartbeatIntervalMs: 1_000 }), 0)
    await passed(10_500)
    expect(broker.of(Heartbeat).length).toBeGreaterThanOrEqual(9)
  })

  it('revokes, commits and rejoins when a heartbeat tells of a rebalance, all within a poll', async () => {
    const consumer = join(
      { heartbeatIntervalMs: 1_000 },
      {
        ...listener,
        revoked: async partitions => {
          await consumer.commit([{ topic: 't', partition: 0, offset: 5 }])
          events.push(`-${partitions.length}`)
        },
      },
    )
    await poll(consumer, 2_000)
    broker.on(Heartbeat, () => ({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS }))
    await passed(3_000)
    expect(events).toEqual(['+2'])
    expect(broker.of(JoinGroup)).toHaveLength(2)
    broker.on(Heartbeat, () => ({}))
    await poll(consumer, 2_000)
    expect(events).toEqual(['+2', '-2', '+2'])
    expect(broker.of(OffsetCommit)[0]!.body).toMatchObject({ generationIdOrMemberEpoch: 1, memberId: 'm1' })
    const order = broker.requests.map(({ api }) => api.name).filter(name => name === 'OffsetCommit' || name === 'JoinGroup')
    expect(order).toEqual(['JoinGroup', 'JoinGroup', 'OffsetCommit', 'JoinGroup'])
  })

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'] as const)(
    'calls the partitions lost after %s, and joins again',
    async code => {
      const consumer = join({ heartbeatIntervalMs: 1_000 })
      await poll(consumer, 500)
      broker.on(Heartbeat, () => ({ errorCode: ErrorCode[code] }))
      await passed(1_500)
      broker.on(Heartbeat, () => ({}))
      await expect(consumer.commit([{ topic: 't', partition: 0, offset: 1 }])).rejects.toMatchObject({
        code: 'UNKNOWN_MEMBER_ID',
      })
      await poll(consumer, 2_000)
      expect(events).toEqual(['+2', '!2', '+2'])
      expect(broker.of(JoinGroup).at(-1)!.body.memberId).toBe('m1')
    },
  )

  it('is thrown out for good by a second member of its instance id', async () => {
    const consumer = join({ heartbeatIntervalMs: 1_000, groupInstanceId: 'i' })
    await poll(consumer, 500)
    broker.on(Heartbeat, () => ({ errorCode: ErrorCode.FENCED_INSTANCE_ID }))
    await passed(1_500)
    await expect(poll(consumer)).rejects.toMatchObject({ code: 'FENCED_INSTANCE_ID' })
  })

  it('goes on beating after errors that are not of the group, and when the coordinator moves', async () => {
    const other = new FakeBroker('other', 2)
    serveGroup(other)
    await other.listen(universe.machine('other').boot())
    await poll(join({ heartbeatIntervalMs: 1_000 }), 500)
    let beats = 0
    broker.on(Heartbeat, () =>
      ++beats === 1
        ? 'cut'
        : beats === 2
          ? { errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }
          : { errorCode: ErrorCode.NOT_COORDINATOR },
    )
    broker.on(FindCoordinator, () => ({
      coordinators: [{ key: 'g', nodeId: 2, host: 'other', port: 9092, errorCode: 0, errorMessage: null }],
    }))
    await passed(20_000)
    expect(other.of(Heartbeat).length).toBeGreaterThan(10)
    expect(events).toEqual(['+2'])
  })

  it('leaves when the reader does not poll for maxPollIntervalMs, tells it, and comes back', async () => {
    const consumer = join({ heartbeatIntervalMs: 1_000, maxPollIntervalMs: 5_000 })
    await poll(consumer, 500)
    await passed(8_000)
    expect(broker.of(LeaveGroup)[0]!.body.members[0]!.memberId).toBe('m1')
    const beats = broker.of(Heartbeat).length
    await passed(5_000)
    expect(broker.of(Heartbeat).length).toBe(beats)
    await poll(consumer, 2_000)
    expect(events).toEqual(['+2', '!2', '+2'])
  })

  it('assigns anew when a topic has more partitions', async () => {
    const consumer = join({ metadataMaxAgeMs: 2_000 })
    await poll(consumer, 500)
    broker.topics.set('t', 5)
    for (let i = 0; i < 6; i++) await poll(consumer, 1_000)
    expect(consumer.assignment()).toHaveLength(5)
    expect(events).toEqual(['+2', '-2', '+5'])
  })

  it('a listener that fails fails the poll, and the group goes on', async () => {
    let fails = true
    const consumer = join(
      {},
      {
        assigned: () => {
          if (fails) throw new Error('no thanks')
        },
      },
    )
    await expect(poll(consumer)).rejects.toThrow('no thanks')
    fails = false
    await poll(consumer, 500)
    expect(consumer.assignment()).toHaveLength(2)
  })
})

describe('commits', () => {
  it('of what a poll gave go out only when the next poll says that it is done with', async () => {
    const consumer = join({ autoCommitIntervalMs: 0 })
    await poll(consumer, 500)
    expect(broker.of(OffsetCommit)).toHaveLength(0)
  })

  it('are tried again while the coordinator loads or moves, and for the partitions that failed only', async () => {
    const consumer = join()
    await poll(consumer, 500)
    let tries = 0
    broker.on(OffsetCommit, ({ body }) => {
      tries++
      return {
        topics: body.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode:
              partitionIndex === 1 && tries < 3
                ? tries === 1
                  ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
                  : ErrorCode.NOT_COORDINATOR
                : 0,
          })),
        })),
      }
    })
    const commits = [0, 1].map(partition => ({ topic: 't', partition, offset: 9, metadata: 'm' }))
    expect((await settled(consumer.commit(commits))).error).toBeUndefined()
    expect(
      broker.of(OffsetCommit).map(({ body }) => body.topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)),
    ).toEqual([[0, 1], [1], [1]])
    expect(broker.of(OffsetCommit)[0]!.body.topics[0]!.partitions[0]).toMatchObject({
      committedOffset: 9,
      committedMetadata: 'm',
    })
  })

  it('say that the group has gone on, and the member joins again', async () => {
    const consumer = join()
    await poll(consumer, 500)
    broker.on(OffsetCommit, ({ body }) => ({
      topics: body.topics.map(({ name }) => ({
        name,
        partitions: [{ partitionIndex: 0, errorCode: ErrorCode.REBALANCE_IN_PROGRESS }],
      })),
    }))
    expect((await settled(consumer.commit([{ topic: 't', partition: 0, offset: 1 }]))).error).toMatchObject({
      code: 'REBALANCE_IN_PROGRESS',
    })
    serveGroup(broker)
    await poll(consumer, 1_000)
    expect(events).toEqual(['+2', '-2', '+2'])
  })
})

describe('a coordinator that hangs', () => {
  const moveTo = async (name: string) => {
    const other = new FakeBroker(name, 2)
    other.topics.set('t', 2)
    await other.listen(universe.machine(name).boot())
    serveGroup(other)
    broker.peers.push(other)
    for (const each of [broker, other])
      each.on(FindCoordinator, ({ body }) => ({
        coordinators: body.coordinatorKeys.map(key => ({
          key,
          nodeId: 2,
          host: name,
          port: 9092,
          errorCode: 0,
          errorMessage: null,
        })),
      }))
    return other
  }

  it('is left within the session: heartbeats go on where the group has gone', async () => {
    const consumer = join({ sessionTimeoutMs: 10_000, heartbeatIntervalMs: 2_000 })
    await poll(consumer, 500)
    const other = await moveTo('other')
    broker.on(Heartbeat, () => 'silent')
    await passed(9_000)
    expect(other.of(Heartbeat).length).toBeGreaterThan(0)
    await poll(consumer, 100)
    expect(events).toEqual(['+2'])
    await settled(consumer.close())
  })

  it('does not hold a join for as long as members may take', async () => {
    broker.on(JoinGroup, () => 'silent')
    const consumer = join()
    await poll(consumer, 500)
    const other = await moveTo('other')
    await poll(consumer, 10_000)
    expect(other.of(JoinGroup).length).toBeGreaterThan(0)
    expect(events).toEqual(['+2'])
    await settled(consumer.close())
  })
})

describe('unsubscribing', () => {
  it('revokes and leaves; the consumer can subscribe again, or assign', async () => {
    const consumer = join()
    await poll(consumer, 500)
    expect((await settled(consumer.unsubscribe())).error).toBeUndefined()
    expect(events).toEqual(['+2', '-2'])
    expect(consumer.assignment()).toEqual([])
    expect(broker.of(LeaveGroup)).toHaveLength(1)
    await expect(poll(consumer)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
    consumer.subscribe(['t'], listener)
    await poll(consumer, 500)
    expect(events).toEqual(['+2', '-2', '+2'])
    await settled(consumer.unsubscribe())
    consumer.assign([{ topic: 't', partition: 1 }])
    expect(consumer.assignment()).toHaveLength(1)
    await poll(consumer, 500)
    expect(broker.of(LeaveGroup)).toHaveLength(2)
  })
})

describe('closing', () => {
  it('revokes, commits in the callback, and leaves', async () => {
    const consumer = join({}, { revoked: () => consumer.commit([{ topic: 't', partition: 0, offset: 3 }]) })
    await poll(consumer, 500)
    expect((await settled(consumer.close())).error).toBeUndefined()
    const names = broker.requests.map(({ api }) => api.name)
    expect(names.indexOf('OffsetCommit')).toBeGreaterThan(0)
    expect(names.at(-1)).toBe('LeaveGroup')
    await passed(10_000)
    expect(universe.net.openConnections).toBe(0)
  })

  it('of a static member does not leave: it may come back', async () => {
    const consumer = join({ groupInstanceId: 'i' })
    await poll(consumer, 500)
    await settled(consumer.close())
    expect(broker.of(LeaveGroup)).toHaveLength(0)
  })

  it('in the middle of a join ends all the same', async () => {
    broker.on(JoinGroup, () => 'silent')
    const consumer = join()
    await poll(consumer, 500)
    await settled(consumer.close())
    const joins = broker.of(JoinGroup).length
    await passed(60_000)
    expect(broker.of(JoinGroup).length).toBe(joins)
  })

  it('of a member whose join waits for others leaves at once, not behind that join', async () => {
    const consumer = join()
    await poll(consumer, 500)
    let parked = true
    broker.on(LeaveGroup, () => {
      parked = false
      return {}
    })
    broker.on(Heartbeat, () => ({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS }))
    broker.on(JoinGroup, async () => {
      while (parked) await new Promise<void>(resolve => universe.scheduler.after(100, resolve))
      return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, memberId: '', protocolName: '' }
    })
    await poll(consumer, 4_000)
    const startedMs = universe.scheduler.nowMs
    await settled(consumer.close())
    expect(broker.of(LeaveGroup).map(({ body }) => body.members[0]!.memberId)).toEqual(['m1'])
    expect(parked).toBe(false)
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(1_000)
  })

  it('while the first join is on its way gives back the id that it brings', async () => {
    broker.on(JoinGroup, async () => {
      await new Promise<void>(resolve => universe.scheduler.after(300, resolve))
      return { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId: 'm1', protocolName: '' }
    })
    const consumer = join()
    await poll(consumer, 100)
    await settled(consumer.close())
    expect(broker.of(JoinGroup)).toHaveLength(1)
    expect(broker.of(LeaveGroup).map(({ body }) => body.members[0]!.memberId)).toEqual(['m1'])
  })

  it('looks for the coordinator that has moved, and for no longer than it may take', async () => {
    const consumer = join()
    await poll(consumer, 500)
    let refusals = 2
    broker.on(LeaveGroup, () => (refusals-- > 0 ? { errorCode: ErrorCode.NOT_COORDINATOR } : {}))
    await settled(consumer.close())
    expect(broker.of(LeaveGroup)).toHaveLength(3)

    const other = join()
    await poll(other, 500)
    broker.on(LeaveGroup, () => 'silent')
    const startedMs = universe.scheduler.nowMs
    await settled(other.close())
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(6_000)
  })

  it('of a member that the group has gone on without takes its id out of the group', async () => {
    const consumer = join()
    await poll(consumer, 500)
    broker.on(Heartbeat, () => ({ errorCode: ErrorCode.ILLEGAL_GENERATION }))
    await passed(4_000)
    await settled(consumer.close())
    expect(broker.of(LeaveGroup)).toHaveLength(1)
  })

  it('of a consumer whose cluster is gone takes as long as it may, and says so', async () => {
    const consumer = join({}, { ...listener, revoked: () => consumer.commit([{ topic: 't', partition: 0, offset: 3 }]) })
    await poll(consumer, 500)
    universe.machine('broker').kill()
    const startedMs = universe.scheduler.nowMs
    expect((await settled(consumer.close(5_000))).error).toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    expect(universe.scheduler.nowMs - startedMs).toBeLessThan(6_500)
    await expect(consumer.poll(1)).rejects.toMatchObject({ code: 'CLOSED' })
    await passed(120_000)
    expect(universe.net.openConnections).toBe(0)
  })
})
