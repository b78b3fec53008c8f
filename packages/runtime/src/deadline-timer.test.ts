import { expect, it } from 'vitest'
import { DeadlineTimer } from './deadline-timer.ts'
import { ManualClock } from './testing/manual-clock.ts'

function setUp() {
  const clock = new ManualClock()
  const ended: string[] = []
  const waiting = new Map<string, number>()
  const timer = new DeadlineTimer(clock, nowMs => {
    for (const [name, deadlineMs] of waiting) {
      if (deadlineMs > nowMs) continue
      waiting.delete(name)
      ended.push(`${name} at ${nowMs}`)
    }
    return Math.min(...waiting.values())
  })
  const wait = (name: string, deadlineMs: number) => {
    waiting.set(name, deadlineMs)
    timer.arm(deadlineMs)
  }
  return { clock, ended, waiting, timer, wait }
}

it('each deadline is met, whatever order they come in', () => {
  const { clock, ended, wait } = setUp()
  wait('late', 300)
  wait('early', 100)
  wait('between', 200)
  for (let step = 0; step < 4; step++) clock.advance(100)
  expect(ended).toEqual(['early at 100', 'between at 200', 'late at 300'])
})

it('what has ended in time costs one look, and leaves no timer', () => {
  const { clock, ended, waiting, wait } = setUp()
  wait('answered', 100)
  waiting.clear()
  expect(clock.timers).toHaveLength(1)
  clock.advance(100)
  expect(ended).toEqual([])
  expect(clock.timers).toHaveLength(0)
})

it('cancelled, it can be set again', () => {
  const { clock, ended, timer, wait } = setUp()
  wait('first', 100)
  timer.cancel()
  clock.advance(150)
  expect(ended).toEqual([])
  wait('second', 200)
  clock.advance(50)
  expect(ended).toEqual(['first at 200', 'second at 200'])
})
