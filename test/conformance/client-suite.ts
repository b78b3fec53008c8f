import {
  Admin,
  type Assignor,
  type ConsumedBatch,
  Consumer,
  type ConsumerOptions,
  type GroupMember,
  type Message,
  Producer,
  type ProducerOptions,
  partitionOfKey,
  type RecordMetadata,
  TimeoutError,
  type TopicPartition,
} from '@millrace/client'
import { ErrorCode } from '@millrace/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

/** A broker under test. */
export interface Target {
  readonly bootstrapServers: string
  stop(): Promise<void>
}

const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())

/** What the client promises, against a real broker: the same tests for Apache Kafka and for ours. */
export function clientSuite(name: string, startTarget: () => Promise<Target>): void {
  describe(`client against ${name}`, () => {
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

    describe('producing and reading back', () => {
      it('keeps keys, values, headers and timestamps as they were, nulls and doubles included', async () => {
        const topic = await topicOf()
        const sender = producer()
        const headers = [
          { key: 'a', value: 'x' },
          { key: 'a', value: Buffer.from([0, 255]) },
          { key: 'ä', value: null },
        ]
        const metadata = await Promise.all([
          sender.send({ topic, key: 'k', value: 'v', timestamp: 1_000, headers }),
          sender.send({ topic, key: null, value: null, timestamp: 2_000 }),
          sender.send({ topic, key: '', value: '', timestamp: 3_000 }),
          sender.send({ topic, key: Buffer.from([0x80, 0]), value: '日本 äöü 😀'.repeat(50), timestamp: 4_000 }),
        ])
        expect(metadata).toEqual([0, 1, 2, 3].map(i => ({ topic, partition: 0, offset: i, timestamp: (i + 1) * 1_000 })))
        const reader = consumer()
        reader.assign(everything(topic, 1))
        const messages = await take(reader, 4)
        expect(messages.map(({ offset, timestamp }) => [offset, timestamp])).toEqual([0, 1, 2, 3].map(i => [i, (i + 1) * 1_000]))
        expect(text(messages[0]!.value)).toBe('v')
        expect(messages[0]!.headers.map(({ key, value }) => [key, value && [...value]])).toEqual([
          ['a', [120]],
          ['a', [0, 255]],
          ['ä', null],
        ])
        expect([messages[1]!.key, messages[1]!.value]).toEqual([null, null])
        expect([messages[2]!.key?.length, messages[2]!.value?.length]).toEqual([0, 0])
        expect([...messages[3]!.key!]).toEqual([0x80, 0])
        expect(text(messages[3]!.value)).toBe('日本 äöü 😀'.repeat(50))
      })

      it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
        'reads what it wrote with compression %s, large batches too',
        async compression => {
          const topic = await topicOf()
          const sender = producer({ compression, batchBytes: 300_000, lingerMs: 20 })
          const noise = Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 7919) & 255))
          for (let i = 0; i < 2_000; i++)
            sender.append({ topic, key: `k${i}`, value: i % 3 === 0 ? noise : `value ${i} `.repeat(20) })
          await sender.flush()
          const reader = consumer()
          reader.assign(everything(topic, 1))
          const messages = await take(reader, 2_000)
          expect(messages.map(({ key }) => text(key))).toEqual(Array.from({ length: 2_000 }, (_, i) => `k${i}`))
          expect(Buffer.compare(messages[3]!.value!, noise)).toBe(0)
          expect(text(messages[4]!.value)).toBe('value 4 '.repeat(20))
        },
      )

      it('puts keys where the Java client puts them and keeps the order of each partition', async () => {
        const partitions = 6
        const topic = await topicOf(partitions)
        const count = 20_000
        const sender = producer()
        for (let i = 0; i < count; i++)
          while (!sender.append({ topic, key: `k${i % 100}`, value: String(i) })) await sender.ready()
        await sender.flush()
        const reader = consumer()
        reader.assign(everything(topic, partitions))
        const last = new Map<string, number>()
        for (const { key, value, partition } of await take(reader, count)) {
          const name = text(key)!
          expect(partition).toBe(partitionOfKey(name, partitions))
          const number = Number(text(value))
          expect(number).toBeGreaterThan(last.get(name) ?? -1)
          last.set(name, number)
        }
        expect(last.size).toBe(100)
      })

      it('spreads records without a key over all partitions, in batches', async () => {
        const topic = await topicOf(3)
        const sender = producer({ batchBytes: 2_000 })
        const sent = await Promise.all(Array.from({ length: 3_000 }, (_, i) => sender.send({ topic, value: `value ${i}` })))
        const counts = [0, 1, 2].map(partition => sent.filter(metadata => metadata.partition === partition).length)
        expect(Math.min(...counts)).toBeGreaterThan(200)
      })

      it.each(['all', 1, 0] as const)('delivers with acks %s', async acks => {
        const topic = await topicOf()
        const reader = consumer()
        // Without acknowledgements nobody says that a new topic has no leader yet.
        await reader.endOffsets(everything(topic, 1))
        const sender = producer({ acks })
        const sent = await Promise.all([0, 1, 2].map(i => sender.send({ topic, value: `v${i}` })))
        expect(sent.map(({ offset }) => offset)).toEqual(acks === 0 ? [-1, -1, -1] : [0, 1, 2])
        reader.assign(everything(topic, 1))
        expect((await take(reader, 3)).map(({ value }) => text(value))).toEqual(['v0', 'v1', 'v2'])
      })

      it('with lingerMs 0 answers awaited sends one after the other', async () => {
        const topic = await topicOf()
        const sender = producer({ lingerMs: 0 })
        for (let i = 0; i < 50; i++) expect((await sender.send({ topic, value: `v${i}` })).offset).toBe(i)
      })

      it('refuses a record above maxRequestBytes at the call', async () => {
        const topic = await topicOf()
        const sender = producer({ maxRequestBytes: 10_000 })
        await expect(sender.send({ topic, value: Buffer.alloc(20_000) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
        expect((await sender.send({ topic, value: 'small' })).offset).toBe(0)
        expect(() => sender.append({ topic, value: 'x'.repeat(20_000) })).toThrow(/MESSAGE_TOO_LARGE/)
      })

      it('splits a batch that the broker finds too large, and fails the record that is', async () => {
        const topic = await topicOf(1, { 'max.message.bytes': '3000' })
        const sender = producer({ batchBytes: 16_000, lingerMs: 20 })
        const sent = Array.from({ length: 20 }, (_, i) =>
          sender.send({ topic, value: `${i}`.padEnd(i === 7 ? 5_000 : 700, '.') }),
        )
        const outcomes = await Promise.allSettled(sent)
        expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map((_, i) => (i === 7 ? 'rejected' : 'fulfilled')))
        expect((outcomes[7] as PromiseRejectedResult).reason).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
        const offsets = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value.offset] : []))
        expect(offsets).toEqual(offsets.map((_, i) => i))
        expect((await sender.send({ topic, value: 'after' })).offset).toBe(19)
        const reader = consumer()
        reader.assign(everything(topic, 1))
        const values = (await take(reader, 20)).map(({ value }) => text(value)!.replaceAll('.', ''))
        expect(values).toEqual([...Array.from({ length: 20 }, (_, i) => `${i}`).filter(value => value !== '7'), 'after'])
      })

      it('gives Kafka’s error for a topic name that can’t be and for a partition that isn’t', async () => {
        const topic = await topicOf()
        const sender = producer()
        await expect(sender.send({ topic: 'no good/name', value: 'v' })).rejects.toMatchObject({
          errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
        })
        await expect(sender.send({ topic, partition: 9, value: 'v' })).rejects.toMatchObject({
          errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        })
      })

      it('gives up on a topic that does not come within maxBlockMs', async () => {
        const sender = producer({ allowAutoTopicCreation: false, maxBlockMs: 300 })
        await expect(sender.send({ topic: fresh('missing'), value: 'v' })).rejects.toBeInstanceOf(TimeoutError)
        sender.append({ topic: fresh('missing'), value: 'v' })
        await expect(sender.flush()).rejects.toThrow(/UNKNOWN_TOPIC_OR_PARTITION/)
        await sender.flush()
      })

      it('takes the broker’s time where the topic says LogAppendTime', async () => {
        const topic = await topicOf(1, { 'message.timestamp.type': 'LogAppendTime' })
        const { timestamp } = await producer().send({ topic, value: 'v', timestamp: 5 })
        expect(timestamp).toBeGreaterThan(1_600_000_000_000)
        const reader = consumer()
        reader.assign(everything(topic, 1))
        expect((await take(reader, 1))[0]!.timestamp).toBe(timestamp)
      })
    })

    describe('positions', () => {
      it('starts where autoOffsetReset says', async () => {
        const topic = await topicOf()
        await fill(topic, 10)
        const early = consumer({ autoOffsetReset: 'earliest' })
        early.assign(everything(topic, 1))
        expect((await take(early, 10)).at(0)!.offset).toBe(0)
        const late = consumer({ autoOffsetReset: 'latest' })
        late.assign(everything(topic, 1))
        await late.poll(0)
        await until(
          () => late.position({ topic, partition: 0 }) === 10,
          () => late.poll(20),
        )
        await fill(topic, 1)
        expect((await take(late, 1)).at(0)!.offset).toBe(10)
        const none = consumer({ autoOffsetReset: 'none', groupId: fresh('group') })
        none.assign(everything(topic, 1))
        await expect(take(none, 1)).rejects.toMatchObject({ code: 'NO_OFFSET_FOR_PARTITION' })
      })

      it('seeks into the middle of a batch, and while fetches are under way', async () => {
        const topic = await topicOf(2)
        await fill(topic, 1_000, {}, 0)
        await fill(topic, 1_000, {}, 1)
        const reader = consumer({ maxPollRecords: 100 })
        reader.assign(everything(topic, 2))
        await reader.poll(5_000)
        for (const offset of [777, 3, 998, 500]) {
          reader.seek({ topic, partition: 0 }, offset)
          const first = await firstOf(reader, 0)
          expect(first.baseOffset).toBe(offset)
          const cursor = first.records()
          expect(cursor.next()).toBe(true)
          expect([cursor.offset, text(cursor.value())]).toEqual([offset, `v${offset}`])
          expect(reader.position({ topic, partition: 0 })).toBe(first.nextOffset)
        }
      })

      it('goes to the beginning and the end, and finds offsets by time', async () => {
        const topic = await topicOf()
        const sender = producer({ lingerMs: 0 })
        for (const timestamp of [100, 200, 300]) await sender.send({ topic, value: 'v', timestamp })
        const reader = consumer()
        const [partition] = everything(topic, 1)
        reader.assign([partition!])
        expect(await reader.beginningOffsets([partition!])).toEqual([0])
        expect(await reader.endOffsets([partition!])).toEqual([3])
        const [found] = await reader.offsetsForTimes([{ ...partition!, timestamp: 150 }])
        expect(found).toMatchObject({ offset: 1, timestamp: 200 })
        expect(await reader.offsetsForTimes([{ ...partition!, timestamp: 301 }])).toEqual([null])
        await take(reader, 3)
        reader.seekToBeginning()
        expect((await take(reader, 1))[0]!.offset).toBe(0)
        reader.seekToEnd()
        await until(
          () => reader.position(partition!) === 3,
          () => reader.poll(20),
        )
        const [latest] = await admin.listOffsets([{ ...partition!, timestamp: -3 }])
        expect(latest).toMatchObject({ offset: 2, timestamp: 300 })
      })

      it('resets a position that is out of range, or says so', async () => {
        const topic = await topicOf()
        await fill(topic, 5)
        const reader = consumer({ autoOffsetReset: 'earliest' })
        reader.assign(everything(topic, 1))
        reader.seek({ topic, partition: 0 }, 5_000)
        expect((await take(reader, 1))[0]!.offset).toBe(0)
        const strict = consumer({ autoOffsetReset: 'none', groupId: fresh('group') })
        strict.assign(everything(topic, 1))
        strict.seek({ topic, partition: 0 }, 5_000)
        await expect(take(strict, 1)).rejects.toMatchObject({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE })
        strict.seek({ topic, partition: 0 }, 2)
        expect((await take(strict, 1))[0]!.offset).toBe(2)
      })

      it('gives nothing of a paused partition, and goes on from there', async () => {
        const topic = await topicOf(2)
        await fill(topic, 100, {}, 0)
        await fill(topic, 100, {}, 1)
        const reader = consumer()
        reader.assign(everything(topic, 2))
        reader.pause([{ topic, partition: 0 }])
        expect(reader.paused()).toEqual([{ topic, partition: 0 }])
        const other = await take(reader, 100)
        expect(new Set(other.map(({ partition }) => partition))).toEqual(new Set([1]))
        expect(await reader.poll(100)).toEqual([])
        reader.resume([{ topic, partition: 0 }])
        expect((await take(reader, 100)).map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, i) => i))
      })

      it('reads on when records come late, over many partitions in one fetch session', async () => {
        const partitions = 20
        const topic = await topicOf(partitions)
        const reader = consumer({ fetchMaxWaitMs: 100 })
        reader.assign(everything(topic, partitions))
        const sender = producer({ lingerMs: 0 })
        const seen = new Map<number, number>()
        for (let round = 0; round < 5; round++) {
          for (let i = 0; i < 4; i++) await sender.send({ topic, partition: (round * 7 + i * 5) % partitions, value: `${round}` })
          for (const { partition } of await take(reader, 4)) seen.set(partition, (seen.get(partition) ?? 0) + 1)
        }
        expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBe(20)
      })
    })

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
        expect(await admin.fetchOffsets(groupId, [partition])).toMatchObject([{ offset: 5 }])
        const again = consumer({ groupId, autoCommitIntervalMs: 20 })
        again.subscribe([topic])
        expect((await take(again, 5))[0]!.offset).toBe(5)
        await until(
          async () => (await admin.fetchOffsets(groupId, [partition]))[0]?.offset === 10,
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
          const description = (await admin.describeGroups([groupId]))[0]!
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
                  userData: Buffer.from(`yours was ${text(userData)}`),
                },
              ]),
            )
          },
        })
        const heavy = consumer({ groupId, assignors: [assignorOf(9)], heartbeatIntervalMs: 100 })
        const light = consumer({ groupId, assignors: [assignorOf(1)], heartbeatIntervalMs: 100 })
        heavy.subscribe([topic], { assigned: (_, { userData }) => void (told['heavy'] = text(userData)) })
        light.subscribe([topic], { assigned: (_, { userData }) => void (told['light'] = text(userData)) })
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
        await admin.createTopics([{ topic, partitions: 1, replicationFactor: 1 }])
        await until(
          () => reader.assignment().length === 1,
          () => reader.poll(50),
        )
        await admin.createPartitions([{ topic, count: 3 }])
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

    describe('administration', () => {
      it('makes, describes, changes and deletes topics', async () => {
        const topic = fresh('admin')
        const [made] = await admin.createTopics([
          { topic, partitions: 3, replicationFactor: 1, configs: { 'retention.ms': '5000' } },
        ])
        expect(made).toMatchObject({ topic, partitions: 3, replicationFactor: 1 })
        await expect(admin.createTopics([{ topic }])).rejects.toMatchObject({ errorCode: ErrorCode.TOPIC_ALREADY_EXISTS })
        await expect(admin.createTopics([{ topic: 'a/b' }])).rejects.toMatchObject({
          errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
        })
        await expect(admin.createTopics([{ topic: fresh('bad'), configs: { 'retention.ms': 'x' } }])).rejects.toMatchObject({
          errorCode: ErrorCode.INVALID_CONFIG,
        })
        // The controller knows a topic a moment before the broker that is asked.
        await until(async () => (await admin.listTopics()).some(listed => listed.topic === topic))
        const [description] = await admin.describeTopics([topic])
        expect(description).toMatchObject({ topic, topicId: made!.topicId, isInternal: false })
        expect(description!.partitions.map(({ partition, replicas }) => [partition, replicas.length])).toEqual([
          [0, 1],
          [1, 1],
          [2, 1],
        ])
        const settings = async () => {
          const [described] = await admin.describeConfigs([
            { type: 'topic', name: topic, keys: ['retention.ms', 'cleanup.policy'] },
          ])
          return Object.fromEntries(described!.entries.map(({ name, value, isDefault }) => [name, [value, isDefault]]))
        }
        expect(await settings()).toEqual({ 'retention.ms': ['5000', false], 'cleanup.policy': ['delete', true] })
        await admin.incrementalAlterConfigs([
          {
            type: 'topic',
            name: topic,
            changes: [
              { name: 'retention.ms', operation: 'delete' },
              { name: 'cleanup.policy', operation: 'append', value: 'compact' },
            ],
          },
        ])
        expect(await settings()).toEqual({ 'retention.ms': ['604800000', true], 'cleanup.policy': ['delete,compact', false] })
        await admin.deleteTopics([topic])
        await expect(admin.deleteTopics([topic])).rejects.toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
      })

      it('describes the cluster and its quorum', async () => {
        const { brokers, clusterId, controllerId } = await admin.describeCluster()
        expect(clusterId).toMatch(/^[\w-]{22}$/)
        expect(brokers.map(({ host, port }) => `${host}:${port}`)).toContain(target.bootstrapServers)
        expect(brokers.map(({ nodeId }) => nodeId)).toContain(controllerId)
        const quorum = await admin.describeQuorum()
        expect(quorum.voters.map(({ replicaId }) => replicaId)).toContain(quorum.leaderId)
        expect(quorum.highWatermark).toBeGreaterThan(0)
      })

      it('sets and reads offsets of a group, and deletes it', async () => {
        const topic = await topicOf(2)
        const groupId = fresh('group')
        await admin.commitOffsets(groupId, [
          { topic, partition: 0, offset: 7, metadata: 'm' },
          { topic, partition: 1, offset: 8 },
        ])
        expect(
          await admin.fetchOffsets(groupId, [
            { topic, partition: 1 },
            { topic, partition: 0 },
          ]),
        ).toMatchObject([{ offset: 8 }, { offset: 7, metadata: 'm' }])
        expect((await admin.fetchOffsets(groupId)).length).toBe(2)
        expect((await admin.listGroups()).find(group => group.groupId === groupId)).toMatchObject({ state: 'Empty' })
        await admin.deleteGroups([groupId])
        expect(await admin.fetchOffsets(groupId)).toEqual([])
        await expect(admin.deleteGroups([groupId])).rejects.toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND })
      })
    })
  })
}

