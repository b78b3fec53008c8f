import { ErrorCode, UnregisterBroker } from '@millrace/protocol'
import { expect, test } from 'vitest'
import { ControllerScenario } from '../testing/controller-scenario.ts'

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
