import { ErrorCode, UnregisterBroker } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario, directoryOf } from '../testing/controller-scenario.ts'
import { supportedFeatures } from './features.ts'

const leadersOf = ({ image }: ControllerScenario, topic: string) =>
  image.topic(topic)!.partitions.map(({ leader, leaderEpoch, isr }) => [leader, leaderEpoch, isr])

describe('BrokerRegistration', () => {
  test('begins a broker fenced, with the offset of its record as epoch', () => {
    const scenario = new ControllerScenario([])
    const { answered } = scenario.register(1)
    expect(answered).toMatchObject({ errorCode: 0, brokerEpoch: scenario.log.length - 1 })
    expect([scenario.image.broker(1)!.fenced, scenario.image.isActive(1)]).toEqual([true, false])
    expect(scenario.heartbeat(1).answered).toMatchObject({ isFenced: false, isCaughtUp: true })
    expect(scenario.image.isActive(1)).toBe(true)
  })

  test.each([
    ['another cluster', { clusterId: 'XXXXXXXXXXXXXXXXXXXXXQ' }, ErrorCode.INCONSISTENT_CLUSTER_ID],
    ['no features', { features: [] }, ErrorCode.UNSUPPORTED_VERSION],
    [
      'a metadata.version below that of the cluster',
      {
        features: supportedFeatures.map(feature =>
          feature.name === 'metadata.version' ? { ...feature, maxSupportedVersion: 29 } : feature,
        ),
      },
      ErrorCode.UNSUPPORTED_VERSION,
    ],
    ['no directory', { logDirs: [] }, ErrorCode.INVALID_REGISTRATION],
    ['a directory twice', { logDirs: [directoryOf(2), directoryOf(2)] }, ErrorCode.INVALID_REGISTRATION],
    ['a reserved directory', { logDirs: ['AAAAAAAAAAAAAAAAAAAAAQ'] }, ErrorCode.INVALID_REGISTRATION],
    ['a directory of another broker', { logDirs: [directoryOf(1)] }, ErrorCode.INVALID_REGISTRATION],
    ['a ZooKeeper broker', { isMigratingZkBroker: true }, ErrorCode.BROKER_ID_NOT_REGISTERED],
  ])('refuses %s', (_, more, errorCode) => {
    const scenario = new ControllerScenario([1])
    const { answered, decided } = scenario.register(2, more)
    expect([answered.errorCode, answered.brokerEpoch, decided]).toEqual([errorCode, -1, []])
  })

  test('refuses a second process while the first is alive, and takes it when the session is over', () => {
    const scenario = new ControllerScenario([1])
    expect(scenario.register(1).answered.errorCode).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
    scenario.advance(8999)
    expect(scenario.register(1).answered.errorCode).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
    scenario.advance(1)
    expect(scenario.register(1).answered.errorCode).toBe(0)
  })

  test('takes a new process at once that follows an orderly end, or a broker that this controller never heard', () => {
    const scenario = new ControllerScenario([1])
    scenario.heartbeat(1, { wantShutDown: true })
    expect(scenario.register(1).answered.errorCode).toBe(0)
    scenario.state.sessions.grant(1, scenario.nowMs)
    expect(scenario.register(1).answered.errorCode).toBe(0)
  })

  test('lets the same process amend what it said, and leaves its epoch', () => {
    const scenario = new ControllerScenario([1])
    const { epoch, incarnationId } = scenario.image.broker(1)!
    const more = { incarnationId, rack: 'r2', logDirs: [directoryOf(1), directoryOf(1, 1)] }
    expect(scenario.register(1, more).answered).toMatchObject({ errorCode: 0, brokerEpoch: epoch })
    expect(scenario.image.broker(1)).toMatchObject({ fenced: false, rack: 'r2', logDirs: more.logDirs })
  })

  test('of a new process takes the old one from the in-sync sets; its only copies lead again in a new epoch', () => {
    const scenario = new ControllerScenario([1])
    scenario.create('t')
    scenario.advance(9000)
    scenario.register(1)
    expect(leadersOf(scenario, 't')).toEqual([[-1, 1, []]])
    expect(scenario.partition('t').offlineReplicas).toEqual([1])
    scenario.heartbeat(1)
    expect(leadersOf(scenario, 't')).toEqual([[1, 2, [1]]])
  })

  test('after an unclean end takes the broker from the eligible replicas too; after a clean one it stays', () => {
    for (const clean of [true, false]) {
      const scenario = new ControllerScenario([1, 2])
      scenario.createOn('t', [1, 2], { 'min.insync.replicas': '2' })
      const previousBrokerEpoch = clean ? scenario.image.broker(2)!.epoch : -1
      scenario.advance(9000)
      scenario.register(2, { previousBrokerEpoch })
      expect(scenario.partition('t')).toMatchObject({ isr: [1], eligibleLeaderReplicas: clean ? [2] : [] })
    }
  })
})

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
    scenario.heartbeat(3, { offlineLogDirs: [logDirs[1]!] })
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

test('UnregisterBroker takes a broker from every in-sync and eligible set, and forgets it', () => {
  const scenario = new ControllerScenario([1, 2, 3])
  scenario.createOn('t', [1, 2, 3], { 'min.insync.replicas': '3' })
  scenario.alterPartition('t', [1, 2])
  expect(scenario.partition('t').eligibleLeaderReplicas).toEqual([3])
  expect(scenario.decide(UnregisterBroker, { brokerId: 3 }).answered.errorCode).toBe(0)
  expect(scenario.partition('t')).toMatchObject({ isr: [1, 2], eligibleLeaderReplicas: [] })
  expect(scenario.image.broker(3)).toBeUndefined()
  expect(scenario.decide(UnregisterBroker, { brokerId: 3 }).answered).toMatchObject({
    errorCode: ErrorCode.BROKER_ID_NOT_REGISTERED,
    errorMessage: 'Broker ID 3 is not currently registered',
  })
})