/** Reads records until there are at least `count`; their values are copied out of the batches. */
async function take(reader: Consumer, count: number): Promise<Message[]> {
  const messages: Message[] = []
  const deadline = Date.now() + 20_000
  while (messages.length < count) {
    if (Date.now() > deadline) throw new Error(`only ${messages.length} of ${count} records came`)
    for (const batch of await reader.poll(500)) {
      const cursor = batch.records()
      while (cursor.next()) {
        const { topic, partition } = batch
        const { offset, timestamp } = cursor
        messages.push({
          topic,
          partition,
          offset,
          timestamp,
          key: cursor.key(),
          value: cursor.value(),
          headers: cursor.headers(),
        })
      }
    }
  }
  return messages
}

function valuesOf(batch: ConsumedBatch): string[] {
  const values: string[] = []
  const cursor = batch.records()
  while (cursor.next()) values.push(text(cursor.value())!)
  return values
}

/** The next batch of a partition; what comes of others is passed over. */
async function firstOf(reader: Consumer, partition: number): Promise<ConsumedBatch> {
  for (;;) {
    const batch = (await reader.poll(5_000)).find(each => each.partition === partition)
    if (batch) return batch
  }
}

/** Repeats `step` until `condition` holds. */
async function until(
  condition: () => boolean | Promise<boolean>,
  step: () => Promise<unknown> = () => new Promise(resolve => setTimeout(resolve, 10)),
): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('what the test waits for did not happen')
    await step()
  }
}
