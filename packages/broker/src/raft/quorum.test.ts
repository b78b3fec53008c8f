import {
  AddRaftVoter,
  BeginQuorumEpoch,
  DescribeQuorum,
  EndQuorumEpoch,
  ErrorCode,
  Fetch,
  FetchSnapshot,
  RemoveRaftVoter,
  UpdateRaftVoter,
  Vote,
} from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { metadataTopic, metadataTopicId } from './metadata-topic.ts'
import { addressOf, clusterId, directoryOf, type Member, SimulatedQuorum } from './testing/simulated-quorum.ts'

const context = { listenerName: 'CONTROLLER' }
const follower = (quorum: SimulatedQuorum) => [...quorum.members.values()].find(member => !member.isLeader)!

/** The new leader, other than `before`. */
async function nextLeader(quorum: SimulatedQuorum, before: Member): Promise<Member> {
  await quorum.until(() => quorum.leader !== undefined && quorum.leader !== before)
  return quorum.leader!
}

describe('three voters', () => {
  test('elect one leader, and all apply what it commits', async () => {
    const quorum = new SimulatedQuorum({ seed: 1, observers: [9] })
    const leader = await quorum.elected()
    await Promise.all([leader.append('a'), quorum.until(() => leader.applied.length === 1)])
    await quorum.settled()
    for (const { applied, leaders } of quorum.members.values()) {
      expect(applied).toEqual(['a'])
      expect(leaders.at(-1)).toEqual({ id: leader.id, epoch: 1 })
    }
    expect(quorum.violations).toEqual([])
  })

  test('commit within a round trip: followers are told at once, of records and of their commit', async () => {
    const quorum = new SimulatedQuorum({ seed: 2, latencyMs: 10 })
    const leader = await quorum.elected()
    await quorum.settled()
    const startMs = quorum.nowMs
    const appended = leader.append('a')
    await quorum.until(() => leader.applied.length === 1)
    await appended
    // To the follower and back, 18 ms each at most, and what the disk takes.
    expect(quorum.nowMs - startMs).toBeLessThan(50)
    await quorum.until(() => [...quorum.members.values()].every(({ applied }) => applied.length === 1))
    expect(quorum.nowMs - startMs).toBeLessThan(100)
  })

  test('go on when the leader dies, without its uncommitted end', async () => {
    const quorum = new SimulatedQuorum({ seed: 3 })
    const leader = await quorum.elected()
    await Promise.all([leader.append('a'), quorum.until(() => leader.applied.length === 1)])
    quorum.isolate(leader.id)
    void leader.append('lost').catch(() => {})
    await quorum.pass(50)
    quorum.crash(leader.id, false)
    const next = await nextLeader(quorum, leader)
    await Promise.all([next.append('b'), quorum.until(() => next.applied.length === 2)])
    quorum.heal()
    quorum.start(leader.id)
    await quorum.settled()
    for (const { applied } of quorum.members.values()) expect(applied).toEqual(['a', 'b'])
    expect(quorum.violations).toEqual([])
  })

  test('have a new leader long before the fetch timeout when the process of the old one is gone', async () => {
    const quorum = new SimulatedQuorum({ seed: 4 })
    const leader = await quorum.elected()
    await quorum.settled()
    const diedMs = quorum.nowMs
    quorum.crash(leader.id, false)
    await nextLeader(quorum, leader)
    expect(quorum.nowMs - diedMs).toBeLessThan(1000)
  })

  test('have a new leader when the old one is cut off, and that resigns and tells who waits', async () => {
    const quorum = new SimulatedQuorum({ seed: 5 })
    const leader = await quorum.elected()
    await quorum.settled()
    quorum.isolate(leader.id)
    const refused = leader.append('lost').catch((error: { code: string }) => error.code)
    await quorum.until(() => !leader.isLeader)
    expect(await refused).toBe('NOT_LEADER')
    expect(leader.leaders.at(-1)).toEqual({ id: -1, epoch: 1 })
    await nextLeader(quorum, leader)
    quorum.heal()
    await quorum.settled()
    expect(leader.applied).toEqual([])
    expect(quorum.violations).toEqual([])
  })

  test('keep their leader when a follower that was cut off comes back', async () => {
    const quorum = new SimulatedQuorum({ seed: 6 })
    const leader = await quorum.elected()
    await quorum.settled()
    const other = follower(quorum)
    quorum.isolate(other.id)
    await quorum.pass(20_000)
    expect(other.node.raft.role).not.toBe('candidate')
    quorum.heal()
    await quorum.settled()
    expect(quorum.leader).toBe(leader)
    expect(leader.node.raft.epoch).toBe(1)
  })

  test('are led by another one at once when the leader is stopped', async () => {
    const quorum = new SimulatedQuorum({ seed: 7 })
    const leader = await quorum.elected()
    await quorum.settled()
    const stoppedMs = quorum.nowMs
    const stopped = quorum.stop(leader.id)
    const next = await nextLeader(quorum, leader)
    expect(quorum.nowMs - stoppedMs).toBeLessThan(100)
    expect(next.node.raft.epoch).toBe(2)
    await stopped
  })

  test('that all lost power together come back with everything acknowledged', async () => {
    const quorum = new SimulatedQuorum({ seed: 8 })
    const leader = await quorum.elected()
    for (let i = 0; i < 20; i++) quorum.offer(`r${i}`)
    await quorum.until(() => leader.applied.length === 20)
    for (const id of [1, 2, 3]) quorum.crash(id, true)
    for (const id of [1, 2, 3]) quorum.start(id)
    await quorum.elected()
    await quorum.settled()
    for (const { applied } of quorum.members.values()) expect(applied).toEqual(Array.from({ length: 20 }, (_, i) => `r${i}`))
    expect(quorum.violations).toEqual([])
  })
})

