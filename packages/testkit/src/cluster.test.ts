import { existsSync } from 'node:fs'
import { Admin, Consumer, Producer } from '@millrace/client'
import { RegistryClient } from '@millrace/schema-registry'
import { afterEach, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from './cluster.ts'

const timeoutMs = 60_000
let cluster: Cluster
afterEach(() => cluster?.close())

async function produce(...values: string[]): Promise<void> {
  const producer = new Producer({ bootstrapServers: cluster.bootstrapServers })
  await Promise.all(values.map(value => producer.send({ topic: 't', partition: 0, value })))
  await producer.close()
}

async function consumed(count: number): Promise<string[]> {
  const consumer = new Consumer({
    bootstrapServers: cluster.bootstrapServers,
    autoOffsetReset: 'earliest',
    enableAutoCommit: false,
  })
  consumer.assign([{ topic: 't', partition: 0 }])
  const values: string[] = []
  while (values.length < count)
    for (const batch of await consumer.poll(1000))
      for (const cursor = batch.records(); cursor.next(); ) values.push(Buffer.from(cursor.value()!).toString())
  await consumer.close()
  return values
}

async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ bootstrapServers: cluster.bootstrapServers })
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

describe('one node', () => {
  test(
    'killed in the middle of its work and started again has what it acknowledged, at the same address',
    async () => {
      cluster = await startCluster()
      const address = cluster.bootstrapServers
      await withAdmin(admin => admin.createTopics([{ topic: 't', partitions: 1, replicationFactor: 1 }]))
      await produce('a', 'b')
      await cluster.kill(1)
      expect(cluster.running).toEqual([])
      await cluster.restart(1)
      expect([cluster.running, cluster.bootstrapServers]).toEqual([[1], address])
      await produce('c')
      expect(await consumed(3)).toEqual(['a', 'b', 'c'])
    },
    timeoutMs,
  )
})

describe('three nodes', () => {
  test(
    'any of them killed: the others go on with what was acknowledged, and the node comes back into the in-sync set',
    async () => {
      cluster = await startCluster({ brokers: 3, registry: true })
      expect(cluster.bootstrapServers.split(',')).toHaveLength(3)
      await withAdmin(admin => admin.createTopics([{ topic: 't', partitions: 1, replicationFactor: 3 }]))
      await produce('a')
      const leader = () => withAdmin(async admin => (await admin.describeTopics(['t']))[0]!.partitions[0]!)
      const killed = (await leader()).leader
      await cluster.kill(killed)
      expect(cluster.running).toEqual(cluster.nodeIds.filter(id => id !== killed))
      await produce('b')
      expect(await consumed(2)).toEqual(['a', 'b'])
      expect((await leader()).leader).not.toBe(killed)
      await cluster.restart(killed)
      while ((await leader()).inSyncReplicas.length < 3) await new Promise(resolve => setTimeout(resolve, 20))
      // The registry in this process has gone on as well.
      expect(await new RegistryClient({ url: cluster.registryUrl! }).subjects()).toEqual([])
    },
    timeoutMs,
  )
})

test('a node that is not there is named, and what was started leaves nothing behind', async () => {
  cluster = await startCluster()
  await expect(cluster.kill(2)).rejects.toThrow('there is no node 2: they are 1 to 1')
  await cluster.close()
  expect(existsSync(cluster.dataDirectory)).toBe(false)
})
