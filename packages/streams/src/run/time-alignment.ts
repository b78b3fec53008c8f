import type { Task } from '../task/task.ts'

/** Records of one subtopology before another has its turn and the network is served. */
const turnRecords = 2_000
/** Records that a task takes at least when it is its turn: what two tasks may be apart. */
const sliceRecords = 32
/** How long tasks wait for one that has records on the broker but none at hand. */
export const maxAlignmentWaitMs = 10_000

/**
 * Lets the tasks of a subtopology advance together in event time: the one with the oldest record is next, and none runs ahead of one whose records are still on
 * their way from the broker. What they write to a repartition topic is then nearly in the order of time, so that a backlog does not make records late that were not late when
 * they were produced. Across instances only grace helps.
 */
export class TimeAlignment {
  #waitingSinceMs = -1

  /** One turn of the tasks of one subtopology. Returns the number of records taken. `isFull` says when to stop. */
  turn(tasks: readonly Task[], nowMs: number, isFull: () => boolean): number {
    if (tasks.length === 1) return tasks[0]!.process(turnRecords)
    let taken = 0
    while (taken < turnRecords && !isFull()) {
      let first: Task | null = null
      let firstMs = Infinity
      let secondMs = Infinity
      let isSomeBehind = false
      for (const task of tasks) {
        const nextMs = task.nextTimestamp
        if (nextMs < firstMs) {
          secondMs = firstMs
          firstMs = nextMs
          first = task
        } else if (nextMs < secondMs) {
          secondMs = nextMs
        }
        if (nextMs === Infinity && task.isBehind) isSomeBehind = true
      }
      if (first === null) break
      if (isSomeBehind) {
        if (this.#waitingSinceMs < 0) this.#waitingSinceMs = nowMs
        if (nowMs - this.#waitingSinceMs < maxAlignmentWaitMs) break
      } else {
        this.#waitingSinceMs = -1
      }
      const took = first.process(turnRecords - taken, secondMs, sliceRecords)
      if (took === 0) break
      taken += took
    }
    return taken
  }
}
