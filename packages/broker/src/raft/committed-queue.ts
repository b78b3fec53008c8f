/** What waits for the high watermark: appended batches to hand on, and callers to answer. In the order of the log. */
export class CommittedQueue<Batch extends { readonly nextOffset: number }> {
  readonly #batches: Batch[] = []
  readonly #waiting: { readonly position: number; readonly done: (error?: Error) => void }[] = []
  #committed = -1

  appended(batch: Batch): void {
    this.#batches.push(batch)
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    if (position <= this.#committed) done()
    else this.#waiting.push({ position, done })
  }

  /** Hands each batch below the high watermark to `take`, then answers whoever waited for one of them. */
  advance(highWatermark: number, take: (batch: Batch) => void): void {
    if (highWatermark <= this.#committed) return
    this.#committed = highWatermark
    const batches = this.#batches.findIndex(batch => batch.nextOffset > highWatermark)
    for (const batch of this.#batches.splice(0, batches < 0 ? this.#batches.length : batches)) take(batch)
    const waiting = this.#waiting.findIndex(({ position }) => position > highWatermark)
    for (const { done } of this.#waiting.splice(0, waiting < 0 ? this.#waiting.length : waiting)) done()
  }

  /** Nothing more will be committed. */
  fail(error: Error): void {
    this.#batches.length = 0
    for (const { done } of this.#waiting.splice(0)) done(error)
  }
}
