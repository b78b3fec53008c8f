import { AllocateProducerIds, DeleteTopics } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { controllerOf } from '../testing/controller-scenario.ts'
import { MetadataImage } from './image.ts'
import type { MetadataRecord } from './metadata-record.ts'

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

test('a replica is off line while its broker is fenced, or when its directory is lost', () => {
  const image = new MetadataImage()
  const [first, second] = ['DDDDDDDDDDDDDDDDDDDDDA', 'EEEEEEEEEEEEEEEEEEEEEA']
  const broker = (brokerId: number, logDirs: string[]): MetadataRecord => ({
    type: 'RegisterBrokerRecord',
    value: {
      brokerId,
      isMigratingZkBroker: false,
      incarnationId: first,
      brokerEpoch: brokerId,
      endPoints: [],
      features: [],
      rack: null,
      fenced: false,
      inControlledShutdown: false,
      logDirs,
      cordonedLogDirs: [],
    },
  })
  image.apply(broker(1, [first, second]))
  image.apply(broker(2, ['FFFFFFFFFFFFFFFFFFFFFA']))
  image.apply({ type: 'TopicRecord', value: { name: 't', topicId: 'TTTTTTTTTTTTTTTTTTTTTQ' } })
  image.apply({
    type: 'PartitionRecord',
    value: {
      partitionId: 0,
      topicId: 'TTTTTTTTTTTTTTTTTTTTTQ',
      replicas: [1, 2],
      isr: [1, 2],
      removingReplicas: [],
      addingReplicas: [],
      leader: 2,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: [second, 'AAAAAAAAAAAAAAAAAAAAAA'],
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
    },
  })
  const offline = () => image.topic('t')!.partitions[0]!.offlineReplicas
  const change = { brokerEpoch: 1, inControlledShutdown: 0, cordonedLogDirs: null }
  expect(offline()).toEqual([])
  image.apply({ type: 'BrokerRegistrationChangeRecord', value: { ...change, brokerId: 1, fenced: 0, logDirs: [first] } })
  expect(offline()).toEqual([1])
  image.apply({ type: 'BrokerRegistrationChangeRecord', value: { ...change, brokerId: 2, fenced: 1, logDirs: [] } })
  expect(offline()).toEqual([1, 2])
})
