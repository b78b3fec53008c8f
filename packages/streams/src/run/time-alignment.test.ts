import { describe, expect, it } from 'vitest'
import type { Task } from '../task/task.ts'
import { maxAlignmentWaitMs, TimeAlignment } from './time-alignment.ts'

/** A task with records of the given times; `missing`: on the broker, not at hand. */
class FakeTask {
  readonly name: string
  readonly times: number[]
  readonly taken: string[]
  missing = 0

  constructor(name: string, times: number[], taken: string[]) {
    this.name = name
    this.times = times
    this.taken = taken
  }

  get nextTimestamp(): number {
    return this.times[0] ?? Infinity
  }

  get isBehind(): boolean {
    return this.times.length === 0 && this.missing > 0
  }

  process(maxRecords: number, untilMs = Infinity, leastRecords = 0): number {
    let count = 0
    while (count < maxRecords && this.times.length > 0 && (count < leastRecords || this.times[0]! <= untilMs)) {
      this.taken.push(`${this.name}${this.times.shift()}`)
      count++
    }
    return count
  }
}

const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step)
const turn = (alignment: TimeAlignment, tasks: FakeTask[], nowMs = 0) =>
  alignment.turn(tasks as unknown as Task[], nowMs, () => false)

describe('the tasks of a subtopology', () => {
  it('advance together in event time', () => {
    const taken: string[] = []
    const tasks = [
      new FakeTask('a', range(0, 1_000, 1), taken),
      new FakeTask('b', range(0, 1_000, 10), taken),
      new FakeTask('c', range(500, 600, 1), taken),
    ]
    expect(turn(new TimeAlignment(), tasks)).toBe(1_200)
    let latest = 0
    let worst = 0
    for (const each of taken) {
      const time = Number(each.slice(1))
      latest = Math.max(latest, time)
      worst = Math.max(worst, latest - time)
    }
    // What a slice of 32 records spans in the sparsest of them.
    expect(worst).toBeLessThanOrEqual(32 * 10)
  })

  it('wait for one whose records are on their way, and not for ever', () => {
    const taken: string[] = []
    const behind = new FakeTask('b', [], taken)
    behind.missing = 1
    const tasks = [new FakeTask('a', [1, 2, 3], taken), behind]
    const alignment = new TimeAlignment()
    expect(turn(alignment, tasks, 0)).toBe(0)
    expect(turn(alignment, tasks, maxAlignmentWaitMs - 1)).toBe(0)
    expect(turn(alignment, tasks, maxAlignmentWaitMs)).toBe(3)
  })

  it('do not wait for one that is at its end', () => {
    const taken: string[] = []
    expect(turn(new TimeAlignment(), [new FakeTask('a', [1, 2], taken), new FakeTask('b', [], taken)])).toBe(2)
  })

  it('stop when there is no room for what they write', () => {
    const taken: string[] = []
    const tasks = [new FakeTask('a', range(0, 100, 1), taken), new FakeTask('b', range(0, 100, 1), taken)]
    expect(new TimeAlignment().turn(tasks as unknown as Task[], 0, () => taken.length > 0)).toBeLessThan(100)
  })
})