describe('a replica far behind', () => {
  test.each([1, 9])('node %i gets the snapshot, in pieces, and goes on from there', async behind => {
    const quorum = new SimulatedQuorum({ seed: 10, observers: [9], snapshotBytes: 2000, fetchMaxBytes: 300 })
    await quorum.elected()
    await quorum.settled()
    quorum.crash(behind, false)
    await quorum.until(() => quorum.leader !== undefined)
    for (let i = 0; i < 200; i++) {
      quorum.offer(`record ${i}`)
      await quorum.pass(50)
    }
    const member = quorum.start(behind, behind === 9 ? { canVote: false } : {})
    quorum.offer('last')
    await quorum.settled()
    expect(member.loaded).toBeGreaterThan(0)
    expect(member.applied).toEqual(quorum.leader!.applied)
    expect(member.applied.length).toBeGreaterThan(150)
    expect(quorum.violations).toEqual([])
  })

  test('loads its own snapshot at a restart, then only what came after it', async () => {
    const quorum = new SimulatedQuorum({ seed: 11, snapshotBytes: 2000 })
    await quorum.elected()
    for (let i = 0; i < 100; i++) {
      quorum.offer(`record ${i}`)
      await quorum.pass(20)
    }
    const { id } = follower(quorum)
    quorum.crash(id, true)
    const member = quorum.start(id)
    expect(member.loaded).toBe(1)
    await quorum.settled()
    expect(member.applied).toEqual(quorum.leader!.applied)
  })
})

