import { ErrorCode } from '@millrace/protocol'
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
