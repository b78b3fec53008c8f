import { BatchBuilder, batchesIn, ErrorCode } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import type { Follower } from '../partition/follower.ts'
import { ReplicaCluster } from './testing/replica-cluster.ts'

const all = { acks: -1, apiVersion: 12 }

function batchOf(...values: string[]): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 1 << 20 })
  for (const value of values) builder.append(1000, null, value)
  return builder.build()
}

function contents(cluster: ReplicaCluster, id: number): string[] {
  const { log } = cluster.node(id).partitions.replica('t', 0) as Follower
  const values: string[] = []
  for (let at = log.logStartOffset; at < log.logEndOffset; ) {
    const { chunks } = log.read(at, { maxBytes: 1 << 20, endOffset: log.logEndOffset, atLeastOne: true })
    for (const batch of chunks.flatMap(chunk => [...batchesIn(chunk)])) {
      const cursor = batch.records()
      while (cursor.next()) values.push(`${cursor.offset}:${Buffer.from(cursor.value()!).toString()}`)
      at = batch.nextOffset
    }
  }
  return values
}

describe('three replicas', () => {
  test('an append is acknowledged when all in sync have it, and followers hear of the high watermark', async () => {
    const cluster = new ReplicaCluster({ seed: 1, minIsr: 2 })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    const leader = cluster.leader()!
    const heard: number[] = []
    leader.whenReplicated(leader.append(batchOf('a', 'b'), all).nextOffset, code => heard.push(code))
    expect(heard).toEqual([])
    expect(await cluster.run(50, () => heard.length > 0)).toBe(true)
    expect(heard).toEqual([ErrorCode.NONE])
    await cluster.run(100)
    for (const id of [1, 2, 3]) {
      expect(contents(cluster, id)).toEqual(['0:a', '1:b'])
      expect((cluster.node(id).partitions.replica('t', 0) as Follower).highWatermark).toBe(2)
    }
  })

  test('one that dies leaves the in-sync set and comes back into it when it has caught up', async () => {
    const cluster = new ReplicaCluster({ seed: 2, minIsr: 2, properties: { 'replica.lag.time.max.ms': '1000' } })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    cluster.kill(3)
    const leader = cluster.leader()!
    const heard: number[] = []
    leader.whenReplicated(leader.append(batchOf('a'), all).nextOffset, code => heard.push(code))
    await cluster.run(500)
    expect(heard).toEqual([])
    await cluster.run(2000)
    expect(heard).toEqual([ErrorCode.NONE])
    expect(cluster.controller.partition(0).isr).toEqual([1, 2])
    cluster.start(3, true)
    await cluster.run(2000)
    expect([...cluster.controller.partition(0).isr].sort()).toEqual([1, 2, 3])
    expect(contents(cluster, 3)).toEqual(['0:a'])
  })
})