describe('a dynamic quorum', () => {
  const add = (quorum: SimulatedQuorum, id: number, facts: object = {}) =>
    quorum.leader!.node.handle(
      AddRaftVoter,
      1,
      {
        clusterId,
        timeoutMs: 2000,
        voterId: id,
        voterDirectoryId: directoryOf(id),
        listeners: [{ name: 'CONTROLLER', ...addressOf(id) }],
        ackWhenCommitted: true,
        ...facts,
      },
      context,
    )
  const remove = (quorum: SimulatedQuorum, id: number, facts: object = {}) =>
    quorum.leader!.node.handle(
      RemoveRaftVoter,
      0,
      { clusterId, voterId: id, voterDirectoryId: directoryOf(id), ...facts },
      context,
    )
  const voterIds = (member: Member) => member.node.voters.voters.map(({ id }) => id)

  /** The answer, after as much virtual time as it takes. */
  async function answer<T>(quorum: SimulatedQuorum, response: Promise<T>): Promise<T> {
    let isThere = false
    void response.finally(() => {
      isThere = true
    })
    await quorum.until(() => isThere)
    return response
  }

  test('writes the voters that the formatting left into its log', async () => {
    const quorum = new SimulatedQuorum({ seed: 20, isDynamic: true })
    const leader = await quorum.elected()
    await quorum.settled()
    for (const { node } of quorum.members.values()) {
      expect([node.voters.kraftVersion, node.voters.votersOffset]).toEqual([1, 0])
      expect(node.voters.voters.map(({ directoryId }) => directoryId)).toEqual([1, 2, 3].map(directoryOf))
    }
    expect(leader.node.logEndOffset).toBe(3)
  })

  test('takes in an observer that has caught up, and needs it for its majority from then on', async () => {
    const quorum = new SimulatedQuorum({ seed: 21, voters: [1], isDynamic: true })
    await quorum.elected()
    quorum.start(2)
    quorum.start(3)
    await quorum.settled()
    expect(await answer(quorum, add(quorum, 2))).toMatchObject({ errorCode: ErrorCode.NONE })
    expect(await answer(quorum, add(quorum, 3))).toMatchObject({ errorCode: ErrorCode.NONE })
    await quorum.settled()
    for (const member of quorum.members.values()) expect(voterIds(member)).toEqual([1, 2, 3])
    quorum.crash(1, true)
    const leader = await quorum.elected()
    expect([2, 3]).toContain(leader.id)
  })

  test('refuses a voter that it has, one that does not answer, one that is behind, and one while another is under way', async () => {
    const quorum = new SimulatedQuorum({ seed: 22, isDynamic: true })
    await quorum.elected()
    await quorum.settled()
    expect(await answer(quorum, add(quorum, 2))).toMatchObject({ errorCode: ErrorCode.DUPLICATE_VOTER })
    expect(await answer(quorum, add(quorum, 5))).toMatchObject({ errorCode: ErrorCode.REQUEST_TIMED_OUT })
    quorum.start(5)
    quorum.isolate(5)
    quorum.cuts.delete(`5>${quorum.leader!.id}`)
    quorum.cuts.delete(`${quorum.leader!.id}>5`)
    const tooEarly = add(quorum, 5)
    expect(await answer(quorum, add(quorum, 6))).toMatchObject({ errorCode: ErrorCode.REQUEST_TIMED_OUT })
    await answer(quorum, tooEarly)
    expect(await answer(quorum, add(quorum, 7, { clusterId: 'other' }))).toMatchObject({
      errorCode: ErrorCode.INCONSISTENT_CLUSTER_ID,
    })
    const elsewhere = { listeners: [{ name: 'OTHER', ...addressOf(7) }] }
    expect(await answer(quorum, add(quorum, 7, elsewhere))).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST })
    const response = await follower(quorum).node.handle(
      RemoveRaftVoter,
      0,
      { clusterId, voterId: 1, voterDirectoryId: directoryOf(1) },
      context,
    )
    expect(response).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER })
  })

  test('is what a static quorum becomes by kraft.version 1, once its leader knows all voters: then they come and go', async () => {
    const quorum = new SimulatedQuorum({ seed: 27 })
    const leader = await quorum.elected()
    await quorum.settled()
    expect(leader.node.whyNoKraftVersion(1)).toMatch(
      /^Invalid upgrade of kraft.version to 1 because not all of the voters support it/,
    )
    expect(await answer(quorum, add(quorum, 4))).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION })
    await quorum.until(() => leader.node.whyNoKraftVersion(1) === null)
    const before = leader.node.logEndOffset
    leader.node.upgradeKraftVersion(1)
    leader.node.upgradeKraftVersion(1)
    expect(leader.node.logEndOffset).toBe(before + 2)
    expect(leader.node.whyNoKraftVersion(0)).toContain('the new version is a downgrade')
    await quorum.settled()
    for (const { node } of quorum.members.values()) {
      expect([node.voters.kraftVersion, node.voters.votersOffset]).toEqual([1, before])
      expect(node.voters.voters.map(({ directoryId }) => directoryId)).toEqual([1, 2, 3].map(directoryOf))
      expect(node.voters.voters.map(({ endpoints }) => endpoints)).toEqual(
        [1, 2, 3].map(id => [{ name: 'CONTROLLER', ...addressOf(id) }]),
      )
    }
    expect(leader.node.raft.progress?.voters.map(({ endOffset }) => endOffset)).toEqual([before + 2, before + 2, before + 2])
    expect(leader.node.raft.progress?.observers(Infinity)).toEqual([])
    quorum.start(4, { asksForVoters: true })
    await quorum.settled()
    expect(await answer(quorum, add(quorum, 4))).toMatchObject({ errorCode: ErrorCode.NONE })
    expect(await answer(quorum, remove(quorum, leader.id))).toMatchObject({ errorCode: ErrorCode.NONE })
    const next = await nextLeader(quorum, leader)
    for (const id of [...quorum.members.keys()]) {
      quorum.crash(id, true)
      quorum.start(id, { asksForVoters: id === 4 })
    }
    await quorum.until(() => quorum.leader !== undefined)
    await quorum.settled()
    for (const member of quorum.members.values()) expect(voterIds(member)).toEqual([1, 2, 3, 4].filter(id => id !== leader.id))
    expect(next.id).not.toBe(leader.id)
    expect(quorum.violations).toEqual([])
  })

  test('whose upgrade was never committed stays static, and its next leader is told anew', async () => {
    const quorum = new SimulatedQuorum({ seed: 28 })
    const leader = await quorum.elected()
    await quorum.until(() => leader.node.whyNoKraftVersion(1) === null)
    quorum.isolate(leader.id)
    leader.node.upgradeKraftVersion(1)
    await quorum.pass(10)
    expect(leader.node.voters.kraftVersion).toBe(1)
    const next = await nextLeader(quorum, leader)
    expect(next.node.whyNoKraftVersion(1)).not.toBeNull()
    quorum.heal()
    await quorum.settled()
    for (const { node } of quorum.members.values()) expect(node.voters.kraftVersion).toBe(0)
    await quorum.until(() => next.node.whyNoKraftVersion(1) === null)
    expect(quorum.violations).toEqual([])
  })

  test('lets a voter go, the leader too: it hands over after the commit', async () => {
    const quorum = new SimulatedQuorum({ seed: 23, isDynamic: true })
    const leader = await quorum.elected()
    await quorum.settled()
    const wrongDirectory = { voterDirectoryId: directoryOf(9) }
    expect(await answer(quorum, remove(quorum, leader.id, wrongDirectory))).toMatchObject({
      errorCode: ErrorCode.VOTER_NOT_FOUND,
    })
    expect(await answer(quorum, remove(quorum, leader.id))).toMatchObject({ errorCode: ErrorCode.NONE })
    const next = await nextLeader(quorum, leader)
    await quorum.settled()
    expect(voterIds(next)).toEqual([1, 2, 3].filter(id => id !== leader.id))
    expect(voterIds(leader)).toEqual(voterIds(next))
    expect([leader.node.raft.role, leader.node.raft.isVoter]).toEqual(['follower', false])
    await Promise.all([next.append('a'), quorum.until(() => leader.applied.length === 1)])
    expect(quorum.violations).toEqual([])
  })

  test('a change that was never committed is forgotten with the batch', async () => {
    const quorum = new SimulatedQuorum({ seed: 24, isDynamic: true })
    const leader = await quorum.elected()
    await quorum.settled()
    quorum.isolate(leader.id)
    const removed = remove(quorum, [1, 2, 3].find(id => id !== leader.id)!)
    await quorum.pass(10)
    expect(voterIds(leader)).toHaveLength(2)
    expect(await answer(quorum, removed)).toMatchObject({ errorCode: ErrorCode.REQUEST_TIMED_OUT })
    await nextLeader(quorum, leader)
    quorum.heal()
    await quorum.settled()
    for (const member of quorum.members.values()) expect(voterIds(member)).toEqual([1, 2, 3])
    expect(quorum.violations).toEqual([])
  })

  test('with auto-join a controller adds itself, and one with a new disk takes the place of what it was', async () => {
    const quorum = new SimulatedQuorum({ seed: 25, isDynamic: true, voters: [1, 2], autoJoin: true })
    await quorum.elected()
    quorum.start(3)
    await quorum.until(() => [...quorum.members.values()].every(member => voterIds(member).length === 3))
    await quorum.settled()
    quorum.crash(3, true)
    quorum.machine(3).disk.wipe()
    quorum.start(3, { directory: directoryOf(7) })
    await quorum.until(() => quorum.leader?.node.voters.voters.find(({ id }) => id === 3)?.directoryId === directoryOf(7))
    await quorum.settled()
    expect(voterIds(quorum.leader!)).toEqual([1, 2, 3])
    expect(quorum.violations).toEqual([])
  })

  test('a voter at another address tells it the leader, a leader says it in its first batch', async () => {
    const quorum = new SimulatedQuorum({ seed: 26, isDynamic: true })
    const leader = await quorum.elected()
    await quorum.settled()
    const { id } = follower(quorum)
    quorum.crash(id, false)
    quorum.start(id, { port: 9999 })
    const portOf = (member: Member, voter: number) =>
      member.node.voters.voters.find(other => other.id === voter)?.endpoints[0]?.port
    await quorum.until(() => portOf(leader, id) === 9999)
    await quorum.settled()
    expect([...quorum.members.values()].map(member => portOf(member, id))).toEqual([9999, 9999, 9999])
    const response = await answer(
      quorum,
      leader.node.handle(
        UpdateRaftVoter,
        0,
        {
          clusterId,
          currentLeaderEpoch: leader.node.raft.epoch,
          voterId: 5,
          voterDirectoryId: directoryOf(5),
          listeners: [{ name: 'CONTROLLER', ...addressOf(5) }],
          kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
        },
        context,
      ),
    )
    expect(response).toMatchObject({
      errorCode: ErrorCode.VOTER_NOT_FOUND,
      currentLeader: { leaderId: leader.id, ...addressOf(leader.id) },
    })
  })
})

