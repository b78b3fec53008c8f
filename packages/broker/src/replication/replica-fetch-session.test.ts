import { expect, test } from 'vitest'
import { ReplicaFetchSession } from './replica-fetch-session.ts'

const followerOf = (partition: number, logEndOffset = 0) => ({
  topic: 't',
  topicId: 'id',
  partition,
  leaderEpoch: 1,
  lastFetchedEpoch: -1,
  logStartOffset: 0,
  logEndOffset,
})
const named = (request: { topics: readonly { partitions: readonly { partition: number; fetchOffset: number }[] }[] }) =>
  request.topics.flatMap(({ partitions }) => partitions.map(({ partition, fetchOffset }) => [partition, fetchOffset]))

test('a session names everything once, then what changed, and what is forgotten', () => {
  const session = new ReplicaFetchSession(1000)
  const [a, b] = [followerOf(0), followerOf(1)]
  const fetched = new Set([a, b])
  const first = session.next(fetched, fetched)
  expect([first.sessionId, first.sessionEpoch, named(first)]).toEqual([
    0,
    0,
    [
      [0, 0],
      [1, 0],
    ],
  ])
  session.answered(77)
  a.logEndOffset = 5
  const second = session.next(fetched, fetched)
  expect([second.sessionId, second.sessionEpoch, named(second), second.isEmpty]).toEqual([77, 1, [[0, 5]], false])
  session.answered(77)
  fetched.delete(b)
  session.forget(b)
  const third = session.next(fetched, [])
  expect([third.sessionEpoch, named(third)]).toEqual([2, []])
  expect(third.forgottenTopicsData).toEqual([{ topic: 't', topicId: 'id', partitions: [1] }])
})

test('a partition that is forgotten and fetched again in one request is named, and not forgotten', () => {
  const session = new ReplicaFetchSession(1000)
  const before = followerOf(0)
  session.next(new Set([before]), [before])
  session.answered(77)
  session.forget(before)
  const now = followerOf(0, 3)
  const request = session.next(new Set([now]), [now])
  expect(named(request)).toEqual([[0, 3]])
  expect(request.forgottenTopicsData).toEqual([])
})

test('after a reset, or from a leader without room for sessions, everything is named again', () => {
  const session = new ReplicaFetchSession(1000)
  const a = followerOf(0)
  const fetched = new Set([a])
  session.next(fetched, fetched)
  session.answered(0)
  expect(named(session.next(fetched, []))).toEqual([[0, 0]])
  session.answered(5)
  session.reset()
  const request = session.next(fetched, [])
  expect([request.sessionId, request.sessionEpoch, named(request)]).toEqual([0, 0, [[0, 0]]])
})

test('an answer fits only the position and the epoch that were asked for', () => {
  const session = new ReplicaFetchSession(1000)
  const a = followerOf(0)
  session.next(new Set([a]), [a])
  expect(session.fits(a)).toBe(true)
  a.logEndOffset = 1
  expect(session.fits(a)).toBe(false)
  a.logEndOffset = 0
  a.leaderEpoch = 2
  expect(session.fits(a)).toBe(false)
})
