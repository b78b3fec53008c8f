import type { Admin } from '@millrace/client'
import { partitions, topics } from './topics.ts'

const replicas = 3

/** Makes the topics that are not there yet: with three replicas, of which two must be in sync, where there are three brokers. Tables and totals are compacted: the last value of each key is what counts. */
export async function createTopics(admin: Admin, brokers: number): Promise<void> {
  const present = new Set((await admin.listTopics()).map(({ topic }) => topic))
  const missing = Object.values(topics).filter(topic => !present.has(topic))
  if (missing.length === 0) return
  await admin.createTopics(
    missing.map(topic => ({
      topic,
      partitions,
      replicationFactor: Math.min(replicas, brokers),
      configs: {
        // Event times are of 2001: retention by time would delete the flights at once.
        ...(topic === topics.flights ? { 'retention.ms': '-1' } : { 'cleanup.policy': 'compact' }),
        ...(brokers >= replicas ? { 'min.insync.replicas': String(replicas - 1) } : {}),
      },
    })),
  )
}
