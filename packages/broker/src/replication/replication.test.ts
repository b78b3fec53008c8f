import { BatchBuilder, batchesIn, ErrorCode, Fetch, ListOffsets, zeroUuid } from '@millrace/protocol'
import { describe, expect, test } from 'vitest'
import { producedBatch } from '../log/testing/log-contents.ts'
import type { Follower } from '../partition/follower.ts'
import { ReplicaCluster } from './testing/replica-cluster.ts'

const all = { acks: -1, apiVersion: 12 }

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
    leader.whenReplicated(leader.append(producedBatch('a', 'b'), all).nextOffset, code => heard.push(code))
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
    leader.whenReplicated(leader.append(producedBatch('a'), all).nextOffset, code => heard.push(code))
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

  test.each(['leader', 'follower'])('a throttled %s copies at its rate until the replica is in sync', async side => {
    const cluster = new ReplicaCluster({
      seed: 3,
      properties: { 'replica.lag.time.max.ms': '1000', [`${side}.replication.throttled.rate`]: '5000' },
      topicConfig: { [`${side}.replication.throttled.replicas`]: '*' },
    })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    cluster.kill(3)
    cluster.controller.fence(3)
    await cluster.run(50)
    const leader = cluster.leader()!
    for (let i = 0; i < 100; i++) leader.append(producedBatch(`${i}${'x'.repeat(3000)}`), all)
    await cluster.run(3000)
    expect(leader.highWatermark).toBe(100)
    cluster.start(3, true)
    await cluster.run(10_000)
    const lag = 100 - (cluster.node(3).partitions.replica('t', 0) as Follower).logEndOffset
    expect(lag).toBeGreaterThan(40)
    expect(cluster.controller.partition(0).isr).toEqual([1, 2])
    await cluster.run(120_000)
    expect(cluster.controller.partition(0).isr).toEqual([1, 2, 3])
  })

  test('a reader hears that the end is not known until the high watermark has reached the start of the epoch', async () => {
    const cluster = new ReplicaCluster({ seed: 4, minIsr: 2, properties: { 'replica.socket.timeout.ms': '1000' } })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    const first = cluster.leader()!
    first.append(producedBatch('a', 'b'), all)
    await cluster.run(5, () => (cluster.node(2).partitions.replica('t', 0) as Follower).logEndOffset === 2)
    // Nobody tells the next leader how far the last one had committed.
    cluster.controller.moveLeader(0, () => 2)
    cluster.cuts.add('3>2').add('1>2')
    await cluster.run(200)
    const second = cluster.leader()!
    expect(second.highWatermark).toBe(0)
    const latest = async (replicaId: number, timestamp = -1) => {
      const topics = [{ name: 't', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }] }]
      const response = await cluster.node(2).serve(ListOffsets, 10, { replicaId, isolationLevel: 0, topics, timeoutMs: 0 })
      const { errorCode, offset } = response.topics[0]!.partitions[0]!
      return errorCode === 0 ? offset : errorCode
    }
    expect(await latest(-1)).toBe(ErrorCode.OFFSET_NOT_AVAILABLE)
    expect(await latest(-1, -2)).toBe(0)
    expect(await latest(3)).toBe(2)
    cluster.cuts.clear()
    await cluster.run(3000)
    expect(await latest(-1)).toBe(2)
  })

  test('a replica whose leader was elected without its records cuts them off, and an unclean leader recovers', async () => {
    const cluster = new ReplicaCluster({ seed: 5 })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    cluster.cuts.add('1>3').add('3>1')
    const first = cluster.leader()!
    first.append(producedBatch('a', 'b', 'c'), all)
    await cluster.run(100)
    cluster.cuts.clear()
    cluster.controller.electUncleanly(0, 3)
    await cluster.run(5)
    const second = cluster.leader()!
    expect(second.logEndOffset).toBe(0)
    second.append(producedBatch('d'), all)
    await cluster.run(3000)
    for (const id of [1, 2, 3]) expect(contents(cluster, id)).toEqual(['0:d'])
    expect(cluster.controller.partition(0)).toMatchObject({ leaderRecoveryState: 0 })
    expect(cluster.controller.partition(0).isr).toHaveLength(3)
  })

  test('a follower behind the start of its leader starts anew there', async () => {
    const cluster = new ReplicaCluster({ seed: 6, properties: { 'replica.lag.time.max.ms': '500' } })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    cluster.kill(3)
    cluster.controller.fence(3)
    const leader = cluster.leader()!
    for (const value of ['a', 'b', 'c', 'd']) leader.append(producedBatch(value), all)
    await cluster.run(2000)
    leader.deleteRecordsBefore(3)
    cluster.start(3, true)
    await cluster.run(2000)
    expect(contents(cluster, 3)).toEqual(['3:d'])
    expect(contents(cluster, 2)).toEqual(['3:d'])
    expect([...cluster.controller.partition(0).isr].sort()).toEqual([1, 2, 3])
  })

  test('a new leader knows what a producer has sent to the one before', async () => {
    const cluster = new ReplicaCluster({ seed: 7 })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    const batch = (sequence: number) => {
      const builder = new BatchBuilder({ maxBytes: 1 << 16, producerId: 9, producerEpoch: 0, baseSequence: sequence })
      builder.append(1000, null, `value ${sequence}`)
      return builder.build()
    }
    for (const sequence of [0, 1, 2]) cluster.leader()!.append(batch(sequence), all)
    await cluster.run(500)
    cluster.controller.moveLeader(0, () => 2)
    await cluster.run(100)
    expect(cluster.leader()!.append(batch(2), all)).toMatchObject({ errorCode: 0, baseOffset: 2, nextOffset: 3 })
    expect(cluster.leader()!.append(batch(0), all)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(cluster.leader()!.append(batch(3), all)).toMatchObject({ errorCode: 0, baseOffset: 3 })
    expect(cluster.leader()!.append(batch(7), all).errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  })

  test('who is no replica, has died since, or comes over a listener of clients moves nothing', async () => {
    const cluster = new ReplicaCluster({ seed: 8 })
    cluster.controller.createPartition([1, 2])
    await cluster.run(50)
    cluster.kill(2)
    const leader = cluster.leader()!
    leader.append(producedBatch('a'), all)
    await cluster.run(50)
    const brokerEpoch = cluster.controller.image.brokers.find(({ id }) => id === 2)!.epoch
    const fetch = async (replicaId: number, replicaEpoch: number, listener = 'PLAINTEXT') => {
      const partition = {
        partition: 0,
        currentLeaderEpoch: 0,
        fetchOffset: 1,
        lastFetchedEpoch: -1,
        logStartOffset: 0,
        partitionMaxBytes: 1000,
        replicaDirectoryId: zeroUuid,
        highWatermark: Infinity,
      }
      const request = {
        clusterId: null,
        replicaId: -1,
        replicaState: { replicaId, replicaEpoch },
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 1000,
        isolationLevel: 0,
        sessionId: 0,
        sessionEpoch: -1,
        topics: [{ topic: '', topicId: leader.topicId, partitions: [partition] }],
        forgottenTopicsData: [],
        rackId: '',
      }
      const { responses } = await cluster.node(1).serve(Fetch, 17, request, listener)
      return responses[0]!.partitions[0]!.errorCode
    }
    expect(await fetch(3, 1)).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    expect(await fetch(2, brokerEpoch - 1)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(await fetch(2, brokerEpoch, 'CLIENTS')).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    expect(leader.highWatermark).toBe(0)
    expect(await fetch(2, brokerEpoch)).toBe(ErrorCode.NONE)
    expect(leader.highWatermark).toBe(1)
  })

  test('deleted records are gone everywhere before the deletion is answered', async () => {
    const cluster = new ReplicaCluster({ seed: 9 })
    cluster.controller.createPartition([1, 2, 3])
    await cluster.run(50)
    const leader = cluster.leader()!
    for (const value of ['a', 'b', 'c']) leader.append(producedBatch(value), all)
    await cluster.run(200)
    const heard: number[] = []
    expect(leader.deleteRecordsBefore(2)).toMatchObject({ errorCode: ErrorCode.NONE })
    leader.whenDeleted(2, code => heard.push(code))
    expect(heard).toEqual([])
    await cluster.run(500, () => heard.length > 0)
    expect(heard).toEqual([ErrorCode.NONE])
    for (const id of [1, 2, 3]) expect(contents(cluster, id)).toEqual(['2:c'])
  })
})
