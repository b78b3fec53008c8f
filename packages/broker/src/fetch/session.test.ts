import { describe, expect, test } from 'vitest'
import { FetchSession, type FetchTarget, nextSessionEpoch } from './session.ts'

const target = (partition: number, fetchOffset = 0): FetchTarget => ({
  topic: 't',
  topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
  partition,
  fetchOffset,
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
  logStartOffset: -1,
  maxBytes: 1024,
})
const quiet = { errorCode: 0, highWatermark: 10, logStartOffset: 0, recordBytes: 0, diverges: false }
const sessionOf = (...targets: FetchTarget[]) => {
  const session = new FetchSession({ id: 7, usesTopicIds: false, isPrivileged: false, nowMs: 0 })
  for (const one of targets) session.update(one)
  return session
}
const order = (session: FetchSession) => session.targets(() => '').map(({ partition }) => partition)

describe('fetch session', () => {
  test('a partition without news is left out of the next answer', () => {
    const session = sessionOf(target(0))
    expect(session.note(target(0), quiet)).toBe(true)
    expect(session.note(target(0), quiet)).toBe(false)
  })

  test.each([
    ['records', { recordBytes: 1 }],
    ['a moved high watermark', { highWatermark: 11 }],
    ['a moved log start', { logStartOffset: 1 }],
    ['an error', { errorCode: 6 }],
    ['a diverging epoch', { diverges: true }],
  ])('%s brings it back', (_, news) => {
    const session = sessionOf(target(0))
    session.note(target(0), quiet)
    expect(session.note(target(0), { ...quiet, ...news })).toBe(true)
  })

  test('after an error the next answer names the partition again', () => {
    const session = sessionOf(target(0))
    session.note(target(0), quiet)
    session.note(target(0), { ...quiet, errorCode: 6 })
    expect(session.note(target(0), quiet)).toBe(true)
    expect(session.note(target(0), quiet)).toBe(false)
  })

  test('a partition that gave data is served last from then on', () => {
    const session = sessionOf(target(0), target(1), target(2))
    session.note(target(0), { ...quiet, recordBytes: 5 })
    expect(order(session)).toEqual([1, 2, 0])
  })

  test('an update changes the position and keeps the place', () => {
    const session = sessionOf(target(0), target(1))
    session.update(target(0, 55))
    expect(order(session)).toEqual([0, 1])
    expect(session.targets(() => '')[0]!.fetchOffset).toBe(55)
  })

  test('a forgotten partition is gone', () => {
    const session = sessionOf(target(0), target(1))
    session.forget('t', 'AAAAAAAAAAAAAAAAAAAAAA', 0)
    expect(order(session)).toEqual([1])
  })

  test('a topic id that became known, or unknown, is named anew', () => {
    const session = new FetchSession({ id: 7, usesTopicIds: true, isPrivileged: false, nowMs: 0 })
    session.update({ ...target(0), topic: '' })
    expect(session.targets(() => 'born')[0]!.topic).toBe('born')
    expect(session.targets(() => '')[0]!.topic).toBe('')
  })

  test('the epoch wraps to 1', () => {
    expect(nextSessionEpoch(1)).toBe(2)
    expect(nextSessionEpoch(2 ** 31 - 1)).toBe(1)
  })
})
