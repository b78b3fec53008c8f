import { CreateTopics, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { controllerOf, directoryOf as directory } from '../testing/controller-scenario.ts'

describe('CreateTopics', () => {
  test('writes topic, settings and partitions, and answers what the topic became', () => {
    const { create, image } = controllerOf([1])
    const { result, decided } = create('orders', { numPartitions: 2, configs: [{ name: 'retention.ms', value: '60000' }] })
    const topicId = result.topicId
    expect(decided).toEqual([
      { type: 'TopicRecord', value: { name: 'orders', topicId } },
      { type: 'ConfigRecord', value: { resourceType: 2, resourceName: 'orders', name: 'retention.ms', value: '60000' } },
      ...[0, 1].map(partitionId => ({
        type: 'PartitionRecord',
        value: {
          topicId,
          partitionId,
          replicas: [1],
          isr: [1],
          removingReplicas: [],
          addingReplicas: [],
          leader: 1,
          leaderRecoveryState: 0,
          leaderEpoch: 0,
          partitionEpoch: 0,
          directories: [directory(1)],
          eligibleLeaderReplicas: null,
          lastKnownElr: null,
        },
      })),
    ])
    expect(result).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1 })
    expect(result.configs).toContainEqual({
      name: 'retention.ms',
      value: '60000',
      readOnly: false,
      configSource: 1,
      isSensitive: false,
    })
    expect(image.topic('orders')!.partitions.map(({ leader, offlineReplicas }) => [leader, offlineReplicas])).toEqual([
      [1, []],
      [1, []],
    ])
  })

  test('takes -1 as the defaults of the broker', () => {
    const { create } = controllerOf([1, 2], { 'num.partitions': '3', 'default.replication.factor': '2' })
    expect(create('t', { numPartitions: -1, replicationFactor: -1 }).result).toMatchObject({
      numPartitions: 3,
      replicationFactor: 2,
    })
  })

  test('changes nothing with validateOnly', () => {
    const { create, image } = controllerOf([1])
    const { result, decided } = create('t', {}, true)
    expect([result.errorCode, decided, image.topic('t')]).toEqual([0, [], undefined])
  })

  test('follows an assignment by hand', () => {
    const { create, image } = controllerOf([1, 2])
    const assignments = [
      { partitionIndex: 1, brokerIds: [1, 2] },
      { partitionIndex: 0, brokerIds: [2, 1] },
    ]
    expect(create('t', { numPartitions: -1, replicationFactor: -1, assignments }).result.errorCode).toBe(0)
    expect(image.topic('t')!.partitions.map(({ replicas, leader }) => [replicas, leader])).toEqual([
      [[2, 1], 2],
      [[1, 2], 1],
    ])
  })

  test.each([
    ['an empty name', '', {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ['a name with a slash', 'a/b', {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ['two dots', '..', {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ['250 characters', 'x'.repeat(250), {}, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ['the topic of the controller', '__cluster_metadata', {}, ErrorCode.INVALID_REQUEST],
    ['no partitions', 't', { numPartitions: 0 }, ErrorCode.INVALID_PARTITIONS],
    ['no replicas', 't', { replicationFactor: 0 }, ErrorCode.INVALID_REPLICATION_FACTOR],
    ['more replicas than brokers', 't', { replicationFactor: 2 }, ErrorCode.INVALID_REPLICATION_FACTOR],
    ['an unknown setting', 't', { configs: [{ name: 'retention', value: '1' }] }, ErrorCode.INVALID_CONFIG],
    ['a setting out of range', 't', { configs: [{ name: 'retention.ms', value: '-2' }] }, ErrorCode.INVALID_CONFIG],
    ['a setting without a value', 't', { configs: [{ name: 'retention.ms', value: null }] }, ErrorCode.INVALID_CONFIG],
    [
      'a value that is too long',
      't',
      { configs: [{ name: 'cleanup.policy', value: 'delete,'.repeat(5000) }] },
      ErrorCode.INVALID_CONFIG,
    ],
    ['more partitions than one change may have', 't', { numPartitions: 10_001 }, ErrorCode.POLICY_VIOLATION],
    [
      'an unknown broker',
      't',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [9] }] },
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ],
    [
      'a broker twice',
      't',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] },
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ],
    [
      'a gap',
      't',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ],
    [
      'an assignment and a number',
      't',
      { replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] },
      ErrorCode.INVALID_REQUEST,
    ],
  ])('refuses %s', (_, name, more, errorCode) => {
    const { create, image } = controllerOf([1])
    const { result, decided } = create(name, more)
    expect([result.errorCode, decided, [...image.topics()]]).toEqual([errorCode, [], []])
    expect(result.errorMessage).not.toBe('')
  })

  test('refuses a name that is there, and one that differs from it in dots and underscores alone', () => {
    const { create } = controllerOf([1])
    create('a.b')
    expect(create('a.b').result.errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS)
    expect(create('a_b').result).toMatchObject({
      errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
      errorMessage: "Topic 'a_b' collides with existing topic: a.b",
    })
  })

  test('refuses a topic that the request names twice, and creates the others', () => {
    const { decide } = controllerOf([1])
    const topic = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })
    const { answered } = decide(CreateTopics, { topics: [topic('a'), topic('b'), topic('a')], timeoutMs: 0, validateOnly: false })
    expect(answered.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', ErrorCode.INVALID_REQUEST],
      ['b', 0],
    ])
  })
})
