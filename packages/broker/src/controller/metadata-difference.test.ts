import { zeroUuid } from '@millrace/protocol'
import { silentLogger } from '@millrace/runtime'
import { expect, test } from 'vitest'
import type { MetadataChange } from '../services.ts'
import { supportedFeatures } from './features.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { CommittedMetadata } from './metadata-view.ts'

const idOf = (name: string) => `${name.padEnd(21, 'T')}Q`

function topic(name: string, leader: number, topicId = idOf(name)): MetadataRecord[] {
  const value = {
    partitionId: 0,
    topicId,
    replicas: [1, 2],
    isr: [1, 2],
    removingReplicas: [],
    addingReplicas: [],
    leader,
    leaderRecoveryState: 0,
    leaderEpoch: leader,
    partitionEpoch: 0,
    directories: [zeroUuid, zeroUuid],
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  }
  return [
    { type: 'TopicRecord', value: { name, topicId } },
    { type: 'PartitionRecord', value },
  ]
}
const setting = (resourceName: string, value: string): MetadataRecord => ({
  type: 'ConfigRecord',
  value: { resourceType: 2, resourceName, name: 'retention.ms', value },
})
const broker = (brokerId: number, fenced: boolean): MetadataRecord => ({
  type: 'RegisterBrokerRecord',
  value: {
    brokerId,
    isMigratingZkBroker: false,
    incarnationId: zeroUuid,
    brokerEpoch: 5,
    endPoints: [],
    features: supportedFeatures,
    rack: null,
    fenced,
    inControlledShutdown: false,
    logDirs: [],
    cordonedLogDirs: [],
  },
})

function follow() {
  const metadata = new CommittedMetadata(silentLogger)
  const changes: MetadataChange[] = []
  metadata.subscribe(change => changes.push(change))
  return { metadata, changes }
}
const names = (topics: readonly { readonly name: string }[]) => topics.map(({ name }) => name).sort()

test('a snapshot that is loaded over what was followed is one change: what is different in it, and nothing else', () => {
  const { metadata, changes } = follow()
  const same = [...topic('same', 1), setting('same', '1'), broker(1, false)]
  metadata.publish(
    [...same, ...topic('led', 1), ...topic('gone', 1), ...topic('again', 1), setting('led', '1'), broker(2, true)],
    10,
  )
  const renewed = topic('again', 1, 'ANOTHERANOTHERANOTHERQ')
  metadata.replace([...same, ...topic('led', 2), ...topic('new', 1), ...renewed, setting('led', '2'), broker(2, false)], 20)
  const [, change] = changes
  expect(names(change!.topics)).toEqual(['again', 'led', 'new'])
  expect(change!.deletedTopics.map(({ topicId }) => topicId).sort()).toEqual([idOf('again'), idOf('gone')])
  expect([change!.configs, change!.brokersChanged]).toEqual([[{ type: 2, name: 'led' }], true])
  expect(metadata.appliedOffset).toBe(19)
  expect([metadata.topic('led')!.partitions[0]!.leader, metadata.topic('gone')]).toEqual([2, undefined])
})

test('a snapshot of what is known already changes nothing, and nobody is told', () => {
  const { metadata, changes } = follow()
  const records = [...topic('a', 1), setting('a', '1'), broker(1, false)]
  metadata.publish(records, 10)
  metadata.replace(records, 12)
  expect(changes).toHaveLength(1)
  expect(metadata.appliedOffset).toBe(11)
})

test('the first snapshot is all new', () => {
  const { metadata, changes } = follow()
  metadata.replace([...topic('a', 1), setting('a', '1'), broker(1, false)], 10)
  expect(changes).toMatchObject([{ topics: [{ name: 'a' }], deletedTopics: [], configs: [{ name: 'a' }], brokersChanged: true }])
})

test('who waits for an offset goes on when it is applied, after the change was told', () => {
  const { metadata, changes } = follow()
  const order: string[] = []
  metadata.whenApplied(9, () => order.push(`applied after ${changes.length}`))
  metadata.publish([broker(1, false)], 9)
  expect(order).toEqual([])
  metadata.publish([broker(2, false)], 10)
  metadata.whenApplied(3, () => order.push('already'))
  expect(order).toEqual(['applied after 2', 'already'])
})
