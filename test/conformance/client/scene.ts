import {
  Admin,
  Consumer,
  type ConsumerOptions,
  Producer,
  type ProducerOptions,
  type RecordMetadata,
  type TopicPartition,
} from '@millrace/client'
import { afterAll, afterEach, beforeAll } from 'vitest'

/** A broker under test. */
export interface Target {
  readonly bootstrapServers: string
  stop(): Promise<void>
}

export type ClientScene = ReturnType<typeof clientScene>

/**
 * What the client's tests of one broker share. Call it where they are described: the broker starts before them, and what they have opened or made is gone
 * after them.
 */
export function clientScene(startTarget: () => Promise<Target>) {
  let target: Target
  let admin: Admin
  let serial = 0
  const open: { close(): Promise<void> }[] = []
  const run = `client-${process.pid}-${Date.now().toString(36)}`

  beforeAll(async () => {
    target = await startTarget()
    admin = new Admin({ bootstrapServers: target.bootstrapServers })
  })
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close().catch(() => {})
  })
  afterAll(async () => {
    const mine = (await admin?.listTopics())?.filter(({ topic }) => topic.startsWith(run)) ?? []
    if (mine.length > 0) await admin.deleteTopics(mine.map(({ topic }) => topic))
    await admin?.close()
    await target?.stop()
  })

  const fresh = (what: string) => `${run}-${what}-${serial++}`
  const topicOf = async (partitions = 1, configs: Record<string, string> = {}) => {
    const topic = fresh('topic')
    await admin.createTopics([{ topic, partitions, replicationFactor: 1, configs }])
    return topic
  }
  const producer = (options: Partial<ProducerOptions> = {}) => {
    const made = new Producer({ bootstrapServers: target.bootstrapServers, ...options })
    open.push(made)
    return made
  }
  const consumer = (options: Partial<ConsumerOptions> = {}) => {
    const made = new Consumer({ bootstrapServers: target.bootstrapServers, autoOffsetReset: 'earliest', ...options })
    open.push(made)
    return made
  }
  const everything = (topic: string, partitions: number): TopicPartition[] =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const fill = async (topic: string, count: number, options: Partial<ProducerOptions> = {}, partition?: number) => {
    const made = producer(options)
    const sent: Promise<RecordMetadata>[] = []
    for (let i = 0; i < count; i++) sent.push(made.send({ topic, partition, key: `k${i}`, value: `v${i}` }))
    const metadata = await Promise.all(sent)
    await made.close()
    return metadata
  }
  return {
    get admin() {
      return admin
    },
    get bootstrapServers() {
      return target.bootstrapServers
    },
    fresh,
    topicOf,
    producer,
    consumer,
    everything,
    fill,
  }
}
