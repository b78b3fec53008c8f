import type { Clock, Timer } from '../world.ts'

const maxDelayMs = 2 ** 31 - 1

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(delayMs: number, fire: () => void): Timer {
    // Node fires at once, with a warning, what is longer than 2^31-1 ms: such a timer is far beyond the life of a process.
    const handle = setTimeout(fire, Math.min(Math.max(0, Math.ceil(delayMs)), maxDelayMs))
    return { cancel: () => clearTimeout(handle) }
  },
  defer: run => void setImmediate(run),
}
