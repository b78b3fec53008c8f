import { ErrorCode, type FetchRequest } from '@millrace/protocol'
import { SimulatedUniverse } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import type { ReplicaFeed } from '../partition/replica-feed.ts'
import { FetchWait } from './fetch-wait.ts'
import type { ReplicaSession } from './replica-session.ts'
import { ReplicaSessions } from './replica-sessions.ts'
import type { FetchTarget } from './session.ts'

class TestLeader {
  readonly feeds = new Set<ReplicaFeed>()
  addFeed(feed: ReplicaFeed): void {
    this.feeds.add(feed)
  }
  removeFeed(feed: ReplicaFeed): void {
    this.feeds.delete(feed)
  }
}

const targetOf = (partition: number, fetchOffset = 0): FetchTarget => ({
  topic: 't',
  topicId: 'id',
  partition,
  fetchOffset,
  currentLeaderEpoch: 1,
  lastFetchedEpoch: -1,
  logStartOffset: 0,
  maxBytes: 1000,
})
const outcome = { errorCode: 0, highWatermark: 5, logStartOffset: 0, recordBytes: 0, diverges: false }

function setUp() {
  const universe = new SimulatedUniverse(1)
  const world = universe.machine('m').boot()
  const sessions = new ReplicaSessions<TestLeader>(world)
  const opened: number[] = []
  const ask = (sessionId: number, sessionEpoch: number, targets: FetchTarget[], forgotten: number[] = []) =>
    sessions.of(
      {
        sessionId,
        sessionEpoch,
        forgottenTopicsData: forgotten.length > 0 ? [{ topic: 't', topicId: 'id', partitions: forgotten }] : [],
      } as unknown as FetchRequest,
      { targets, usesTopicIds: true, opened: id => opened.push(id) },
    )
  const open = (...targets: FetchTarget[]) => ask(0, 0, targets) as ReplicaSession<TestLeader>
  return { universe, world, sessions, opened, ask, open }
}

describe("a follower's session", () => {
  test('is opened, goes on in its epochs, and is refused by a wrong one', () => {
    const { ask, open, opened } = setUp()
    const session = open(targetOf(0))
    expect(opened).toEqual([session.id])
    expect(ask(session.id, 1, [])).toBe(session)
    expect(ask(session.id, 1, [])).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    expect(ask(session.id + 1, 1, [])).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    expect(ask(session.id, 2, [], [0])).toBe(session)
    expect(ask(session.id, 3, [])).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  })

  test('has no news but what was asked anew and what leaders tell', () => {
    const { open, ask } = setUp()
    const session = open(targetOf(0), targetOf(1))
    const leaders = [new TestLeader(), new TestLeader()]
    for (const [i, entry] of [...session.news].entries()) {
      entry.attach(leaders[i]!)
      entry.told(outcome)
      session.settle(entry)
    }
    const partitions = () => [...session.news].map(({ target }) => target.partition)
    expect(partitions()).toEqual([])
    ask(session.id, 1, [targetOf(1, 7)])
    expect(partitions()).toEqual([1])
    for (const feed of leaders[0]!.feeds) feed.highWatermarkMoved()
    expect(partitions()).toEqual([1, 0])
    session.close()
    expect(leaders.map(({ feeds }) => feeds.size)).toEqual([0, 0])
  })

  test('looks at everything again when its broker has another epoch', () => {
    const { open } = setUp()
    const session = open(targetOf(0), targetOf(1))
    session.fetched(5, 100)
    for (const entry of [...session.news]) {
      entry.isRetargeted = false
      session.settle(entry)
    }
    session.fetched(5, 200)
    expect([...session.news]).toEqual([])
    session.fetched(6, 300)
    expect([...session.news].map(({ isRetargeted }) => isRetargeted)).toEqual([true, true])
  })

  test('tells a high watermark once, and an error each time', () => {
    const { open } = setUp()
    const [entry] = [...open(targetOf(0)).news]
    expect(entry!.isNews(outcome)).toBe(true)
    entry!.told(outcome)
    expect(entry!.isNews(outcome)).toBe(false)
    expect(entry!.isNews({ ...outcome, highWatermark: 6 })).toBe(true)
    expect(entry!.isNews({ ...outcome, logStartOffset: 1 })).toBe(true)
    entry!.told({ ...outcome, errorCode: 6 })
    expect(entry!.isNews(outcome)).toBe(true)
  })

  test('ends a wait at once for records, before long for a high watermark, and when a partition comes to be led here', async () => {
    const { universe, world, sessions, open } = setUp()
    const session = open(targetOf(0))
    const [entry] = [...session.news]
    const waited = async (news: () => void) => {
      const startMs = universe.scheduler.nowMs
      let endMs = -1
      const done = () => {
        endMs = universe.scheduler.nowMs
      }
      session.wait = new FetchWait({ clock: world.clock, partitions: [], missingBytes: 1, maxWaitMs: 500, done })
      news()
      await universe.scheduler.run({ done: () => endMs >= 0 })
      return Math.round(endMs - startMs)
    }
    expect(await waited(() => {})).toBe(500)
    expect(await waited(() => entry!.recordsWritten(10))).toBe(0)
    expect(await waited(() => entry!.highWatermarkMoved())).toBe(20)
    expect(await waited(() => entry!.leaderChanged())).toBe(0)
    expect(await waited(() => sessions.leadershipBegan())).toBe(5)
  })
})
