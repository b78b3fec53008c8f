import { DeleteTopics, ErrorCode, zeroUuid } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { controllerOf } from '../testing/controller-scenario.ts'

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
