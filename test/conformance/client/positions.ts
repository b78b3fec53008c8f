import { ErrorCode } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { firstOf, take, textOf, until } from './reading.ts'
import type { ClientScene } from './scene.ts'

/** Where a consumer reads. */
export function positionTests(scene: ClientScene): void {
  const { fresh, topicOf, producer, consumer, everything, fill } = scene

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
        expect([cursor.offset, textOf(cursor.value())]).toEqual([offset, `v${offset}`])
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
      const [latest] = await scene.admin.listOffsets([{ ...partition!, timestamp: -3 }])
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
}
