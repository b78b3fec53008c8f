import { AlterPartitionReassignments, ErrorCode, ListPartitionReassignments } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'

function reassign(
  scenario: ControllerScenario,
  replicas: readonly number[] | null,
  { name = 't', partitionIndex = 0, allowReplicationFactorChange = true } = {},
) {
  const topics = [{ name, partitions: [{ partitionIndex, replicas }] }]
  const { answered, decided } = scenario.decide(AlterPartitionReassignments, {
    timeoutMs: 0,
    allowReplicationFactorChange,
    topics,
  })
  return { ...answered.responses[0]!.partitions[0]!, decided }
}

function topicOn(brokerIds: readonly number[], configs: Record<string, string> = {}) {
  const scenario = new ControllerScenario([1, 2, 3, 4])
  scenario.createOn('t', brokerIds, configs)
  return scenario
}

function list(scenario: ControllerScenario) {
  const { answered } = scenario.decide(ListPartitionReassignments, { timeoutMs: 0, topics: null })
  return answered.topics
}

describe('AlterPartitionReassignments', () => {
  test('adds the new replicas, and drops the old ones when the new are in sync', () => {
    const scenario = topicOn([1, 2])
    expect(reassign(scenario, [3, 4]).errorCode).toBe(0)
    expect(scenario.partition('t')).toMatchObject({
      replicas: [3, 4, 1, 2],
      isr: [1, 2],
      leader: 1,
      leaderEpoch: 0,
      addingReplicas: [3, 4],
      removingReplicas: [1, 2],
    })
    expect(list(scenario)).toEqual([
      {
        name: 't',
        partitions: [{ partitionIndex: 0, replicas: [3, 4, 1, 2], addingReplicas: [3, 4], removingReplicas: [1, 2] }],
      },
    ])
    expect(scenario.alterPartition('t', [1, 2, 3]).result!.errorCode).toBe(0)
    expect(scenario.alterPartition('t', [1, 2, 3, 4]).result!.errorCode).toBe(ErrorCode.NEW_LEADER_ELECTED)
    expect(scenario.partition('t')).toMatchObject({
      replicas: [3, 4],
      isr: [3, 4],
      leader: 3,
      leaderEpoch: 1,
      addingReplicas: [],
      removingReplicas: [],
    })
    expect(list(scenario)).toEqual([])
  })

  test('that only removes or reorders is done at once, in a new leader epoch when a replica goes', () => {
    const scenario = topicOn([1, 2, 3])
    reassign(scenario, [2, 1, 3])
    expect(scenario.partition('t')).toMatchObject({ replicas: [2, 1, 3], leader: 1, leaderEpoch: 0 })
    reassign(scenario, [1, 2])
    expect(scenario.partition('t')).toMatchObject({ replicas: [1, 2], isr: [1, 2], leader: 1, leaderEpoch: 1 })
  })

  test('keeps the directories of replicas that stay', () => {
    const scenario = topicOn([1, 2])
    const [first, second] = scenario.partition('t').directories
    reassign(scenario, [3, 2])
    expect(scenario.partition('t').directories).toEqual([scenario.image.broker(3)!.logDirs[0], second, first])
  })

  test('is taken back by null: the replicas that were added go, those in sync lead', () => {
    const scenario = topicOn([1, 2])
    reassign(scenario, [3, 4])
    scenario.alterPartition('t', [1, 3])
    expect(reassign(scenario, null).errorCode).toBe(0)
    expect(scenario.partition('t')).toMatchObject({
      replicas: [1, 2],
      isr: [1],
      leader: 1,
      leaderEpoch: 1,
      addingReplicas: [],
      removingReplicas: [],
    })
    expect(reassign(scenario, null).errorCode).toBe(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
  })

  test('is not taken back when only an added replica is in sync, unless unclean elections are allowed', () => {
    for (const allowed of [false, true]) {
      const scenario = topicOn([1], { 'unclean.leader.election.enable': String(allowed), 'min.insync.replicas': '1' })
      reassign(scenario, [3, 4])
      scenario.alterPartition('t', [1, 3])
      scenario.heartbeat(1, { wantFence: true })
      expect(scenario.partition('t')).toMatchObject({ leader: 3, isr: [3] })
      if (allowed) scenario.heartbeat(1)
      const { errorCode } = reassign(scenario, null)
      expect(errorCode).toBe(allowed ? 0 : ErrorCode.INVALID_REPLICA_ASSIGNMENT)
      expect(scenario.partition('t')).toMatchObject(
        allowed ? { replicas: [1], isr: [1], leader: 1, leaderRecoveryState: 1 } : { leader: 3, isr: [3] },
      )
    }
  })

  test('may be replaced by another one, and then goes back to where it began', () => {
    const scenario = topicOn([1, 2])
    reassign(scenario, [1, 3])
    reassign(scenario, [1, 4])
    expect(scenario.partition('t')).toMatchObject({ replicas: [1, 4, 2, 3], addingReplicas: [4], removingReplicas: [2, 3] })
    scenario.alterPartition('t', [1, 2, 4])
    expect(scenario.partition('t')).toMatchObject({ replicas: [1, 4], isr: [1, 4], addingReplicas: [], removingReplicas: [] })
  })

  test.each([
    ['an unknown broker', [1, 9], {}, ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ['a broker twice', [1, 1], {}, ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ['no broker', [], {}, ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ['an unknown topic', [1], { name: 'x' }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ['an unknown partition', [1], { partitionIndex: 1 }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    [
      'another number of replicas where that is not allowed',
      [1, 2, 3],
      { allowReplicationFactorChange: false },
      ErrorCode.INVALID_REPLICATION_FACTOR,
    ],
  ])('refuses %s', (_, replicas, more, errorCode) => {
    const result = reassign(topicOn([1, 2]), replicas, more)
    expect([result.errorCode, result.decided]).toEqual([errorCode, []])
    expect(result.errorMessage).not.toBe('')
  })

  test('compares the number of replicas with that of the reassignment under way', () => {
    const scenario = topicOn([1, 2])
    reassign(scenario, [3, 4])
    expect(reassign(scenario, [2, 3], { allowReplicationFactorChange: false }).errorCode).toBe(0)
  })

  test('follows a broker that is down: it completes when that is back in sync', () => {
    const scenario = topicOn([1, 2])
    scenario.heartbeat(4, { wantFence: true })
    expect(reassign(scenario, [1, 4]).errorCode).toBe(0)
    expect(scenario.alterPartition('t', [1, 2, 4]).result!.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA)
    scenario.heartbeat(4)
    expect(scenario.alterPartition('t', [1, 2, 4]).result).toMatchObject({ errorCode: 0, isr: [1, 4] })
  })
})
