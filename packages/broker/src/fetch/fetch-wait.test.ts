import type { Clock } from '@millrace/runtime'
import { describe, expect, test } from 'vitest'
import { FetchWait } from './fetch-wait.ts'

function setUp(missingBytes: number) {
  const deferred: (() => void)[] = []
  const timers: { delayMs: number; fire: () => void; cancelled: boolean }[] = []
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    timer: (delayMs, fire) => {
      const timer = { delayMs, fire, cancelled: false }
      timers.push(timer)
      return { cancel: () => void (timer.cancelled = true) }
    },
    defer: run => void deferred.push(run),
  }
  const watching = new Set<FetchWait>()
  let done = 0
  const partition = {
    addFetch: (wait: FetchWait) => void watching.add(wait),
    removeFetch: (wait: FetchWait) => void watching.delete(wait),
  }
  const wait = new FetchWait({ clock, partitions: [partition], missingBytes, maxWaitMs: 500, done: () => done++ })
  const endTick = () => {
    for (const run of deferred.splice(0)) run()
  }
  return { wait, timers, watching, endTick, doneCount: () => done }
}

describe('fetch wait', () => {
  test('ends once at the end of the tick in which enough became readable', () => {
    const { wait, endTick, doneCount, watching, timers } = setUp(100)
    wait.readable(60)
    endTick()
    expect(doneCount()).toBe(0)
    wait.readable(60)
    wait.readable(60)
    expect(doneCount()).toBe(0)
    endTick()
    expect(doneCount()).toBe(1)
    expect(watching.size).toBe(0)
    expect(timers[0]!.cancelled).toBe(true)
  })

  test('ends after its time with what there is', () => {
    const { timers, doneCount, watching } = setUp(100)
    expect(timers[0]!.delayMs).toBe(500)
    timers[0]!.fire()
    expect(doneCount()).toBe(1)
    expect(watching.size).toBe(0)
  })

  test('ends once when time runs out in the tick in which it was woken', () => {
    const { wait, timers, endTick, doneCount } = setUp(1)
    wait.readable(1)
    timers[0]!.fire()
    endTick()
    expect(doneCount()).toBe(1)
  })

  test('a partition with news that cannot wait ends it whatever is missing', () => {
    const { wait, endTick, doneCount } = setUp(1_000_000)
    wait.wake()
    endTick()
    expect(doneCount()).toBe(1)
  })
})
