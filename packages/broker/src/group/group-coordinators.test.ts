import { BatchView, ErrorCode, KafkaError, setBaseOffsetAndEpoch } from '@millrace/protocol'
import { ConfigSet, silentLogger } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import type { ApiHandler, RequestContext } from '../api/handler.ts'
import type { BrokerMetrics } from '../broker-metrics.ts'
import { groupKeys } from '../config/group-keys.ts'
import type { BrokerServices, LeaderPartition, MetadataChange, TopicMetadata } from '../services.ts'
import { subscription, VirtualClock } from '../testing/group-scenario.ts'
import { openGroupCoordinators } from './group-coordinators.ts'

/** A led partition whose high watermark the test moves. */
class FakePartition implements LeaderPartition {
  readonly topic = '__consumer_offsets'
  readonly partition = 0
  readonly logStartOffset = 0
  readonly batches: BatchView[] = []
  readonly #waiting: { readonly offset: number; readonly done: (error?: Error) => void }[] = []
  leaderEpoch = 0
  highWatermark = 0
  logEndOffset = 0
  refusal: Error | null = null
  /** Offsets from which something was read. */
  readonly readsFrom: number[] = []

  appendAsCoordinator(bytes: Uint8Array): number {
    if (this.refusal) throw this.refusal
    const copy = bytes.slice()
    setBaseOffsetAndEpoch(copy, 0, this.logEndOffset, this.leaderEpoch)
    const batch = BatchView.at(copy, 0)!
    this.batches.push(batch)
    this.logEndOffset += batch.recordCount
    return this.logEndOffset
  }

  whenCommitted(offset: number, done: (error?: Error) => void): void {
    if (offset <= this.highWatermark) done()
    else this.#waiting.push({ offset, done })
  }

  commit(): void {
    this.highWatermark = this.logEndOffset
    for (const { done } of this.#waiting.splice(0)) done()
  }

  lose(error: Error): void {
    for (const { done } of this.#waiting.splice(0)) done(error)
  }

  /** One batch a read, up to the high watermark. */
  read(offset: number): BatchView[] {
    this.readsFrom.push(offset)
    const batch = this.batches.find(({ lastOffset }) => lastOffset >= offset)
    return batch && batch.nextOffset <= this.highWatermark ? [batch] : []
  }
}

function setUp(options: { partition?: FakePartition; leader?: number } = {}) {
  const clock = new VirtualClock()
  const partition = options.partition ?? new FakePartition()
  let leader: LeaderPartition | number = partition
  const listeners = new Set<(change: MetadataChange) => void>()
  const topic = (leaderId: number, leaderEpoch = partition.leaderEpoch): TopicMetadata =>
    ({
      name: '__consumer_offsets',
      topicId: 'x',
      partitions: [{ leader: leaderId, leaderEpoch }],
    }) as unknown as TopicMetadata
  const topics = new Map<string, TopicMetadata>([
    ['__consumer_offsets', topic(options.leader ?? 1)],
    ['t', { name: 't', topicId: '4siF1uiyTx2gTOBVT7A7PA', partitions: [] }],
  ])
  const rebalances = { begun: 0 }
  let ids = 0
  const services = {
    world: { clock, random: { bytes: (length: number) => new Uint8Array(length).fill(++ids) } },
    logger: silentLogger,
    metrics: { rebalanceBegun: () => void rebalances.begun++ } as BrokerMetrics,
    config: new ConfigSet(Object.values(groupKeys), new Map()),
    nodeId: 1,
    metadata: {
      topic: (name: string) => topics.get(name),
      topicById: (id: string) => [...topics.values()].find(({ topicId }) => topicId === id),
      subscribe: (listener: (change: MetadataChange) => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    partitions: { leader: () => leader },
  } as unknown as BrokerServices
  const coordinators = openGroupCoordinators(services)
  const ask = (name: string, version: number, request: unknown) => {
    const handler = coordinators.handlers.find(({ api }) => api.name === name) as ApiHandler<unknown, any>
    const context = {
      apiVersion: version,
      clientId: 'c',
      listenerName: 'L',
      connection: { clientHost: '127.0.0.1' },
    } as RequestContext
    const pending: { response: any } = { response: undefined }
    void Promise.resolve(handler.handle(request, context, services)).then(response => {
      pending.response = response
    })
    return pending
  }
  const moveLeader = (leaderId: number, to: LeaderPartition | number, leaderEpoch?: number) => {
    leader = to
    const moved = topic(leaderId, leaderEpoch)
    topics.set('__consumer_offsets', moved)
    for (const listener of listeners) listener({ topics: [moved], deletedTopics: [], configs: [], brokersChanged: false })
  }
  return { clock, partition, coordinators, ask, moveLeader, refuse: (code: number) => (leader = code), listeners, rebalances }
}

const settled = () => new Promise(resolve => setImmediate(resolve))
const commitRequest = (offset: number) => ({
  groupId: 'g',
  generationIdOrMemberEpoch: -1,
  memberId: '',
  groupInstanceId: null,
  retentionTimeMs: -1,
  topics: [
    {
      name: 't',
      topicId: '',
      partitions: [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null }],
    },
  ],
})
const fetchRequest = { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }], groups: [], requireStable: false }
const joinRequest = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription('t') }],
  reason: null,
}

