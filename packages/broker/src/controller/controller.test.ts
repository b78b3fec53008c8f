import {
  AllocateProducerIds,
  AlterConfigs,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  ErrorCode,
  zeroUuid,
} from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { ControllerScenario, directoryOf as directory } from '../testing/controller-scenario.ts'
import type { ControllerInput } from './controller.ts'
import { MetadataImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** The scenario's methods as functions. */
function controllerOf(brokers: number[], properties: Record<string, string> = {}) {
  const scenario = new ControllerScenario(brokers, properties)
  return {
    image: scenario.image,
    log: scenario.log,
    decide: scenario.decide.bind(scenario),
    submit: (decide: ControllerInput['decide']) => scenario.run({ decide }),
    register: scenario.register.bind(scenario),
    create: scenario.create.bind(scenario),
    alter: scenario.alterConfigs.bind(scenario),
  }
}

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

describe('DeleteTopics', () => {
  test('deletes by name and by id, with the settings', () => {
    const { create, decide, image } = controllerOf([1])
    create('a', { configs: [{ name: 'retention.ms', value: '1' }] })
    const { topicId } = create('b').result
    const topics = [
      { name: 'a', topicId: zeroUuid },
      { name: null, topicId },
    ]
    const { answered } = decide(DeleteTopics, { topics, topicNames: [], timeoutMs: 0 })
    expect(answered.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 0],
      ['b', 0],
    ])
    expect([[...image.topics()], image.dynamicConfig(2, 'a').size]).toEqual([[], 0])
  })

  test('refuses what is not there, what is named twice and what is named in two ways', () => {
    const { create, decide } = controllerOf([1])
    const { topicId } = create('a').result
    const topics = [
      { name: 'x', topicId: zeroUuid },
      { name: null, topicId: 'XXXXXXXXXXXXXXXXXXXXXQ' },
      { name: null, topicId: zeroUuid },
      { name: 'a', topicId },
      { name: 'a', topicId: zeroUuid },
      { name: null, topicId },
    ]
    const { answered, decided } = decide(DeleteTopics, { topics, topicNames: [], timeoutMs: 0 })
    expect(answered.responses.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.UNKNOWN_TOPIC_ID,
      ErrorCode.INVALID_REQUEST,
      ErrorCode.INVALID_REQUEST,
      0,
      ErrorCode.INVALID_REQUEST,
    ])
    expect(decided).toEqual([{ type: 'RemoveTopicRecord', value: { topicId } }])
  })

  test('refuses all where delete.topic.enable is false', () => {
    const { create, decide } = controllerOf([1], { 'delete.topic.enable': 'false' })
    create('a')
    const { answered } = decide(DeleteTopics, { topics: [], topicNames: ['a'], timeoutMs: 0 }, 5)
    expect(answered.responses[0]!.errorCode).toBe(ErrorCode.TOPIC_DELETION_DISABLED)
  })
})

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

