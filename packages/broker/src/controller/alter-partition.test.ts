import { AlterPartition, ErrorCode, zeroUuid } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'

function threeReplicas(configs: Record<string, string> = {}) {
  const scenario = new ControllerScenario([1, 2, 3])
  scenario.createOn('t', [1, 2, 3], configs)
  return scenario
}

describe('AlterPartition', () => {
  test('shrinks and expands the in-sync set: a new partition epoch, the same leader epoch', () => {
    const scenario = threeReplicas()
    expect(scenario.alterPartition('t', [1, 2]).result).toEqual({
      partitionIndex: 0,
      errorCode: 0,
      leaderId: 1,
      leaderEpoch: 0,
      isr: [1, 2],
      leaderRecoveryState: 0,
      partitionEpoch: 1,
    })
    expect(scenario.partition('t')).toMatchObject({ isr: [1, 2], leaderEpoch: 0, partitionEpoch: 1 })
    expect(scenario.alterPartition('t', [1, 2, 3]).result).toMatchObject({ errorCode: 0, leaderEpoch: 0, partitionEpoch: 2 })
  })

  test('before metadata.version 3.6-IV0 a smaller set begins a leader epoch', () => {
    const scenario = threeReplicas()
    scenario.write([{ type: 'FeatureLevelRecord', value: { name: 'metadata.version', featureLevel: 11 } }])
    expect(scenario.alterPartition('t', [1, 2]).result).toMatchObject({ leaderEpoch: 1, partitionEpoch: 1 })
    expect(scenario.alterPartition('t', [1, 2, 3]).result).toMatchObject({ leaderEpoch: 1, partitionEpoch: 2 })
  })

  test('that changes nothing is answered with what is there, and writes nothing', () => {
    const { result, decided } = threeReplicas().alterPartition('t', [1, 2, 3])
    expect([result, decided]).toMatchObject([{ errorCode: 0, partitionEpoch: 0 }, []])
  })

  test('below min.insync.replicas keeps who left eligible until the set is large enough again', () => {
    const scenario = threeReplicas({ 'min.insync.replicas': '2' })
    scenario.alterPartition('t', [1, 2])
    expect(scenario.partition('t').eligibleLeaderReplicas).toEqual([])
    scenario.alterPartition('t', [1])
    expect(scenario.partition('t')).toMatchObject({ isr: [1], eligibleLeaderReplicas: [2] })
    scenario.alterPartition('t', [1, 3])
    expect(scenario.partition('t')).toMatchObject({ isr: [1, 3], eligibleLeaderReplicas: [] })
  })

  test.each([
    ['a leader epoch of the future', { leaderEpoch: 5 }, ErrorCode.NOT_CONTROLLER],
    ['a partition epoch of the future', { partitionEpoch: 5 }, ErrorCode.NOT_CONTROLLER],
    ['a leader epoch of the past', { leaderEpoch: -1 }, ErrorCode.FENCED_LEADER_EPOCH],
    ['a partition epoch of the past', { partitionEpoch: -1 }, ErrorCode.INVALID_UPDATE_VERSION],
    ['a partition that is not there', { partitionIndex: 1 }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ['recovering with followers in sync', { leaderRecoveryState: 1 }, ErrorCode.INVALID_REQUEST],
    ['an unknown recovery state', { leaderRecoveryState: 2 }, ErrorCode.INVALID_REQUEST],
  ])('refuses %s', (_, more, errorCode) => {
    const { result, decided } = threeReplicas().alterPartition('t', [1, 2], more)
    expect([result!.errorCode, decided]).toEqual([errorCode, []])
  })

  test.each([
    ['without the leader', [2, 3]],
    ['with a broker that has no replica', [1, 4]],
    ['with a broker twice', [1, 2, 2]],
    ['that is empty', []],
  ])('refuses a set %s', (_, isr) => {
    const { result, decided } = threeReplicas().alterPartition('t', isr)
    expect([result!.errorCode, decided]).toEqual([ErrorCode.INVALID_REQUEST, []])
  })

  test('refuses to call a recovered leader recovering', () => {
    const { result } = threeReplicas().alterPartition('t', [1], { leaderRecoveryState: 1 })
    expect(result!.errorCode).toBe(ErrorCode.INVALID_REQUEST)
  })

  test('refuses another than the leader, a stale broker and an unknown topic', () => {
    const scenario = threeReplicas()
    const { topicId } = scenario.image.topic('t')!
    const row = {
      partitionIndex: 0,
      leaderEpoch: 0,
      newIsr: [],
      newIsrWithEpochs: [{ brokerId: 1, brokerEpoch: -1 }],
      leaderRecoveryState: 0,
      partitionEpoch: 0,
    }
    const ask = (brokerId: number, brokerEpoch: number, id: string) => {
      const { answered } = scenario.decide(AlterPartition, {
        brokerId,
        brokerEpoch,
        topics: [{ topicId: id, partitions: [row] }],
      })
      return [answered.errorCode, answered.topics[0]?.partitions[0]?.errorCode]
    }
    const { epoch } = scenario.image.broker(2)!
    expect(ask(2, epoch, topicId)).toEqual([0, ErrorCode.INVALID_REQUEST])
    expect(ask(2, epoch - 1, topicId)).toEqual([ErrorCode.STALE_BROKER_EPOCH, undefined])
    expect(ask(9, 0, topicId)).toEqual([ErrorCode.STALE_BROKER_EPOCH, undefined])
    expect(ask(2, epoch, zeroUuid)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_ID])
  })

  test('refuses a replica that is fenced, shutting down, or another process than the leader saw', () => {
    const fenced = threeReplicas()
    fenced.heartbeat(3, { wantFence: true })
    expect(fenced.alterPartition('t', [1, 2, 3]).result!.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA)

    const stopping = threeReplicas()
    stopping.createOn('u', [3])
    stopping.heartbeat(3, { wantShutDown: true })
    expect(stopping.image.broker(3)!.fenced).toBe(false)
    expect(stopping.alterPartition('t', [1, 2, 3]).result!.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA)

    const replaced = threeReplicas()
    replaced.alterPartition('t', [1, 2])
    const seen = replaced.image.broker(3)!.epoch
    replaced.advance(9000)
    replaced.register(3)
    replaced.heartbeat(3)
    const withEpoch = (brokerEpoch: number) => ({
      newIsrWithEpochs: [1, 2].map(brokerId => ({ brokerId, brokerEpoch: -1 })).concat([{ brokerId: 3, brokerEpoch }]),
    })
    expect(replaced.alterPartition('t', [], withEpoch(seen)).result!.errorCode).toBe(ErrorCode.INELIGIBLE_REPLICA)
    expect(replaced.alterPartition('t', [], withEpoch(-1)).result!.errorCode).toBe(0)
  })

  test('of version 2 names no epochs', () => {
    const scenario = threeReplicas()
    expect(scenario.alterPartition('t', [1, 2], { newIsrWithEpochs: [] }, 2).result!.errorCode).toBe(0)
    expect(scenario.partition('t').isr).toEqual([1, 2])
  })

  test('tells that the leader has recovered', () => {
    const scenario = new ControllerScenario([1, 2])
    scenario.createOn('t', [1, 2], { 'unclean.leader.election.enable': 'true' })
    scenario.alterPartition('t', [1])
    scenario.heartbeat(1, { wantFence: true })
    expect(scenario.partition('t')).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1 })
    scenario.heartbeat(1)
    expect(scenario.alterPartition('t', [2, 1]).result!.errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(scenario.alterPartition('t', [2], { leaderRecoveryState: 0 }).result).toMatchObject({ leaderRecoveryState: 0 })
    expect(scenario.alterPartition('t', [2, 1]).result!.errorCode).toBe(0)
  })
})
