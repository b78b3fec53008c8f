/** Waits for the high watermark, in the order of offsets. */
export class CommitQueue {
  /** Sorted: appends happen in the order of offsets. */
  #waits: { readonly offset: number; readonly done: (errorCode: number) => void }[] = []

  get size(): number {
    return this.#waits.length
  }

  add(offset: number, done: (errorCode: number) => void): void {
    let at = this.#waits.length
    while (at > 0 && this.#waits[at - 1]!.offset > offset) at--
    if (at === this.#waits.length) this.#waits.push({ offset, done })
    else this.#waits.splice(at, 0, { offset, done })
  }

  /** Calls all that wait for `highWatermark` or less, with no error. */
  advance(highWatermark: number): void {
    if (this.#waits.length === 0 || this.#waits[0]!.offset > highWatermark) return
    let count = 0
    while (count < this.#waits.length && this.#waits[count]!.offset <= highWatermark) count++
    for (const { done } of this.#waits.splice(0, count)) done(0)
  }

  /** Calls all that wait with the error: what they wait for will not happen here. */
  fail(errorCode: number): void {
    const waits = this.#waits
    this.#waits = []
    for (const { done } of waits) done(errorCode)
  }
}
