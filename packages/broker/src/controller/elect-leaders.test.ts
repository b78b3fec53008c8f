import { ElectLeaders, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'

const preferred = 0
const unclean = 1

function elect(scenario: ControllerScenario, electionType: number, partitions: number[] | null = [0], topic = 't') {
  const topicPartitions = partitions && [{ topic, partitions }]
  const { answered, decided } = scenario.decide(ElectLeaders, { electionType, topicPartitions, timeoutMs: 0 })
  return { errorCode: answered.errorCode, results: answered.replicaElectionResults, decided }
}

const codeOf = ({ results }: ReturnType<typeof elect>) => results[0]!.partitionResult[0]!.errorCode

function threeReplicas() {
  const scenario = new ControllerScenario([1, 2, 3])
  scenario.createOn('t', [1, 2, 3], { 'min.insync.replicas': '1' })
  return scenario
}

describe('ElectLeaders', () => {
  test('gives the preferred replica the lead when it is in sync again', () => {
    const scenario = threeReplicas()
    expect(codeOf(elect(scenario, preferred))).toBe(ErrorCode.ELECTION_NOT_NEEDED)
    scenario.heartbeat(1, { wantFence: true })
    expect(codeOf(elect(scenario, preferred))).toBe(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
    scenario.heartbeat(1)
    expect(codeOf(elect(scenario, preferred))).toBe(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
    scenario.alterPartition('t', [2, 3, 1])
    expect(codeOf(elect(scenario, preferred))).toBe(0)
    expect(scenario.partition('t')).toMatchObject({ leader: 1, leaderEpoch: 2, isr: [2, 3, 1] })
  })

  test('gives a replica that is not in sync the lead only when it is asked to, and then the leader is recovering', () => {
    const scenario = threeReplicas()
    scenario.alterPartition('t', [1])
    expect(codeOf(elect(scenario, unclean))).toBe(ErrorCode.ELECTION_NOT_NEEDED)
    scenario.heartbeat(1, { wantFence: true })
    expect(scenario.partition('t').leader).toBe(-1)
    expect(codeOf(elect(scenario, preferred))).toBe(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
    expect(codeOf(elect(scenario, unclean))).toBe(0)
    expect(scenario.partition('t')).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1, eligibleLeaderReplicas: [] })
  })

  test('has nobody to elect when every replica is down', () => {
    const scenario = threeReplicas()
    for (const id of [1, 2, 3]) scenario.heartbeat(id, { wantFence: true })
    const result = elect(scenario, unclean)
    expect([codeOf(result), result.decided]).toEqual([ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, []])
  })

  test('of all partitions answers for those that needed it', () => {
    const scenario = new ControllerScenario([1, 2])
    scenario.createOn('a', [1, 2])
    scenario.createOn('b', [2, 1])
    scenario.heartbeat(1, { wantFence: true })
    scenario.heartbeat(1)
    scenario.alterPartition('a', [2, 1])
    expect(elect(scenario, preferred, null).results).toEqual([
      { topic: 'a', partitionResult: [{ partitionId: 0, errorCode: 0, errorMessage: null }] },
      { topic: 'b', partitionResult: [] },
    ])
  })

  test('refuses what is not there, what is named twice and an unknown type', () => {
    const scenario = threeReplicas()
    expect(codeOf(elect(scenario, preferred, [7]))).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(codeOf(elect(scenario, preferred, [0], 'x'))).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(elect(scenario, preferred, [0, 0]).results[0]!.partitionResult[1]!.errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(elect(scenario, 2).errorCode).toBe(ErrorCode.INVALID_REQUEST)
  })
})
