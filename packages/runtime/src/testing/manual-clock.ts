import type { Clock } from '../world.ts'

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  timers: { atMs: number; fire: () => void }[] = []
  nowMs = 0
  now = () => this.nowMs
  monotonic = () => this.nowMs
  defer = (run: () => void) => run()
  timer(delayMs: number, fire: () => void) {
    const timer = { atMs: this.nowMs + delayMs, fire }
    this.timers.push(timer)
    return { cancel: () => void (this.timers = this.timers.filter(other => other !== timer)) }
  }
  advance(ms: number): void {
    this.nowMs += ms
    for (const timer of this.timers.filter(({ atMs }) => atMs <= this.nowMs)) {
      this.timers = this.timers.filter(other => other !== timer)
      timer.fire()
    }
  }
}
