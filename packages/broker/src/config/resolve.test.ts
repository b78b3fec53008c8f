import { silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { brokerKeys, readBrokerConfig } from './broker-config.ts'
import {
  brokerConfig,
  brokerSynonyms,
  type ConfigContext,
  ConfigSource as Source,
  topicConfig,
  topicSynonyms,
} from './resolve.ts'
import { topicKeys } from './topic-keys.ts'

function context(file: Record<string, string>, altered: Record<string, Record<string, string>> = {}): ConfigContext {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': '1@h:9093',
    ...file,
  }
  return {
    config: readBrokerConfig(new Map(Object.entries(properties)), silentLogger),
    metadata: { dynamicConfig: (type, name) => new Map(Object.entries(altered[`${type}:${name}`] ?? {})) },
    nodeId: 1,
  }
}

test('a topic takes its own setting, else that of the broker, of all brokers, of the file, else the default', () => {
  const file = { 'message.max.bytes': '4' }
  const all = { '4:': { 'message.max.bytes': '3' } }
  const broker = { ...all, '4:1': { 'message.max.bytes': '2' }, '4:2': { 'message.max.bytes': '9' } }
  const topic = { ...broker, '2:t': { 'max.message.bytes': '1' } }
  const value = (at: ConfigContext) => topicConfig(at, 't', topicKeys.maxMessageBytes)
  expect([context(file, topic), context(file, broker), context(file, all), context(file), context({})].map(value)).toEqual([
    1, 2, 3, 4, 1_048_588,
  ])
})

test('the file may give a time in hours or minutes, and the finer key wins', () => {
  const value = (file: Record<string, string>) => topicConfig(context(file), 't', topicKeys.retentionMs)
  expect(value({ 'log.retention.hours': '2' })).toBe(7_200_000)
  expect(value({ 'log.retention.hours': '2', 'log.retention.minutes': '3' })).toBe(180_000)
  expect(value({ 'log.retention.hours': '2', 'log.retention.ms': '5' })).toBe(5)
  expect(value({ 'log.retention.hours': '-1' })).toBe(-1)
  expect(value({})).toBe(604_800_000)
})

test('all places that give a value are told, the one in force first', () => {
  const at = context({ 'log.retention.hours': '2' }, { '4:': { 'log.retention.ms': '7' }, '2:t': { 'retention.ms': '1' } })
  expect(topicSynonyms(at, 't', topicKeys.retentionMs)).toEqual([
    { name: 'retention.ms', value: '1', source: Source.TOPIC },
    { name: 'log.retention.ms', value: '7', source: Source.DYNAMIC_DEFAULT_BROKER },
    { name: 'log.retention.hours', value: 2, source: Source.STATIC_BROKER },
  ])
  expect(brokerSynonyms(at, brokerKeys.numPartitions)).toEqual([{ name: 'num.partitions', value: 1, source: Source.DEFAULT }])
  expect(brokerConfig(at, brokerKeys.logRetentionMs)).toBe(7)
})
