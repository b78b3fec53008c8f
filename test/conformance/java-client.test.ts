import { join } from 'node:path'
import { startCluster } from '@millrace/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import { runJava } from './kafka-peer.ts'
import { codecs, storedCodecs } from './stored-batches-harness.ts'

let seen: Map<string, string[]>
let stored: string[]
/** What the Java program says of a name, in order. */
const of = (name: string) => seen.get(name)

beforeAll(async () => {
  await using cluster = await startCluster()
  const lines = await runJava('Clients.java', [], [cluster.bootstrapServers])
  stored = storedCodecs(cluster.dataDirectory, 'java-codecs')
  seen = new Map()
  for (const line of lines) {
    const [, name, value] = /^(.*?): (.*)$/.exec(line)!
    seen.set(name!, [...(seen.get(name!) ?? []), value!])
  }
})

describe("Apache Kafka's own client", () => {
  test('produces idempotently with every codec and reads back what it sent', () => {
    for (const [i, codec] of codecs.entries()) expect(of(`sent ${codec}`)).toEqual([`${i * 100}..${i * 100 + 99}`])
    expect(stored).toEqual(codecs)
    expect(of('read')).toEqual(['500 as sent'])
    expect(of('offsets')).toEqual(['0..500'])
    expect(of('offset of time 1050')).toEqual(['(timestamp=1050, leaderEpoch=0, offset=50)'])
    expect(of('after seek')).toEqual(['250'])
    expect(of('acks')).toEqual(['0-0 1-0 all-9'])
  })

  test.each(['range', 'cooperative'])('shares partitions in a group (%s), commits, and takes over', assignor => {
    expect(of(`${assignor} covers`)).toEqual(['4'])
    expect(of(`${assignor} events`)).toEqual([
      assignor === 'range' ? '[assigned 4, revoked 4, assigned 2]' : '[assigned 4, revoked 2]',
    ])
    expect(of(`${assignor} described`)).toEqual([
      `Stable Classic ${assignor === 'range' ? 'range' : 'cooperative-sticky'} [2, 2]`,
    ])
    expect(of(`${assignor} committed`)).toEqual(['[20, 20, 20, 20]'])
    expect(of(`${assignor} position`)).toEqual(['20'])
    expect(of(`${assignor} left`)).toEqual(['Empty'])
  })

  test('comes back as a static member without a rebalance', () => {
    expect(of('static generation')).toEqual(['1', '1'])
    expect(of('static member ids differ')).toEqual(['true'])
  })

  test('administers topics, configs, offsets and groups', () => {
    const expected = {
      cluster: '1 node, controller 1',
      listed: 'true',
      described: '[0 1 1 1, 1 1 1 1]',
      'by id': 'java-admin',
      partitions: '5',
      'cleanup.policy': 'delete,compact DYNAMIC_TOPIC_CONFIG',
      'max.message.bytes': '2000 DYNAMIC_TOPIC_CONFIG',
      'retention.ms': '604800000 DEFAULT_CONFIG',
      'broker config': '1',
      earliest: '0 -1',
      latest: '20 -1',
      'max timestamp': '19 19000',
      time: '8 8000',
      'deleted before': '5',
      'earliest after': '5',
      altered: '9 note',
      groups: '[java-cooperative, java-offsets, java-range, java-static]',
      'group deleted': 'true',
      quorum: '1 voter, leader 1',
      feature: 'true',
    }
    for (const [name, value] of Object.entries(expected)) expect(of(name), name).toEqual([value])
  })

  test('is refused with the error it knows', () => {
    const expected = {
      'existing topic': 'TopicExistsException',
      'illegal name': 'InvalidTopicException',
      'many replicas': 'InvalidReplicationFactorException',
      'unknown topic': 'UnknownTopicOrPartitionException',
      'fewer partitions': 'InvalidPartitionsException',
      'unknown group': 'GroupIdNotFoundException',
      'large record': 'RecordTooLargeException',
      'no key in a compacted topic': 'InvalidRecordException',
      'offset out of range': '{java-admin-1=1}',
    }
    for (const [name, value] of Object.entries(expected)) expect(of(name), name).toEqual([value])
  })
})

test("Apache Kafka's Streams library counts words: group, repartition and changelog topics, restore in an empty folder", async () => {
  await using cluster = await startCluster()
  const lines = await runJava('WordCount.java', [], [cluster.bootstrapServers, join(cluster.dataDirectory, 'streams-state')])
  expect(lines).toEqual([
    'counts 1: {brown=30, dog=30, end=30, fox=30, lazy=30, quick=30, the=90}',
    'counts 2: {brown=60, dog=60, end=60, fox=60, lazy=60, quick=60, the=180}',
    'topics: [word-count-counts-changelog, word-count-counts-repartition]',
    'committed: 180',
  ])
})
