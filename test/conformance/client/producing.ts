import { partitionOfKey, TimeoutError } from '@millrace/client'
import { ErrorCode } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { take, textOf } from './reading.ts'
import type { ClientScene } from './scene.ts'

/** Records and their way through a broker. */
export function producingTests(scene: ClientScene): void {
  const { fresh, topicOf, producer, consumer, everything } = scene

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
      expect(textOf(messages[0]!.value)).toBe('v')
      expect(messages[0]!.headers.map(({ key, value }) => [key, value && [...value]])).toEqual([
        ['a', [120]],
        ['a', [0, 255]],
        ['ä', null],
      ])
      expect([messages[1]!.key, messages[1]!.value]).toEqual([null, null])
      expect([messages[2]!.key?.length, messages[2]!.value?.length]).toEqual([0, 0])
      expect([...messages[3]!.key!]).toEqual([0x80, 0])
      expect(textOf(messages[3]!.value)).toBe('日本 äöü 😀'.repeat(50))
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
        expect(messages.map(({ key }) => textOf(key))).toEqual(Array.from({ length: 2_000 }, (_, i) => `k${i}`))
        expect(Buffer.compare(messages[3]!.value!, noise)).toBe(0)
        expect(textOf(messages[4]!.value)).toBe('value 4 '.repeat(20))
      },
    )

    it('puts keys where the Java client puts them and keeps the order of each partition', async () => {
      const partitions = 6
      const topic = await topicOf(partitions)
      const count = 20_000
      const sender = producer()
      for (let i = 0; i < count; i++) while (!sender.append({ topic, key: `k${i % 100}`, value: String(i) })) await sender.ready()
      await sender.flush()
      const reader = consumer()
      reader.assign(everything(topic, partitions))
      const last = new Map<string, number>()
      for (const { key, value, partition } of await take(reader, count)) {
        const name = textOf(key)!
        expect(partition).toBe(partitionOfKey(name, partitions))
        const number = Number(textOf(value))
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
      expect((await take(reader, 3)).map(({ value }) => textOf(value))).toEqual(['v0', 'v1', 'v2'])
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
      const sent = Array.from({ length: 20 }, (_, i) => sender.send({ topic, value: `${i}`.padEnd(i === 7 ? 5_000 : 700, '.') }))
      const outcomes = await Promise.allSettled(sent)
      expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map((_, i) => (i === 7 ? 'rejected' : 'fulfilled')))
      expect((outcomes[7] as PromiseRejectedResult).reason).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
      const offsets = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value.offset] : []))
      expect(offsets).toEqual(offsets.map((_, i) => i))
      expect((await sender.send({ topic, value: 'after' })).offset).toBe(19)
      const reader = consumer()
      reader.assign(everything(topic, 1))
      const values = (await take(reader, 20)).map(({ value }) => textOf(value)!.replaceAll('.', ''))
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
}
