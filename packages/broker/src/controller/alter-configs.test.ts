import { AlterConfigs, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { controllerOf } from '../testing/controller-scenario.ts'

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