describe('requests', () => {
  const fetchOf = (facts: object, more: object = {}) => ({
    clusterId,
    replicaId: -1,
    replicaState: { replicaId: 7, replicaEpoch: -1 },
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    rackId: '',
    topics: [
      {
        topic: '',
        topicId: metadataTopicId,
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: 1,
            fetchOffset: 0,
            lastFetchedEpoch: 0,
            logStartOffset: -1,
            partitionMaxBytes: 1000,
            replicaDirectoryId: directoryOf(7),
            highWatermark: 0,
            ...facts,
          },
        ],
      },
    ],
    ...more,
  })
  const partitionOf = async (member: Member, facts: object) =>
    (await member.node.handle(Fetch, 17, fetchOf(facts), context)).responses[0]!.partitions[0]!

  test('Fetch is fenced by the epoch and tells who leads', async () => {
    const quorum = new SimulatedQuorum({ seed: 30 })
    const leader = await quorum.elected()
    await quorum.settled()
    expect((await partitionOf(leader, { currentLeaderEpoch: 0 })).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect((await partitionOf(leader, { currentLeaderEpoch: 2 })).errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    expect((await partitionOf(leader, { lastFetchedEpoch: 2 })).errorCode).toBe(ErrorCode.INVALID_REQUEST)
    const response = await follower(quorum).node.handle(Fetch, 17, fetchOf({}), context)
    expect(response).toMatchObject({
      responses: [
        {
          partitions: [{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader: { leaderId: leader.id, leaderEpoch: 1 } }],
        },
      ],
      nodeEndpoints: [{ nodeId: leader.id, ...addressOf(leader.id) }],
    })
    const other = await leader.node.handle(Fetch, 17, fetchOf({}, { clusterId: 'other' }), context)
    expect(other.errorCode).toBe(ErrorCode.INCONSISTENT_CLUSTER_ID)
  })

  test('Fetch says where another log diverges', async () => {
    const quorum = new SimulatedQuorum({ seed: 31 })
    const leader = await quorum.elected()
    await quorum.settled()
    expect(await partitionOf(leader, { fetchOffset: 5, lastFetchedEpoch: 1 })).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 1, endOffset: 1 },
    })
    const { records } = await partitionOf(leader, {})
    expect((records as unknown as Uint8Array[])[0]!.length).toBeGreaterThan(0)
  })

  test('FetchSnapshot refuses what is not there', async () => {
    const quorum = new SimulatedQuorum({ seed: 32 })
    const leader = await quorum.elected()
    await quorum.settled()
    const ask = async (facts: object) => {
      const partition = {
        partition: 0,
        currentLeaderEpoch: 1,
        snapshotId: { endOffset: 5, epoch: 1 },
        position: 0,
        replicaDirectoryId: directoryOf(7),
        ...facts,
      }
      const topics = [{ name: metadataTopic, partitions: [partition] }]
      const response = await leader.node.handle(FetchSnapshot, 1, { clusterId, replicaId: 7, maxBytes: 10, topics }, context)
      return response.topics[0]!.partitions[0]!.errorCode
    }
    expect(await ask({})).toBe(ErrorCode.SNAPSHOT_NOT_FOUND)
    expect(await ask({ partition: 1 })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(await ask({ currentLeaderEpoch: 0 })).toBe(ErrorCode.FENCED_LEADER_EPOCH)
  })

  test('Vote, BeginQuorumEpoch and EndQuorumEpoch are refused for another cluster, voter, epoch or topic', async () => {
    const quorum = new SimulatedQuorum({ seed: 33, isDynamic: true })
    const leader = await quorum.elected()
    await quorum.settled()
    const { node } = leader
    const vote = async (facts: object, more: object = {}) => {
      const partition = {
        partitionIndex: 0,
        replicaEpoch: 2,
        replicaId: 2,
        replicaDirectoryId: directoryOf(2),
        voterDirectoryId: directoryOf(leader.id),
        lastOffsetEpoch: 1,
        lastOffset: 0,
        preVote: true,
        ...facts,
      }
      const topics = [{ topicName: metadataTopic, partitions: [partition] }]
      const { errorCode, topics: answered } = await node.handle(
        Vote,
        2,
        { clusterId, voterId: leader.id, topics, ...more },
        context,
      )
      return errorCode || answered[0]!.partitions[0]!.errorCode
    }
    expect(await vote({}, { clusterId: 'other' })).toBe(ErrorCode.INCONSISTENT_CLUSTER_ID)
    expect(await vote({}, { topics: [] })).toBe(ErrorCode.INVALID_REQUEST)
    expect(await vote({ replicaEpoch: 0, lastOffsetEpoch: 0 })).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect(await vote({ lastOffsetEpoch: 2, preVote: false })).toBe(ErrorCode.INVALID_REQUEST)
    expect(await vote({ replicaEpoch: 1, voterDirectoryId: directoryOf(9) })).toBe(ErrorCode.INVALID_VOTER_KEY)
    const leaderTopics = (leaderEpoch: number, leaderId: number) => [
      {
        topicName: metadataTopic,
        partitions: [
          {
            partitionIndex: 0,
            voterDirectoryId: directoryOf(9),
            leaderId,
            leaderEpoch,
            preferredSuccessors: [],
            preferredCandidates: [],
          },
        ],
      },
    ]
    const begin = async (epoch: number, leaderId: number) => {
      const topics = leaderTopics(epoch, leaderId)
      const { topics: answered } = await follower(quorum).node.handle(
        BeginQuorumEpoch,
        1,
        { clusterId, voterId: -1, topics, leaderEndpoints: [] },
        context,
      )
      return answered[0]!.partitions[0]!.errorCode
    }
    expect(await begin(0, leader.id)).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect(await begin(1, -1)).toBe(ErrorCode.INVALID_REQUEST)
    const end = await follower(quorum).node.handle(
      EndQuorumEpoch,
      1,
      { clusterId, topics: leaderTopics(0, leader.id), leaderEndpoints: [] },
      context,
    )
    expect(end.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
  })

  test('a candidate that is not in controller.quorum.voters is told so', async () => {
    const quorum = new SimulatedQuorum({ seed: 35 })
    await quorum.elected()
    await quorum.settled()
    const partition = {
      partitionIndex: 0,
      replicaEpoch: 5,
      replicaId: 4,
      replicaDirectoryId: directoryOf(4),
      voterDirectoryId: directoryOf(1),
      lastOffsetEpoch: 1,
      lastOffset: 9,
      preVote: false,
    }
    const topics = [{ topicName: metadataTopic, partitions: [partition] }]
    const response = await quorum.member(1).node.handle(Vote, 2, { clusterId, voterId: 1, topics }, context)
    expect(response.topics[0]!.partitions[0]).toMatchObject({
      errorCode: ErrorCode.INCONSISTENT_VOTER_SET,
      voteGranted: false,
      leaderEpoch: 1,
    })
  })

  test('DescribeQuorum tells how far voters and observers have come, and forgets an observer that is gone', async () => {
    const quorum = new SimulatedQuorum({ seed: 34, observers: [9] })
    const leader = await quorum.elected()
    await quorum.settled()
    await quorum.pass(1000)
    const describeNow = async (member: Member) => {
      const topics = [{ topicName: metadataTopic, partitions: [{ partitionIndex: 0 }] }]
      const response = await member.node.handle(DescribeQuorum, 2, { topics }, context)
      return { partition: response.topics[0]!.partitions[0]!, nodes: response.nodes }
    }
    const { partition, nodes } = await describeNow(leader)
    expect(partition).toMatchObject({ errorCode: 0, leaderId: leader.id, leaderEpoch: 1, highWatermark: 1 })
    expect(partition.currentVoters.map(({ replicaId, logEndOffset }) => [replicaId, logEndOffset])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ])
    expect(partition.observers).toMatchObject([{ replicaId: 9, replicaDirectoryId: directoryOf(9), logEndOffset: 1 }])
    const nowMs = Date.UTC(2001, 0, 1) + quorum.nowMs
    for (const { lastFetchTimestamp, lastCaughtUpTimestamp } of [...partition.currentVoters, ...partition.observers]) {
      expect(nowMs - lastFetchTimestamp).toBeLessThan(600)
      expect(nowMs - lastCaughtUpTimestamp).toBeLessThan(600)
    }
    expect(nodes.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3])
    expect((await describeNow(follower(quorum))).partition.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    quorum.crash(9, false)
    await quorum.pass(301_000)
    expect((await describeNow(leader)).partition.observers).toEqual([])
  })
})
