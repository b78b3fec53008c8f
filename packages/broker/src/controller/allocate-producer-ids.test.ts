import { AllocateProducerIds, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { controllerOf } from '../testing/controller-scenario.ts'

describe('AllocateProducerIds', () => {
  test('gives every block once', () => {
    const { decide, image } = controllerOf([1])
    const brokerEpoch = image.broker(1)!.epoch
    const blocks = [0, 1].map(() => decide(AllocateProducerIds, { brokerId: 1, brokerEpoch }).answered)
    expect(blocks.map(({ producerIdStart, producerIdLen }) => [producerIdStart, producerIdLen])).toEqual([
      [0, 1000],
      [1000, 1000],
    ])
  })

  test('refuses a broker of an earlier epoch', () => {
    const { decide } = controllerOf([1])
    expect(decide(AllocateProducerIds, { brokerId: 1, brokerEpoch: 1 }).answered.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH)
  })
})
