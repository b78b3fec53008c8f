import { describe, expect, it } from 'vitest'
import { json } from '../serde/json.ts'
import type { Serde } from '../serde/serde.ts'
import { string } from '../serde/string.ts'
import type { SourceNode } from '../topology/node.ts'
import type { InputCheckpoint } from './checkpoint.ts'
import { MemoryBatch } from './memory-batch.ts'
import { originHeaders } from './origin.ts'
import { PartitionQueue } from './partition-queue.ts'
import { newTaskMetrics } from './task-metrics.ts'

function queue(
  part: {
    start?: InputCheckpoint
    repartition?: boolean
    value?: Serde<any>
    timestamp?: SourceNode['timestamp']
    skip?: boolean
  } = {},
) {
  const metrics = newTaskMetrics()
  const failures: string[] = []
  const source = {
    topic: 'in',
    repartition: part.repartition ?? false,
    key: string(),
    value: part.value ?? json(),
    timestamp: part.timestamp ?? null,
  } as unknown as SourceNode
  const owner = {
    metrics,
    deserializationFailed(error: unknown, _queue: PartitionQueue, which: string, offset: number) {
      failures.push(`${which}@${offset}: ${(error as Error).message}`)
      if (part.skip === false) throw error
    },
  }
  return { queue: new PartitionQueue('in', 0, source, part.start ?? { offset: 0, timeMs: -1 }, 0, owner), metrics, failures }
}

const record = (value: string, timestamp = 0, origin?: [number, number]) => ({
  key: Buffer.from('k'),
  value: Buffer.from(value),
  timestamp,
  headers: origin
    ? originHeaders('up', 3, origin[0], origin[1]).map(({ key, value: bytes }) => ({ key, value: bytes!.slice() }))
    : [],
})
const batch = (base: number, ...records: ReturnType<typeof record>[]) => new MemoryBatch('in', 0, base, records)
const values = (of: PartitionQueue) => {
  const taken: unknown[] = []
  while (of.hasHead()) {
    const head = of.take()
    if (head) {
      taken.push(head.value)
      of.position = head.offset + 1
    }
  }
  return taken
}

describe('a partition’s queue', () => {
  it('gives records in order and knows where it is', () => {
    const { queue: of } = queue()
    of.add(batch(0, record('1', 5), record('2', 3)))
    of.add(batch(2, record('3', 4)))
    expect(of.buffered).toBe(3)
    expect(values(of)).toEqual([1, 2, 3])
    expect(of.checkpoint).toEqual({ offset: 3, timeMs: 5 })
    expect(of.buffered).toBe(0)
  })

  it('begins within a batch, and is empty behind it', () => {
    const { queue: of } = queue({ start: { offset: 2, timeMs: 9 } })
    // As the client does: the batch tells three records, its cursor gives the last.
    const whole = batch(0, record('1'), record('2'), record('3'))
    of.add({
      topic: 'in',
      partition: 0,
      nextOffset: 3,
      highWatermark: 5,
      recordCount: 3,
      records: () => batch(2, record('3')).records(),
    })
    expect(whole.recordCount).toBe(3)
    expect(values(of)).toEqual([3])
    expect(of.buffered).toBe(0)
    expect(of.isBehind).toBe(true)
    expect(of.checkpoint).toEqual({ offset: 3, timeMs: 9 })
  })

  it('skips offsets without records', () => {
    const { queue: of } = queue()
    of.add({ topic: 'in', partition: 0, nextOffset: 7, highWatermark: 7, recordCount: 0, records: () => batch(0).records() })
    expect(of.hasHead()).toBe(false)
    expect(of.position).toBe(7)
    expect(of.isBehind).toBe(false)
  })

  it('forgets what was fetched', () => {
    const { queue: of } = queue()
    of.add(batch(0, record('1'), record('2')))
    of.hasHead()
    of.clear()
    expect(of.hasHead()).toBe(false)
    of.add(batch(0, record('1'), record('2')))
    expect(values(of)).toEqual([1, 2])
  })
})

