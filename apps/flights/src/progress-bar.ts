export interface ProgressBarOptions {
  /** Default: standard output. */
  readonly stream?: NodeJS.WriteStream
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

const redrawEveryMs = 100

/** One line of the terminal that is written again and again: count, rate, time left. Without a terminal, a line every ten percent. */
export class ProgressBar {
  readonly #label: string
  readonly #total: number
  readonly #stream: NodeJS.WriteStream
  readonly #now: () => number
  readonly #startedMs: number
  #lastDrawnMs = -Infinity
  #lastTenth = 0

  constructor(label: string, total: number, options: ProgressBarOptions = {}) {
    this.#label = label
    this.#total = total
    this.#stream = options.stream ?? process.stdout
    this.#now = options.now ?? (() => performance.now())
    this.#startedMs = this.#now()
  }

  update(count: number, extra = ''): void {
    const nowMs = this.#now()
    const share = this.#total === 0 ? 1 : Math.min(1, count / this.#total)
    if (this.#stream.isTTY) {
      if (nowMs - this.#lastDrawnMs < redrawEveryMs && share < 1) return
      this.#lastDrawnMs = nowMs
      const line = this.#line(count, share, nowMs) + extra
      this.#stream.write(`\r\u001b[2K${line.slice(0, (this.#stream.columns || Infinity) - 1)}`)
    } else if (Math.floor(share * 10) > this.#lastTenth) {
      this.#lastTenth = Math.floor(share * 10)
      this.#stream.write(`${this.#line(count, share, nowMs)}${extra}\n`)
    }
  }

  /** Leaves the line as it is and goes to the next. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\n')
  }

  #line(count: number, share: number, nowMs: number): string {
    const seconds = Math.max(0.001, (nowMs - this.#startedMs) / 1000)
    const rate = Math.round(count / seconds)
    const left = rate > 0 ? Math.ceil((this.#total - count) / rate) : 0
    const bar = '█'.repeat(Math.round(share * 24)).padEnd(24, '░')
    const number = (value: number) => value.toLocaleString('en-US')
    return `${this.#label} ${bar} ${number(count)} of ${number(this.#total)}, ${number(rate)}/s, ${left} s left`
  }
}
