import { describe, expect, test } from 'vitest'
import { CommitQueue } from './commit-queue.ts'

describe('commit queue', () => {
  test('calls what the high watermark covers, in the order of offsets', () => {
    const queue = new CommitQueue()
    const called: string[] = []
    queue.add(10, code => called.push(`10:${code}`))
    queue.add(30, code => called.push(`30:${code}`))
    queue.add(20, code => called.push(`20:${code}`))
    queue.advance(9)
    expect(called).toEqual([])
    queue.advance(20)
    expect(called).toEqual(['10:0', '20:0'])
    expect(queue.size).toBe(1)
  })

  test('fails all that wait, once', () => {
    const queue = new CommitQueue()
    const called: number[] = []
    queue.add(10, code => called.push(code))
    queue.fail(56)
    queue.advance(10)
    expect(called).toEqual([56])
  })

  test('one that waits again while it is called is not lost', () => {
    const queue = new CommitQueue()
    const called: number[] = []
    queue.add(1, () => queue.add(2, () => called.push(2)))
    queue.advance(1)
    expect(called).toEqual([])
    queue.advance(2)
    expect(called).toEqual([2])
  })
})
