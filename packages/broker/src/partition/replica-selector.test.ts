import { ConfigError, ConfigSet } from '@millrace/runtime'
import { expect, test } from 'vitest'
import { replicationKeys } from '../config/replication-keys.ts'
import type { MetadataView } from '../services.ts'
import type { Leader } from './leader.ts'
import { replicaSelector } from './replica-selector.ts'

const racks = new Map([
  [1, 'a'],
  [2, 'b'],
  [3, 'b'],
  [4, 'c'],
])
const fenced = new Set<number>()
const metadata = {
  brokers: () => [...racks].map(([id, rack]) => ({ id, rack, fenced: fenced.has(id), epoch: 1, listeners: [] })),
} as unknown as MetadataView
const selectorOf = (name: string) =>
  replicaSelector(new ConfigSet(Object.values(replicationKeys), new Map([['replica.selector.class', name]])), metadata, 1)
const rackAware = selectorOf('org.apache.kafka.common.replica.RackAwareReplicaSelector')!

const replica = (brokerId: number, logEndOffset: number, logStartOffset = 0, lastCaughtUpMs = 0) =>
  [brokerId, { brokerId, brokerEpoch: 1, logStartOffset, logEndOffset, lastCaughtUpMs }] as const
const leaderOf = (isr: number[], ...replicas: (readonly [number, object])[]) =>
  ({ inSync: { isr, replicas: new Map(replicas) }, log: { logEndOffset: 100 } }) as unknown as Leader

test('a consumer reads from the replica in its rack that has come furthest', () => {
  const leader = leaderOf([1, 2, 3], replica(2, 90), replica(3, 95), replica(4, 100))
  expect(rackAware.select(leader, 'b', 50)).toBe(3)
  expect(rackAware.select(leaderOf([1, 2, 3], replica(2, 90, 0, 7), replica(3, 90, 0, 5)), 'b', 50)).toBe(2)
})

test('and from the leader where that is in its rack, or nobody there has what it asks for', () => {
  const leader = leaderOf([1, 2, 3], replica(2, 90, 60), replica(3, 40))
  expect(rackAware.select(leader, 'a', 50)).toBeNull()
  expect(rackAware.select(leader, '', 50)).toBeNull()
  expect(rackAware.select(leader, 'nowhere', 50)).toBeNull()
  expect(rackAware.select(leader, 'b', 50)).toBeNull()
  expect(rackAware.select(leader, 'b', 70)).toBe(2)
})

test('never from a replica that is out of sync or fenced', () => {
  const leader = leaderOf([1, 2], replica(2, 90), replica(4, 100))
  expect(rackAware.select(leader, 'c', 50)).toBeNull()
  fenced.add(2)
  expect(rackAware.select(leader, 'b', 50)).toBeNull()
  fenced.clear()
})

test('by default consumers read from leaders, and an unknown class is refused', () => {
  expect(selectorOf('org.apache.kafka.common.replica.LeaderSelector')).toBeNull()
  expect(() => selectorOf('com.example.Mine')).toThrow(ConfigError)
})
