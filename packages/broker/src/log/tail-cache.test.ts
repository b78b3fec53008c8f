import { describe, expect, test } from 'vitest'
import { type LogTail, TailCache } from './tail-cache.ts'

const limits = { maxBytes: 1e9, endOffset: Infinity, atLeastOne: true }
const offsetsIn = (tail: LogTail, from: number) => {
  const chunks: Uint8Array[] = []
  const { nextOffset } = tail.read(from, limits, chunks)
  return [chunks.map(chunk => chunk[0]), nextOffset]
}
const add = (tail: LogTail, offset: number, size = 840) => tail.add(offset, offset + 1, new Uint8Array(size).fill(offset))

describe('the cache of recent batches', () => {
  test('lets the oldest of all logs go when the budget is used up', () => {
    const cache = new TailCache(5000)
    const a = cache.tail()
    const b = cache.tail()
    for (let offset = 0; offset < 4; offset++) {
      add(a, offset)
      add(b, offset)
    }
    expect(cache.sizeBytes).toBeLessThanOrEqual(5000)
    expect([a.startOffset, b.startOffset]).toEqual([2, 1])
    expect(offsetsIn(a, 2)).toEqual([[2, 3], 4])
    expect(offsetsIn(b, 1)).toEqual([[1, 2, 3], 4])
  })

  test('without a budget keeps nothing', () => {
    const tail = new TailCache(0).tail()
    add(tail, 0)
    expect(tail.startOffset).toBe(Infinity)
  })

  test('forgets what a log drops, and stays within its budget afterwards', () => {
    const cache = new TailCache(5000)
    const a = cache.tail()
    const b = cache.tail()
    for (let offset = 0; offset < 4; offset++) add(a, offset)
    a.truncateTo(2)
    add(a, 2)
    expect(offsetsIn(a, 0)).toEqual([[0, 1, 2], 3])
    b.clear()
    for (let offset = 0; offset < 10; offset++) add(b, offset)
    expect(cache.sizeBytes).toBeLessThanOrEqual(5000)
    expect(a.startOffset).toBe(Infinity)
    expect(offsetsIn(b, 9)).toEqual([[9], 10])
  })

  test('does not keep a large frame alive for a small batch in it, and does not copy one that is most of its frame', () => {
    const tail = new TailCache(1e7).tail()
    const frame = new Uint8Array(100_000)
    tail.add(0, 1, frame.subarray(10, 500))
    tail.add(1, 2, frame.subarray(0, 90_000))
    const chunks: Uint8Array[] = []
    tail.read(0, limits, chunks)
    expect(chunks[0]!.buffer).not.toBe(frame.buffer)
    expect(chunks[1]!.buffer).toBe(frame.buffer)
  })

  test('gives small batches of one log as one chunk', () => {
    const tail = new TailCache(1e7).tail()
    const frame = new Uint8Array(100_000)
    for (let i = 0; i < 100; i++) tail.add(i, i + 1, frame.fill(i, i * 10, i * 10 + 10).subarray(i * 10, i * 10 + 10))
    const chunks: Uint8Array[] = []
    expect(tail.read(3, limits, chunks)).toEqual({ sizeBytes: 970, nextOffset: 100 })
    expect(chunks).toHaveLength(1)
    expect([...chunks[0]!]).toEqual([...frame.subarray(30, 1000)])
  })

  test('reads from a batch that holds the offset, within limits', () => {
    const tail = new TailCache(1e7).tail()
    for (let i = 0; i < 1000; i++) tail.add(i * 10, i * 10 + 10, new Uint8Array(100))
    for (const offset of [0, 5, 9, 10, 5555, 9999]) {
      const chunks: Uint8Array[] = []
      const read = tail.read(offset, { maxBytes: 250, endOffset: Infinity, atLeastOne: true }, chunks)
      expect(chunks.length).toBe(Math.min(2, 1000 - Math.floor(offset / 10)))
      expect(read.nextOffset).toBe(Math.floor(offset / 10) * 10 + chunks.length * 10)
    }
  })
})
