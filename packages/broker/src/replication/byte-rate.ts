/** Bytes a second over the last samples, as Kafka measures what it throttles: a window that is not full yet counts as a whole one but its last sample. */
export class ByteRate {
  readonly #samples: number
  readonly #sampleMs: number
  /** Oldest first. */
  #counts: { readonly startMs: number; bytes: number }[] = []

  constructor(samples: number, sampleMs: number) {
    this.#samples = samples
    this.#sampleMs = sampleMs
  }

  add(bytes: number, nowMs: number): void {
    const last = this.#counts.at(-1)
    if (last !== undefined && nowMs - last.startMs < this.#sampleMs) last.bytes += bytes
    else this.#counts.push({ startMs: nowMs, bytes })
    this.#forget(nowMs)
  }

  perSecond(nowMs: number): number {
    this.#forget(nowMs)
    const oldest = this.#counts[0]
    if (oldest === undefined) return 0
    let bytes = 0
    for (const count of this.#counts) bytes += count.bytes
    const elapsedMs = Math.max(nowMs - oldest.startMs, (this.#samples - 1) * this.#sampleMs)
    return (bytes / Math.max(1, elapsedMs)) * 1000
  }

  #forget(nowMs: number): void {
    const since = nowMs - this.#samples * this.#sampleMs
    while (this.#counts.length > 0 && this.#counts[0]!.startMs < since) this.#counts.shift()
  }
}
