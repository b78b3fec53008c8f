import { CreatePartitions, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { controllerOf } from '../testing/controller-scenario.ts'

describe('CreatePartitions', () => {
  test('adds partitions behind the present ones', () => {
    const { create, decide, image } = controllerOf([1])
    create('t')
    const topics = [{ name: 't', count: 3, assignments: null }]
    expect(decide(CreatePartitions, { topics, timeoutMs: 0, validateOnly: false }).answered.results[0]!.errorCode).toBe(0)
    expect(image.topic('t')!.partitions).toHaveLength(3)
  })

  test.each([
    ['the number that there is', { name: 't', count: 2, assignments: null }, ErrorCode.INVALID_PARTITIONS],
    ['fewer', { name: 't', count: 1, assignments: null }, ErrorCode.INVALID_PARTITIONS],
    ['an unknown topic', { name: 'x', count: 3, assignments: null }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    [
      'too many assignments',
      { name: 't', count: 3, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] },
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ],
    ['an unknown broker', { name: 't', count: 3, assignments: [{ brokerIds: [7] }] }, ErrorCode.INVALID_REPLICA_ASSIGNMENT],
  ])('refuses %s', (_, topic, errorCode) => {
    const { create, decide } = controllerOf([1])
    create('t', { numPartitions: 2 })
    const { answered, decided } = decide(CreatePartitions, { topics: [topic], timeoutMs: 0, validateOnly: false })
    expect([answered.results[0]!.errorCode, decided]).toEqual([errorCode, []])
  })
})