test('a commit, and a read that already sees it, are answered when the high watermark covers it', async () => {
  const { clock, partition, ask } = setUp()
  clock.pass(0)
  const commit = ask('OffsetCommit', 8, commitRequest(5))
  const fetch = ask('OffsetFetch', 5, fetchRequest)
  const heartbeat = ask('Heartbeat', 4, { groupId: 'other', memberId: 'm', generationId: 1, groupInstanceId: null })
  await settled()
  expect([commit.response, fetch.response, heartbeat.response]).toEqual([undefined, undefined, undefined])
  partition.commit()
  await settled()
  expect(commit.response).toEqual({ topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] })
  expect(fetch.response.topics[0].partitions[0].committedOffset).toBe(5)
  expect(heartbeat.response).toEqual({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('a member’s heartbeat is answered while the high watermark stands still', async () => {
  const { clock, partition, ask } = setUp()
  clock.pass(0)
  const join = ask('JoinGroup', 3, joinRequest)
  clock.pass(3_000)
  await settled()
  const { memberId, generationId } = join.response
  const identity = { groupId: 'g', generationId, memberId, groupInstanceId: null }
  const sync = ask('SyncGroup', 3, {
    ...identity,
    protocolType: null,
    protocolName: null,
    assignments: [{ memberId, assignment: Uint8Array.of(1) }],
  })
  const alive = ask('Heartbeat', 4, identity)
  const stranger = ask('Heartbeat', 4, { ...identity, memberId: 'nobody' })
  await settled()
  expect([sync.response, alive.response, stranger.response]).toEqual([undefined, { errorCode: ErrorCode.NONE }, undefined])
  partition.commit()
  await settled()
  expect([sync.response.errorCode, stranger.response.errorCode]).toEqual([ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID])
})

test('a commit that is not covered in time is refused, and the coordinator goes on', async () => {
  const { clock, partition, ask } = setUp()
  clock.pass(0)
  const commit = ask('OffsetCommit', 8, commitRequest(5))
  const join = ask('JoinGroup', 3, { ...joinRequest, groupId: 'other' })
  clock.pass(5000)
  await settled()
  expect(commit.response.topics[0].partitions[0].errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  expect(join.response).toBeUndefined()
  partition.commit()
  const fetch = ask('OffsetFetch', 5, fetchRequest)
  await settled()
  expect(join.response.errorCode).toBe(0)
  expect(fetch.response.topics[0].partitions[0].committedOffset).toBe(5)
})

test('a commit that will never be covered: all that wait are told to look elsewhere, and a new leader elsewhere stays the answer', async () => {
  const { clock, partition, ask, moveLeader } = setUp()
  clock.pass(0)
  const join = ask('JoinGroup', 3, joinRequest)
  const commit = ask('OffsetCommit', 8, { ...commitRequest(5), groupId: 'other' })
  partition.lose(new KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
  await settled()
  expect(join.response.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
  expect(commit.response.topics[0].partitions[0].errorCode).toBe(ErrorCode.NOT_COORDINATOR)
  moveLeader(2, ErrorCode.NOT_LEADER_OR_FOLLOWER)
  clock.pass(10_000)
  const later = ask('OffsetCommit', 8, commitRequest(6))
  await settled()
  expect(later.response.topics[0].partitions[0].errorCode).toBe(ErrorCode.NOT_COORDINATOR)
  expect(clock.pending).toBe(0)
})

test('a refused append: the state is read again from the log, without what was refused', async () => {
  const { clock, partition, ask } = setUp()
  clock.pass(0)
  ask('OffsetCommit', 8, commitRequest(5))
  partition.commit()
  partition.refusal = new KafkaError(ErrorCode.NOT_ENOUGH_REPLICAS)
  const refused = ask('OffsetCommit', 8, commitRequest(6))
  await settled()
  expect(refused.response.topics[0].partitions[0].errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  partition.refusal = null
  const meanwhile = ask('OffsetFetch', 5, fetchRequest)
  await settled()
  expect(meanwhile.response.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  clock.pass(1000)
  const fetch = ask('OffsetFetch', 5, fetchRequest)
  await settled()
  expect(fetch.response.topics[0].partitions[0].committedOffset).toBe(5)
})

test('a parked join is answered when leadership moves; the next leader loads what was committed', async () => {
  const first = setUp()
  first.clock.pass(0)
  first.ask('OffsetCommit', 8, commitRequest(5))
  first.partition.commit()
  const join = first.ask('JoinGroup', 3, joinRequest)
  first.moveLeader(2, ErrorCode.NOT_LEADER_OR_FOLLOWER)
  await settled()
  expect(join.response).toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR, protocolName: '' })

  const second = setUp({ partition: first.partition })
  second.clock.pass(0)
  const fetch = second.ask('OffsetFetch', 5, fetchRequest)
  const list = second.ask('ListGroups', 5, { statesFilter: ['empty'], typesFilter: ['Classic'] })
  await settled()
  expect(fetch.response.topics[0].partitions[0].committedOffset).toBe(5)
  expect(list.response).toEqual({ groups: [{ groupId: 'g', protocolType: '', groupState: 'Empty', groupType: 'classic' }] })
})

test('closing answers what is parked and leaves no timer and no listener', async () => {
  const { clock, coordinators, ask, listeners } = setUp()
  clock.pass(0)
  const join = ask('JoinGroup', 3, joinRequest)
  coordinators.close()
  await settled()
  expect(join.response.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
  expect(clock.pending).toBe(0)
  expect(listeners.size).toBe(0)
})

test('topics that are not there are refused one by one; v10 names them by id', async () => {
  const { clock, partition, ask } = setUp()
  clock.pass(0)
  const [known] = commitRequest(5).topics
  const byName = ask('OffsetCommit', 9, { ...commitRequest(5), topics: [{ ...known, name: 'gone' }, known] })
  const byId = ask('OffsetCommit', 10, {
    ...commitRequest(5),
    topics: [
      { ...known, name: '', topicId: '4siF1uiyTx2gTOBVT7A7PA' },
      { ...known, name: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' },
    ],
  })
  partition.commit()
  await settled()
  expect(byName.response.topics).toEqual([
    { name: 'gone', partitions: [{ partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }] },
    { name: 't', partitions: [{ partitionIndex: 0, errorCode: 0 }] },
  ])
  expect(byId.response.topics).toEqual([
    { topicId: '4siF1uiyTx2gTOBVT7A7PA', partitions: [{ partitionIndex: 0, errorCode: 0 }] },
    { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: [{ partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] },
  ])
  const topics = [{ name: '', topicId: '4siF1uiyTx2gTOBVT7A7PA', partitionIndexes: [0, 1] }]
  const fetch = ask('OffsetFetch', 10, {
    groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }],
    requireStable: true,
  })
  await settled()
  expect(fetch.response.groups[0].topics).toEqual([
    {
      topicId: '4siF1uiyTx2gTOBVT7A7PA',
      partitions: [
        { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
        { partitionIndex: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
      ],
    },
  ])
})

test('a rebalance is counted when it begins, once for all who join in its time', async () => {
  const { clock, partition, ask, rebalances } = setUp()
  clock.pass(0)
  ask('JoinGroup', 3, joinRequest)
  ask('JoinGroup', 3, joinRequest)
  await settled()
  expect(rebalances.begun).toBe(1)
  // Who joins in the first wait begins a second one.
  clock.pass(7000)
  partition.commit()
  ask('JoinGroup', 3, joinRequest)
  await settled()
  expect(rebalances.begun).toBe(2)
})

describe('a coordinator that moves', () => {
  const descriptionOf = (response: any) => response?.groups[0]

  test('loads slice by slice what is committed, then waits for the rest of what the leader before has left', async () => {
    const first = setUp()
    first.clock.pass(0)
    for (const [place, offset] of [1, 2, 3].entries()) {
      first.ask('OffsetCommit', 8, { ...commitRequest(offset), groupId: `g${place}` })
      if (place < 2) first.partition.commit()
    }
    first.partition.readsFrom.length = 0
    const second = setUp({ partition: first.partition })
    second.clock.pass(0)
    const early = second.ask('OffsetFetch', 5, { ...fetchRequest, groupId: 'g0' })
    const alive = second.ask('Heartbeat', 4, { groupId: 'g0', memberId: 'm', generationId: 1, groupInstanceId: null })
    await settled()
    expect(early.response.errorCode).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    // Nobody can say otherwise yet, and no session runs.
    expect(alive.response.errorCode).toBe(ErrorCode.NONE)
    expect(first.partition.readsFrom).toEqual([0, 1])
    first.partition.commit()
    second.clock.pass(0)
    const fetches = [0, 1, 2].map(place => second.ask('OffsetFetch', 5, { ...fetchRequest, groupId: `g${place}` }))
    await settled()
    expect(fetches.map(({ response }) => response.topics[0].partitions[0].committedOffset)).toEqual([1, 2, 3])
    expect(first.partition.readsFrom).toEqual([0, 1, 2])
  })

  test('what the leader before has left and was cut off by another never becomes part of the state', async () => {
    const first = setUp()
    first.clock.pass(0)
    first.ask('OffsetCommit', 8, commitRequest(5))
    const second = setUp({ partition: first.partition })
    second.clock.pass(0)
    first.partition.lose(new KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    second.moveLeader(2, ErrorCode.NOT_LEADER_OR_FOLLOWER, 1)
    second.clock.pass(5_000)
    const fetch = second.ask('OffsetFetch', 5, fetchRequest)
    await settled()
    expect(fetch.response.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(second.clock.pending).toBe(0)
  })

  test('another epoch of the same leader: others may have written meanwhile, so it is loaded anew', async () => {
    const { clock, partition, ask, moveLeader } = setUp()
    clock.pass(0)
    ask('OffsetCommit', 8, commitRequest(5))
    partition.commit()
    const join = ask('JoinGroup', 3, joinRequest)
    partition.leaderEpoch = 2
    moveLeader(1, partition, 2)
    const loading = ask('OffsetFetch', 5, fetchRequest)
    await settled()
    expect(join.response.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(loading.response.errorCode).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    clock.pass(0)
    const loaded = ask('OffsetFetch', 5, fetchRequest)
    await settled()
    expect(loaded.response.topics[0].partitions[0].committedOffset).toBe(5)
  })

  test('a coordinator of an earlier epoch writes nothing, even before it hears of the later one', async () => {
    const { clock, partition, ask } = setUp()
    clock.pass(0)
    partition.leaderEpoch = 2
    const commit = ask('OffsetCommit', 8, commitRequest(5))
    await settled()
    expect(commit.response.topics[0].partitions[0].errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(partition.batches).toEqual([])
  })

  test('metadata ahead of the partition: the coordinator opens when its log is there, unasked', async () => {
    const { clock, partition, ask, moveLeader } = setUp({ leader: 2 })
    partition.leaderEpoch = 3
    moveLeader(1, ErrorCode.NOT_LEADER_OR_FOLLOWER, 3)
    const early = ask('Heartbeat', 4, { groupId: 'g', memberId: 'm', generationId: 1, groupInstanceId: null })
    await settled()
    expect([ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE]).toContain(early.response.errorCode)
    moveLeader(1, partition, 3)
    clock.pass(1_000)
    const fetch = ask('OffsetFetch', 5, fetchRequest)
    await settled()
    expect(fetch.response.errorCode).toBe(ErrorCode.NONE)
  })

  test('a parked SyncGroup is answered when leadership moves; members, loaded by the next leader, keep their generation and their whole session', async () => {
    const first = setUp()
    first.clock.pass(0)
    const step = async (name: string, version: number, request: object) => {
      const pending = first.ask(name, version, request)
      await settled()
      return pending
    }
    const joins = [await step('JoinGroup', 3, joinRequest), await step('JoinGroup', 3, joinRequest)]
    first.clock.pass(7_000)
    await settled()
    const [leader, follower] = joins.map(({ response }) => response).sort((a, b) => b.members.length - a.members.length)
    const sync = (memberId: string, assignments: object[] = []) =>
      step('SyncGroup', 3, {
        groupId: 'g',
        generationId: leader.generationId,
        memberId,
        groupInstanceId: null,
        protocolType: null,
        protocolName: null,
        assignments,
      })
    const parked = await sync(follower.memberId)
    expect(parked.response).toBeUndefined()
    first.moveLeader(2, ErrorCode.NOT_LEADER_OR_FOLLOWER, 1)
    await settled()
    expect(parked.response.errorCode).toBe(ErrorCode.NOT_COORDINATOR)

    // The same with the assignment in the log.
    const again = setUp()
    again.clock.pass(0)
    const join = again.ask('JoinGroup', 3, joinRequest)
    again.clock.pass(3_000)
    await settled()
    const { memberId, generationId } = join.response
    again.ask('SyncGroup', 3, {
      groupId: 'g',
      generationId,
      memberId,
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: [{ memberId, assignment: Uint8Array.of(1, 2) }],
    })
    again.partition.commit()
    again.moveLeader(2, ErrorCode.NOT_LEADER_OR_FOLLOWER, 1)
    const next = setUp({ partition: again.partition })
    next.clock.pass(0)
    const heartbeat = { groupId: 'g', memberId, generationId, groupInstanceId: null }
    next.clock.pass(9_000)
    const alive = next.ask('Heartbeat', 4, heartbeat)
    const described = next.ask('DescribeGroups', 5, { groups: ['g'], includeAuthorizedOperations: false })
    await settled()
    expect(alive.response.errorCode).toBe(ErrorCode.NONE)
    expect(descriptionOf(described.response)).toMatchObject({ groupState: 'Stable', members: [{ memberId }] })
    next.clock.pass(10_001)
    const late = next.ask('Heartbeat', 4, heartbeat)
    next.partition.commit()
    await settled()
    expect(late.response.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})
