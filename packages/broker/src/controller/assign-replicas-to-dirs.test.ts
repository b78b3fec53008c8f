import { AssignReplicasToDirs, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario, directoryOf } from '../testing/controller-scenario.ts'

const here = directoryOf(3)
const there = directoryOf(3, 1)

function scenarioOf() {
  const scenario = new ControllerScenario([1, 2])
  scenario.register(3, { logDirs: [here, there] })
  scenario.heartbeat(3)
  scenario.createOn('t', [3, 1])
  scenario.createOn('u', [1])
  return scenario
}

function assign(scenario: ControllerScenario, id: string, { topic = 't', partitionIndex = 0, brokerEpoch = -1 } = {}) {
  const topicId = scenario.image.topic(topic)?.topicId ?? topic
  const { answered, decided } = scenario.decide(AssignReplicasToDirs, {
    brokerId: 3,
    brokerEpoch: brokerEpoch < 0 ? scenario.image.broker(3)!.epoch : brokerEpoch,
    directories: [{ id, topics: [{ topicId, partitions: [{ partitionIndex }] }] }],
  })
  return { errorCode: answered.errorCode, partition: answered.directories[0]?.topics[0]?.partitions[0], decided }
}

describe('AssignReplicasToDirs', () => {
  test('puts the replica into the directory, and nothing else changes', () => {
    const scenario = scenarioOf()
    expect(scenario.partition('t').directories).toEqual(['AAAAAAAAAAAAAAAAAAAAAA', directoryOf(1)])
    expect(assign(scenario, there)).toMatchObject({ errorCode: 0, partition: { errorCode: 0 } })
    expect(scenario.partition('t')).toMatchObject({
      directories: [there, directoryOf(1)],
      leader: 3,
      leaderEpoch: 0,
      isr: [3, 1],
    })
    expect(assign(scenario, there).decided).toEqual([])
  })

  test('in a directory that is lost takes the replica out of the in-sync set', () => {
    const scenario = scenarioOf()
    scenario.heartbeat(3, { offlineLogDirs: [there] })
    assign(scenario, there)
    expect(scenario.partition('t')).toMatchObject({ leader: 1, isr: [1], leaderEpoch: 1 })
    assign(scenario, here)
    expect(scenario.alterPartition('t', [1, 3]).result!.errorCode).toBe(0)
  })

  test('refuses a stale broker, and what it has no replica of', () => {
    const scenario = scenarioOf()
    expect(assign(scenario, here, { brokerEpoch: 0 }).errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH)
    expect(assign(scenario, here, { topic: 'XXXXXXXXXXXXXXXXXXXXXQ' }).partition!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
    expect(assign(scenario, here, { partitionIndex: 5 }).partition!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(assign(scenario, here, { topic: 'u' }).partition!.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  test('needs metadata.version 3.7-IV2', () => {
    const scenario = scenarioOf()
    scenario.write([{ type: 'FeatureLevelRecord', value: { name: 'metadata.version', featureLevel: 16 } }])
    expect(assign(scenario, here).errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
  })
})
