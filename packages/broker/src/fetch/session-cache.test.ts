import { describe, expect, test } from 'vitest'
import { FetchSessionCache } from './session-cache.ts'

const counting = () => {
  let next = 0
  return { below: () => next++, float: () => 0, bytes: (length: number) => new Uint8Array(length) }
}
const consumer = (partitionCount: number, nowMs: number) => ({ usesTopicIds: false, isPrivileged: false, partitionCount, nowMs })
const twoMinutes = 120_000

describe('fetch session cache', () => {
  test('gives sessions up to its slots, then none', () => {
    const cache = new FetchSessionCache(2, counting())
    expect(cache.create(consumer(1, 0))!.id).toBe(1)
    expect(cache.create(consumer(1, 0))!.id).toBe(2)
    expect(cache.create(consumer(1, 0))).toBe(null)
    expect(cache.size).toBe(2)
  })

  test('a session that nobody used for two minutes gives way', () => {
    const cache = new FetchSessionCache(1, counting())
    const first = cache.create(consumer(5, 0))!
    expect(cache.create(consumer(1, twoMinutes))).toBe(null)
    const second = cache.create(consumer(1, twoMinutes + 1))!
    expect(cache.get(first.id)).toBe(undefined)
    expect(cache.get(second.id)).toBe(second)
  })

  test('an old smaller session in use gives way to a larger one, not to one of its size', () => {
    const cache = new FetchSessionCache(1, counting())
    const first = cache.create(consumer(3, 0))!
    for (const partition of [0, 1, 2])
      first.update({
        topic: 't',
        topicId: '',
        partition,
        fetchOffset: 0,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        maxBytes: 1,
      })
    first.lastUsedMs = twoMinutes
    expect(cache.create(consumer(3, twoMinutes + 1))).toBe(null)
    expect(cache.create(consumer(4, twoMinutes + 1))).not.toBe(null)
    expect(cache.get(first.id)).toBe(undefined)
  })

  test("a follower's session pushes out a consumer's at once, and not the other way round", () => {
    const cache = new FetchSessionCache(1, counting())
    cache.create(consumer(100, 0))
    expect(cache.create({ ...consumer(1, 0), isPrivileged: true })).not.toBe(null)
    expect(cache.create(consumer(100, 1))).toBe(null)
  })

  test('nothing to fetch needs no session', () => {
    expect(new FetchSessionCache(1, counting()).create(consumer(0, 0))).toBe(null)
  })
})