describe('IncrementalAlterConfigs', () => {
  test('sets, deletes, appends and subtracts', () => {
    const { create, alter, image } = controllerOf([1])
    create('t')
    expect(
      alter(2, 't', [
        ['retention.ms', 0, '1000'],
        ['cleanup.policy', 2, 'compact'],
      ]).result.errorCode,
    ).toBe(0)
    expect([...image.dynamicConfig(2, 't')]).toEqual([
      ['retention.ms', '1000'],
      ['cleanup.policy', 'delete,compact'],
    ])
    alter(2, 't', [
      ['retention.ms', 1, null],
      ['cleanup.policy', 3, 'delete'],
    ])
    expect([...image.dynamicConfig(2, 't')]).toEqual([['cleanup.policy', 'compact']])
  })

  test('writes nothing for what is so already, and nothing with validateOnly', () => {
    const { create, alter } = controllerOf([1])
    create('t')
    expect(alter(2, 't', [['retention.ms', 0, '5']], true).decided).toEqual([])
    alter(2, 't', [['retention.ms', 0, '5']])
    expect(alter(2, 't', [['retention.ms', 0, '5']]).decided).toEqual([])
  })

  test('takes all changes of a resource or none', () => {
    const { create, alter, image } = controllerOf([1])
    create('t')
    expect(
      alter(2, 't', [
        ['retention.ms', 0, '5'],
        ['segment.bytes', 0, '5'],
      ]).result,
    ).toMatchObject({
      errorCode: ErrorCode.INVALID_CONFIG,
      errorMessage: 'Invalid value 5 for configuration segment.bytes: must be at least 1048576',
    })
    expect(image.dynamicConfig(2, 't').size).toBe(0)
  })

  test.each([
    ['an unknown topic', 2, 'x', ['retention.ms', 0, '5'], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ['an unknown key', 2, 't', ['retention', 0, '5'], ErrorCode.INVALID_CONFIG],
    ['appending to a number', 2, 't', ['retention.ms', 2, '5'], ErrorCode.INVALID_CONFIG],
    ['setting null', 2, 't', ['retention.ms', 0, null], ErrorCode.INVALID_REQUEST],
    ['an unknown operation', 2, 't', ['retention.ms', 7, '5'], ErrorCode.INVALID_REQUEST],
    ['a broker that is not registered', 4, '2', ['message.max.bytes', 0, '5'], ErrorCode.BROKER_ID_NOT_REGISTERED],
    ['a broker without a number', 4, 'b', ['message.max.bytes', 0, '5'], ErrorCode.INVALID_REQUEST],
    ['an unknown key of a group', 32, 'g', ['session.timeout.ms', 0, '45000'], ErrorCode.INVALID_CONFIG],
    ["a group's setting out of range", 32, 'g', ['consumer.session.timeout.ms', 0, '5'], ErrorCode.INVALID_CONFIG],
    ['a group without a name', 32, '', ['consumer.session.timeout.ms', 0, '45000'], ErrorCode.INVALID_REQUEST],
    ['client metrics of a selector that is none', 16, 'm', ['match', 0, 'name=x'], ErrorCode.INVALID_CONFIG],
    ['client metrics without a name', 16, '', ['interval.ms', 0, '1000'], ErrorCode.INVALID_REQUEST],
    ['a throttle for what is no replica', 2, 't', ['leader.replication.throttled.replicas', 0, '0-1'], ErrorCode.INVALID_CONFIG],
    ['a broker key that needs a restart', 4, '1', ['num.partitions', 0, '5'], ErrorCode.INVALID_REQUEST],
    ['a word for the number of a broker', 4, '1', ['leader.replication.throttled.rate', 0, 'fast'], ErrorCode.INVALID_REQUEST],
    ['an unknown broker key', 4, '1', ['num.partition', 0, '5'], ErrorCode.INVALID_CONFIG],
    ['min.insync.replicas of one broker', 4, '1', ['min.insync.replicas', 0, '1'], ErrorCode.INVALID_CONFIG],
    ['loggers', 8, '1', ['root', 0, 'INFO'], ErrorCode.INVALID_REQUEST],
  ] as const)('refuses %s', (_, type, name, change, errorCode) => {
    const { create, alter } = controllerOf([1])
    create('t')
    const { result, decided } = alter(type, name, [change as unknown as [string, number, string | null]])
    expect([result.errorCode, decided]).toEqual([errorCode, []])
  })

  test('takes settings of another broker, of all brokers, of groups and of client metrics', () => {
    const { alter, image } = controllerOf([1, 2])
    const settings: [number, string, string, string][] = [
      [4, '2', 'follower.replication.throttled.rate', '1000'],
      [4, '', 'leader.replication.throttled.rate', '2000'],
      [32, 'g', 'consumer.session.timeout.ms', '50000'],
      [16, 'm', 'match', 'client_id=app-.*'],
    ]
    for (const [type, resource, name, value] of settings) {
      expect(alter(type, resource, [[name, 0, value]]).result.errorCode).toBe(0)
      expect([...image.dynamicConfig(type, resource)]).toContainEqual([name, value])
    }
  })

  test('appends throttled replicas to those of the topic', () => {
    const { create, alter, image } = controllerOf([1])
    create('t')
    alter(2, 't', [['follower.replication.throttled.replicas', 0, '0:1']])
    alter(2, 't', [['follower.replication.throttled.replicas', 2, '0:2']])
    expect(image.dynamicConfig(2, 't').get('follower.replication.throttled.replicas')).toBe('0:1,0:2')
  })

  test('forgets who was eligible to lead when min.insync.replicas changes', () => {
    const { create, alter } = controllerOf([1])
    create('t')
    expect(alter(2, 't', [['min.insync.replicas', 0, '2']]).decided).toEqual([
      { type: 'ClearElrRecord', value: { topicName: 't' } },
      { type: 'ConfigRecord', value: { resourceType: 2, resourceName: 't', name: 'min.insync.replicas', value: '2' } },
    ])
  })
})

test('AlterConfigs deletes what it does not name', () => {
  const { create, decide, image } = controllerOf([1])
  create('t', { configs: [{ name: 'retention.ms', value: '5' }] })
  const resources = [{ resourceType: 2, resourceName: 't', configs: [{ name: 'segment.ms', value: '7' }] }]
  decide(AlterConfigs, { resources, validateOnly: false })
  expect([...image.dynamicConfig(2, 't')]).toEqual([['segment.ms', '7']])
})

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

test('a snapshot makes the same image', () => {
  const { create, alter, decide, image, register } = controllerOf([1, 2])
  create('a', { numPartitions: 3, replicationFactor: 2, configs: [{ name: 'retention.ms', value: '1' }] })
  create('b')
  decide(DeleteTopics, { topics: [], topicNames: ['b'], timeoutMs: 0 }, 5)
  alter(4, '', [['message.max.bytes', 0, '5']])
  decide(AllocateProducerIds, { brokerId: 1, brokerEpoch: image.broker(1)!.epoch })
  register(2)
  const copy = new MetadataImage()
  for (const record of image.records()) copy.apply(record)
  expect([...copy.records()]).toEqual([...image.records()])
  expect(copy.nextProducerId).toBe(1000)
  expect(copy.topic('a')).toEqual(image.topic('a'))
})

describe('a transaction of the log', () => {
  const topic: MetadataRecord = { type: 'TopicRecord', value: { name: 't', topicId: 'TTTTTTTTTTTTTTTTTTTTTQ' } }

  test('takes effect at its end', () => {
    const image = new MetadataImage()
    image.apply({ type: 'BeginTransactionRecord', value: { name: null } })
    image.apply(topic)
    expect([image.topic('t'), image.inTransaction, image.seal().topics]).toEqual([undefined, true, []])
    image.apply({ type: 'EndTransactionRecord', value: {} })
    expect([image.topic('t')?.name, image.inTransaction]).toEqual(['t', false])
    expect(image.seal().topics.map(({ name }) => name)).toEqual(['t'])
  })

  test('leaves nothing when it is aborted', () => {
    const image = new MetadataImage()
    for (const record of [{ type: 'BeginTransactionRecord', value: { name: null } }, topic] as const) image.apply(record)
    image.apply({ type: 'AbortTransactionRecord', value: { reason: null } })
    expect([[...image.topics()], image.inTransaction]).toEqual([[], false])
  })
})
