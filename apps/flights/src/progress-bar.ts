/** One line of the terminal that is written again and again: count, rate, time left. Without a terminal, a line every ten percent. */
export class ProgressBar {
  readonly #label: string
  readonly #total: number
  readonly #startedMs = performance.now()
  readonly #stream: NodeJS.WriteStream
  #lastDrawnMs = 0
  #lastTenth = 0

  constructor(label: string, total: number, stream: NodeJS.WriteStream = process.stdout) {
    this.#label = label
    this.#total = total
    this.#stream = stream
  }

  update(count: number, extra = ''): void {
    const nowMs = performance.now()
    const share = this.#total === 0 ? 1 : Math.min(1, count / this.#total)
    if (this.#stream.isTTY) {
      if (nowMs - this.#lastDrawnMs < 100 && share < 1) return
      this.#lastDrawnMs = nowMs
      this.#stream.write(`\r\u001b[2K${this.#line(count, share, nowMs)}${extra}`)
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