describe('event time', () => {
  it.each([
    ['of a record below zero', null, -1, 1, ['value@0: Record has the timestamp -1'], [2]],
    ['that an extractor gives below zero', (r: { value: unknown }) => (r.value === 1 ? -5 : 7), 3, 1, [], [2]],
  ])('%s drops the record', (_, timestamp, recordTime, dropped, failures, expected) => {
    const made = queue({ timestamp: timestamp as SourceNode['timestamp'] })
    made.queue.add(batch(0, record('1', recordTime), record('2', 3)))
    expect(values(made.queue)).toEqual(expected)
    expect(made.failures).toEqual(failures)
    if (failures.length === 0) expect(made.metrics.dropped).toBe(dropped)
  })

  it('comes out of the content, with the partition’s time so far at hand', () => {
    const times: number[] = []
    const { queue: of } = queue({
      timestamp: ({ value }, partitionTime) => {
        times.push(partitionTime)
        return Number(value)
      },
    })
    of.add(batch(0, record('50', 1), record('20', 2), record('70', 3)))
    values(of)
    expect(times).toEqual([-1, 50, 50])
    expect(of.timeMs).toBe(70)
  })
})

describe('a record that can’t be read', () => {
  it('is skipped if the handler says so', () => {
    const made = queue()
    made.queue.add(batch(0, record('{'), record('2')))
    expect(values(made.queue)).toEqual([2])
    expect(made.failures[0]).toMatch(/^value@0: /)
    expect(made.queue.position).toBe(2)
  })

  it('stops the queue where it is if not', () => {
    const made = queue({ skip: false })
    made.queue.add(batch(0, record('{'), record('2')))
    expect(() => values(made.queue)).toThrow()
    expect(made.queue.position).toBe(0)
  })
})

describe('a serde that has to fetch something', () => {
  const fetching = (fetch: () => Promise<unknown>): Serde<any> => ({
    serialize: () => new Uint8Array(0),
    deserialize: () => fetch(),
  })

  it('is waited for', async () => {
    const { queue: of } = queue({ value: fetching(async () => 'fetched') })
    of.add(batch(0, record('1', 4)))
    expect(of.hasHead()).toBe(true)
    expect(of.take()).toBeNull()
    expect(of.hasHead()).toBe(false)
    await of.pending
    expect(of.hasHead()).toBe(true)
    expect(of.take()).toMatchObject({ value: 'fetched', timestamp: 4 })
  })

  it('and fails is a failure of the record, thrown at the next turn', async () => {
    const made = queue({ skip: false, value: fetching(async () => Promise.reject(new Error('no schema 7'))) })
    made.queue.add(batch(0, record('1')))
    made.queue.hasHead()
    made.queue.take()
    await made.queue.pending
    expect(() => made.queue.hasHead()).toThrow('no schema 7')
  })
})

describe('what comes again through a repartition topic', () => {
  it('is let go, by its origin', () => {
    const made = queue({ repartition: true })
    made.queue.add(
      batch(
        0,
        record('1', 0, [10, 0]),
        record('2', 0, [10, 1]),
        record('3', 0, [12, 0]),
        record('1', 0, [10, 0]),
        record('2', 0, [10, 1]),
        record('3', 0, [12, 0]),
        record('4', 0, [13, 0]),
      ),
    )
    expect(values(made.queue)).toEqual([1, 2, 3, 4])
    expect(made.metrics.repeated).toBe(3)
  })

  it('is known after a restart too', () => {
    const before = queue({ repartition: true })
    before.queue.add(batch(0, record('1', 0, [10, 0])))
    values(before.queue)
    const after = queue({ repartition: true, start: JSON.parse(JSON.stringify(before.queue.checkpoint)) })
    after.queue.add(batch(1, record('1', 0, [10, 0]), record('2', 0, [11, 0])))
    expect(values(after.queue)).toEqual([2])
  })

  it('is not known from a record that a commit found at the head and that was not taken', () => {
    const before = queue({ repartition: true })
    before.queue.add(batch(0, record('1', 0, [10, 0])))
    expect(before.queue.hasHead()).toBe(true)
    const after = queue({ repartition: true, start: before.queue.checkpoint })
    after.queue.add(batch(0, record('1', 0, [10, 0])))
    expect(values(after.queue)).toEqual([1])
  })

  it('without an origin is taken as it comes', () => {
    const made = queue({ repartition: true })
    made.queue.add(batch(0, record('1'), record('1')))
    expect(values(made.queue)).toEqual([1, 1])
  })
})
