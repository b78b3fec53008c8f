import { ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario, directoryOf } from '../testing/controller-scenario.ts'

const leadersOf = ({ image }: ControllerScenario, topic: string) =>
  image.topic(topic)!.partitions.map(({ leader, leaderEpoch, isr }) => [leader, leaderEpoch, isr])

describe('BrokerHeartbeat', () => {
  test('of a process that was replaced, or of nobody, is STALE_BROKER_EPOCH', () => {
    const scenario = new ControllerScenario([1])
    expect(scenario.heartbeat(1, { brokerEpoch: 0 }).answered.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH)
    expect(scenario.heartbeat(1, { brokerId: 9 }).answered.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH)
  })

  test('leaves a broker fenced until it has read its own registration, or as long as it wants to be', () => {
    const scenario = new ControllerScenario([])
    scenario.register(1)
    expect(scenario.heartbeat(1, { currentMetadataOffset: 0 }).answered).toMatchObject({ isFenced: true, isCaughtUp: false })
    expect(scenario.heartbeat(1, { wantFence: true }).answered).toMatchObject({ isFenced: true, isCaughtUp: true })
    expect(scenario.heartbeat(1).answered).toMatchObject({ isFenced: false, isCaughtUp: true })
  })

  test('of a running broker writes nothing', () => {
    const scenario = new ControllerScenario([1, 2])
    scenario.createOn('t', [1, 2])
    expect(scenario.heartbeat(1).decided).toEqual([])
  })

  test('that wants to be fenced moves its leaders', () => {
    const scenario = new ControllerScenario([1, 2])
    scenario.createOn('t', [1, 2])
    expect(scenario.heartbeat(1, { wantFence: true }).answered.isFenced).toBe(true)
    expect(leadersOf(scenario, 't')).toEqual([[2, 1, [2]]])
  })

  test('that wants to shut down moves its leaders, and may go when every active broker has heard', () => {
    const scenario = new ControllerScenario([1, 2, 3])
    scenario.createOn('t', [1, 2, 3])
    const stop = () => scenario.heartbeat(1, { wantShutDown: true }).answered
    expect(stop()).toMatchObject({ shouldShutDown: false, isFenced: false })
    expect(scenario.image.broker(1)).toMatchObject({ fenced: false, inControlledShutdown: true })
    expect(leadersOf(scenario, 't')).toEqual([[2, 1, [2, 3]]])
    const movedAt = scenario.log.length - 1
    scenario.heartbeat(2, { currentMetadataOffset: movedAt })
    scenario.heartbeat(3, { currentMetadataOffset: movedAt - 1 })
    expect(stop()).toMatchObject({ shouldShutDown: false })
    scenario.heartbeat(3, { currentMetadataOffset: movedAt })
    expect(stop()).toMatchObject({ shouldShutDown: true, isFenced: true })
    expect(scenario.image.broker(1)).toMatchObject({ fenced: true, inControlledShutdown: true })
    expect(stop()).toMatchObject({ shouldShutDown: true, isFenced: true })
  })

  test('that wants to shut down may go at once when it leads nothing or nobody else is there', () => {
    const two = new ControllerScenario([1, 2])
    two.createOn('t', [2, 1])
    expect(two.heartbeat(1, { wantShutDown: true }).answered.shouldShutDown).toBe(true)
    expect(leadersOf(two, 't')).toEqual([[2, 0, [2]]])
    const alone = new ControllerScenario([1])
    alone.create('t')
    expect(alone.heartbeat(1, { wantShutDown: true }).answered.shouldShutDown).toBe(true)
    expect(leadersOf(alone, 't')).toEqual([[-1, 1, []]])
  })

  test('of brokers that all shut down does not wait for one another', () => {
    const scenario = new ControllerScenario([1, 2])
    scenario.createOn('t', [1, 2])
    expect(scenario.heartbeat(1, { wantShutDown: true }).answered.shouldShutDown).toBe(false)
    expect(scenario.heartbeat(2, { wantShutDown: true }).answered.shouldShutDown).toBe(true)
    expect(scenario.heartbeat(1, { wantShutDown: true }).answered.shouldShutDown).toBe(true)
    expect(leadersOf(scenario, 't')).toEqual([[-1, 2, []]])
    expect(scenario.partition('t').eligibleLeaderReplicas).toEqual([2])
  })

  test('that tells of a lost directory takes the replicas in it out of service, and no others', () => {
    const scenario = new ControllerScenario([1, 2])
    const logDirs = [directoryOf(3), directoryOf(3, 1)]
    scenario.register(3, { logDirs })
    scenario.heartbeat(3)
    for (const [index, name] of ['a', 'b'].entries()) {
      scenario.createOn(name, [3, 1, 2])
      scenario.write([
        {
          type: 'PartitionChangeRecord',
          value: {
            partitionId: 0,
            topicId: scenario.image.topic(name)!.topicId,
            isr: null,
            leader: -2,
            replicas: null,
            removingReplicas: null,
            addingReplicas: null,
            leaderRecoveryState: -1,
            directories: [logDirs[index]!, directoryOf(1), directoryOf(2)],
            eligibleLeaderReplicas: null,
            lastKnownElr: null,
          },
        },
      ])
    }
    const { notice } = scenario.heartbeat(3, { offlineLogDirs: [logDirs[1]!] })
    expect(notice).toEqual({
      level: 'warn',
      event: 'controller.broker-directories',
      facts: { brokerId: 3, partitions: 1, onlineLogDirs: logDirs[0] },
    })
    expect(scenario.image.broker(3)!.logDirs).toEqual([logDirs[0]])
    expect([leadersOf(scenario, 'a'), leadersOf(scenario, 'b')]).toEqual([[[3, 0, [3, 1, 2]]], [[1, 1, [1, 2]]]])
    expect(scenario.heartbeat(3, { offlineLogDirs: [logDirs[1]!] }).decided).toEqual([])
  })

  test('keeps the directories that are cordoned', () => {
    const scenario = new ControllerScenario([1])
    scenario.heartbeat(1, { cordonedLogDirs: [directoryOf(1)] })
    expect(scenario.image.broker(1)!.registration.cordonedLogDirs).toEqual([directoryOf(1)])
    expect(scenario.create('t').result.errorCode).toBe(ErrorCode.INVALID_REPLICATION_FACTOR)
    scenario.heartbeat(1, { cordonedLogDirs: [] })
    expect(scenario.create('t').result.errorCode).toBe(0)
  })
})
