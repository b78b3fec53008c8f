import type { Assignor, Consumer, GroupMember, TopicPartition } from '@millrace/client'
import { ErrorCode } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { take, textOf, until, valuesOf } from './reading.ts'
import type { ClientScene } from './scene.ts'

/** Members of groups, and what they commit. */
export function groupTests(scene: ClientScene): void {
  const { fresh, topicOf, producer, consumer, everything, fill } = scene

  describe('groups', () => {
    it('commits and goes on from there, with metadata', async () => {
      const topic = await topicOf()
      await fill(topic, 100)
      const groupId = fresh('group')
      const partition = { topic, partition: 0 }
      const first = consumer({ groupId, enableAutoCommit: false })
      first.subscribe([topic])
      await take(first, 100)
      expect(await first.committed([partition])).toEqual([null])
      await first.commit([{ ...partition, offset: 42, metadata: 'so far: ä' }])
      expect(await first.committed([partition])).toMatchObject([{ offset: 42, metadata: 'so far: ä' }])
      await first.close()
      const second = consumer({ groupId, enableAutoCommit: false })
      second.subscribe([topic])
      const rest = await take(second, 58)
      expect(rest.map(({ offset }) => offset)).toEqual(Array.from({ length: 58 }, (_, i) => 42 + i))
      await second.commit()
      expect(await second.committed([partition])).toMatchObject([{ offset: 100 }])
    })

    it('commits automatically what was done with, and not what was only given', async () => {
      const topic = await topicOf()
      await fill(topic, 10, { lingerMs: 0, batchBytes: 1 })
      const groupId = fresh('group')
      const partition = { topic, partition: 0 }
      const reader = consumer({ groupId, autoCommitIntervalMs: 60_000 })
      reader.subscribe([topic])
      let seen = 0
      for await (const message of reader.messages()) {
        expect(message.offset).toBe(seen)
        // The one in hand is not done with.
        if (++seen === 6) break
      }
      await reader.close()
      expect(await scene.admin.fetchOffsets(groupId, [partition])).toMatchObject([{ offset: 5 }])
      const again = consumer({ groupId, autoCommitIntervalMs: 20 })
      again.subscribe([topic])
      expect((await take(again, 5))[0]!.offset).toBe(5)
      await until(
        async () => (await scene.admin.fetchOffsets(groupId, [partition]))[0]?.offset === 10,
        () => again.poll(20),
      )
    })

    it('keeps the place within a batch when a loop over messages is left', async () => {
      const topic = await topicOf()
      await fill(topic, 100)
      const reader = consumer({ groupId: fresh('group') })
      reader.subscribe([topic])
      for await (const { offset } of reader.messages()) if (offset === 30) break
      expect(reader.position({ topic, partition: 0 })).toBe(30)
      for await (const { offset } of reader.messages()) {
        expect(offset).toBe(30)
        break
      }
    })

    it.each(['range', 'roundrobin'] as const)(
      'shares partitions by %s, and takes over those of a member that leaves',
      async assignor => {
        const topic = await topicOf(4)
        const groupId = fresh('group')
        const owned: Record<string, Set<number>> = { a: new Set(), b: new Set() }
        const events: string[] = []
        const listener = (name: string) => ({
          assigned: async (partitions: readonly TopicPartition[]) => {
            await Promise.resolve()
            for (const { partition } of partitions) owned[name]!.add(partition)
            events.push(`${name}+${partitions.length}`)
          },
          revoked: async (partitions: readonly TopicPartition[]) => {
            await Promise.resolve()
            for (const { partition } of partitions) owned[name]!.delete(partition)
            events.push(`${name}-${partitions.length}`)
          },
        })
        const a = consumer({ groupId, assignors: [assignor], heartbeatIntervalMs: 100 })
        a.subscribe([topic], listener('a'))
        await until(
          () => owned['a']!.size === 4,
          () => a.poll(50),
        )
        const b = consumer({ groupId, assignors: [assignor], heartbeatIntervalMs: 100 })
        b.subscribe([topic], listener('b'))
        await until(
          () => owned['a']!.size === 2 && owned['b']!.size === 2,
          () => Promise.all([a.poll(50), b.poll(50)]),
        )
        expect([...owned['a']!, ...owned['b']!].sort()).toEqual([0, 1, 2, 3])
        expect(events.slice(0, 2)).toEqual(['a+4', 'a-4'])
        const description = (await scene.admin.describeGroups([groupId]))[0]!
        expect(description).toMatchObject({ state: 'Stable', protocol: assignor, protocolType: 'consumer' })
        expect(description.members.flatMap(member => member.partitions).length).toBe(4)
        await b.close()
        await until(
          () => owned['a']!.size === 4,
          () => a.poll(50),
        )
      },
    )

    it('loses and doubles nothing when members come and go while records flow', async () => {
      const partitions = 4
      const topic = await topicOf(partitions)
      const groupId = fresh('group')
      const count = 4_000
      const seen = new Map<string, number>()
      const members = new Set<Consumer>()
      const loops: Promise<void>[] = []
      const join = () => {
        const member = consumer({ groupId, heartbeatIntervalMs: 50, enableAutoCommit: false, maxPollRecords: 50 })
        members.add(member)
        member.subscribe([topic], { revoked: () => member.commit() })
        loops.push(
          (async () => {
            while (members.has(member)) {
              for (const batch of await member.poll(50))
                for (const value of valuesOf(batch)) seen.set(value, (seen.get(value) ?? 0) + 1)
            }
            await member.commit().catch(() => {})
            await member.close()
          })(),
        )
        return member
      }
      const a = join()
      const sender = producer({ lingerMs: 0, batchBytes: 500 })
      const send = (async () => {
        for (let i = 0; i < count; i++) {
          while (!sender.append({ topic, key: `${i}`, value: `${i}` })) await sender.ready()
          if (i % 100 === 0) await new Promise(resolve => setTimeout(resolve, 25))
        }
        await sender.flush()
      })()
      await until(() => seen.size > count / 10)
      join()
      await until(() => seen.size > count / 2)
      members.delete(a)
      await send
      await until(() => seen.size === count)
      members.clear()
      await Promise.all(loops)
      expect([...seen.values()].filter(times => times !== 1)).toEqual([])
    })

    it('runs an assignor of one’s own, with data of members and of the leader', async () => {
      const topic = await topicOf(4)
      const groupId = fresh('group')
      const told: Record<string, string | null> = {}
      const assignorOf = (weight: number): Assignor => ({
        name: 'weighted',
        userData: topics => Buffer.from(`${weight} of ${topics.join()}`),
        async assign(members: readonly GroupMember[], metadata) {
          const counts = await metadata.loadPartitionCounts([topic])
          const ordered = [...members].sort((x, y) => Buffer.compare(y.userData!, x.userData!))
          const all = everything(topic, counts.get(topic)!)
          const share = ordered.length === 1 ? all.length : 3
          return new Map(
            ordered.map(({ memberId, userData }, place) => [
              memberId,
              {
                partitions: place === 0 ? all.slice(0, share) : all.slice(share),
                userData: Buffer.from(`yours was ${textOf(userData)}`),
              },
            ]),
          )
        },
      })
      const heavy = consumer({ groupId, assignors: [assignorOf(9)], heartbeatIntervalMs: 100 })
      const light = consumer({ groupId, assignors: [assignorOf(1)], heartbeatIntervalMs: 100 })
      heavy.subscribe([topic], { assigned: (_, { userData }) => void (told['heavy'] = textOf(userData)) })
      light.subscribe([topic], { assigned: (_, { userData }) => void (told['light'] = textOf(userData)) })
      await until(
        () => heavy.assignment().length === 3 && light.assignment().length === 1,
        () => Promise.all([heavy.poll(50), light.poll(50)]),
      )
      expect(told).toEqual({ heavy: `yours was 9 of ${topic}`, light: `yours was 1 of ${topic}` })
    })

    it('lets a static member come back without a rebalance', async () => {
      const topic = await topicOf(2)
      const groupId = fresh('group')
      const other = consumer({ groupId, groupInstanceId: 'one', heartbeatIntervalMs: 100 })
      let rebalances = 0
      other.subscribe([topic], { assigned: () => void rebalances++ })
      const restarting = consumer({ groupId, groupInstanceId: 'two', heartbeatIntervalMs: 100 })
      restarting.subscribe([topic])
      await until(
        () => other.assignment().length === 1 && restarting.assignment().length === 1,
        () => Promise.all([other.poll(50), restarting.poll(50)]),
      )
      const before = { rebalances, partitions: restarting.assignment() }
      await restarting.close()
      const back = consumer({ groupId, groupInstanceId: 'two', heartbeatIntervalMs: 100 })
      back.subscribe([topic])
      await until(
        () => back.assignment().length === 1,
        () => Promise.all([other.poll(50), back.poll(50)]),
      )
      expect(back.assignment()).toEqual(before.partitions)
      expect(rebalances).toBe(before.rebalances)
    })

    it('fences the older of two members with one instance id', async () => {
      const topic = await topicOf(1)
      const groupId = fresh('group')
      const options = { groupId, groupInstanceId: 'me', heartbeatIntervalMs: 50 }
      const older = consumer(options)
      older.subscribe([topic])
      await until(
        () => older.assignment().length === 1,
        () => older.poll(50),
      )
      const newer = consumer(options)
      newer.subscribe([topic])
      await until(
        () => newer.assignment().length === 1,
        () => newer.poll(50),
      )
      await expect(
        until(
          () => false,
          () => older.poll(50),
        ),
      ).rejects.toMatchObject({ errorCode: ErrorCode.FENCED_INSTANCE_ID })
    })

    it('leaves the group when the reader does not poll, and tells it so', async () => {
      const topic = await topicOf(1)
      const groupId = fresh('group')
      const lost: number[] = []
      const slow = consumer({ groupId, maxPollIntervalMs: 1_000, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 100 })
      slow.subscribe([topic], { lost: partitions => void lost.push(partitions.length) })
      await until(
        () => slow.assignment().length === 1,
        () => slow.poll(50),
      )
      const quick = consumer({ groupId, maxPollIntervalMs: 60_000, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 100 })
      quick.subscribe([topic])
      // The slow one does nothing: its partition goes to the other.
      await until(
        () => quick.assignment().length === 1,
        () => quick.poll(50),
      )
      await expect(slow.commit([{ topic, partition: 0, offset: 0 }])).rejects.toMatchObject({
        errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
      })
      await slow.poll(0)
      expect(lost).toEqual([1])
    })

    it('is given the partitions of topics that are made later, and partitions that are added', async () => {
      const topic = fresh('late')
      const groupId = fresh('group')
      const reader = consumer({ groupId, heartbeatIntervalMs: 100, allowAutoTopicCreation: false, metadataMaxAgeMs: 500 })
      reader.subscribe([topic])
      await reader.poll(200)
      expect(reader.assignment()).toEqual([])
      await scene.admin.createTopics([{ topic, partitions: 1, replicationFactor: 1 }])
      await until(
        () => reader.assignment().length === 1,
        () => reader.poll(50),
      )
      await scene.admin.createPartitions([{ topic, count: 3 }])
      await until(
        () => reader.assignment().length === 3,
        () => reader.poll(50),
      )
    })

    it('keeps its heart beating while the reader is busy', async () => {
      const topic = await topicOf(1)
      await fill(topic, 10)
      const groupId = fresh('group')
      let rebalances = 0
      const reader = consumer({ groupId, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 })
      reader.subscribe([topic], { assigned: () => void rebalances++ })
      await take(reader, 10)
      await new Promise(resolve => setTimeout(resolve, 8_000))
      await reader.poll(100)
      await reader.commit()
      expect(rebalances).toBe(1)
    }, 30_000)
  })
}
