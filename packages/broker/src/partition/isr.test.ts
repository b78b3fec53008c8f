import { describe, expect, test } from 'vitest'
import { effectiveMinIsr, highWatermark } from './isr.ts'

const base = { current: 5, localEndOffset: 10, nodeId: 1, isr: [1], followers: new Map(), minIsr: 1 }

describe('high watermark', () => {
  test('an in-sync set of the leader alone commits what the leader has', () => {
    expect(highWatermark(base)).toBe(10)
  })

  test('the slowest in-sync follower decides', () => {
    const followers = new Map([
      [2, { logEndOffset: 7 }],
      [3, { logEndOffset: 9 }],
    ])
    expect(highWatermark({ ...base, isr: [1, 2, 3], followers })).toBe(7)
  })

  test('a follower out of sync does not hold it back', () => {
    const followers = new Map([
      [2, { logEndOffset: 6 }],
      [3, { logEndOffset: 9 }],
    ])
    expect(highWatermark({ ...base, isr: [1, 3], followers })).toBe(9)
  })

  test('a member that has not fetched in this epoch holds it where it is', () => {
    expect(highWatermark({ ...base, isr: [1, 2] })).toBe(5)
  })

  test('a follower behind it does not move it back', () => {
    expect(highWatermark({ ...base, isr: [1, 2], followers: new Map([[2, { logEndOffset: 3 }]]) })).toBe(5)
  })

  test('an in-sync set below the minimum does not move it', () => {
    expect(highWatermark({ ...base, minIsr: 2 })).toBe(5)
  })
})

test('the minimum of in-sync replicas is never more than the replicas', () => {
  expect(effectiveMinIsr(2, 1)).toBe(1)
  expect(effectiveMinIsr(2, 3)).toBe(2)
})
