import { SeededRandom } from '@millrace/testkit'
import { describe, expect, it } from 'vitest'
import { type PartitionLoad, StickyPartitioner } from './partitioner.ts'

const partitions = (...queuedBatches: number[]): PartitionLoad[] =>
  queuedBatches.map(queued => ({ queuedBatches: queued, hasLeader: true }))

/** How often each partition was drawn. */
function drawn(loads: readonly PartitionLoad[], adaptive = true): number[] {
  const partitioner = new StickyPartitioner(new SeededRandom(1), { stickyBytes: 100, adaptive })
  const counts = loads.map(() => 0)
  for (let i = 0; i < 3_000; i++) {
    counts[partitioner.choose(loads)]!++
    partitioner.produced(100, true)
  }
  return counts
}

describe('records without a key', () => {
  it('stay with a partition until its share is full, and do not cut a batch short', () => {
    const partitioner = new StickyPartitioner(new SeededRandom(1), { stickyBytes: 100, adaptive: true })
    const loads = partitions(...Array.from({ length: 1_000 }, () => 0))
    const first = partitioner.choose(loads)
    partitioner.produced(99, true)
    expect(partitioner.choose(loads)).toBe(first)
    partitioner.produced(50, false)
    expect(partitioner.choose(loads)).toBe(first)
    partitioner.produced(60, false)
    expect(partitioner.choose(loads)).not.toBe(first)
  })

  it('go to all partitions alike when none is slower', () => {
    for (const count of drawn(partitions(0, 0, 0))) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })

  it('go more often where fewer batches wait, unless told otherwise', () => {
    const [idle, busy] = drawn(partitions(0, 3)) as [number, number]
    expect(idle / busy).toBeGreaterThan(3)
    expect(idle / busy).toBeLessThan(5)
    const [same, other] = drawn(partitions(0, 3), false) as [number, number]
    expect(same / other).toBeLessThan(1.3)
  })

  it('avoid partitions without a leader while others have one', () => {
    const loads = partitions(0, 0, 0).map((load, i) => ({ ...load, hasLeader: i === 1 }))
    expect(drawn(loads)).toEqual([0, 3_000, 0])
    expect(drawn(partitions(0, 0).map(load => ({ ...load, hasLeader: false }))).every(count => count > 1_000)).toBe(true)
  })

  it('find a partition again when there are fewer', () => {
    const partitioner = new StickyPartitioner(new SeededRandom(3), { stickyBytes: 1e9, adaptive: true })
    for (let i = 0; i < 20; i++)
      expect(partitioner.choose(partitions(...Array.from({ length: 20 - i }, () => 0)))).toBeLessThan(20 - i)
  })
})
