const maxHints = 8

/** Where the last reads of a segment ended: who reads on in order needs no index. The oldest hint is overwritten. Dropped when the segment is cut. */
export class ReadHints {
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  #next = 0

  set(offset: number, position: number): void {
    const known = this.#offsets.indexOf(offset)
    if (known >= 0) {
      this.#positions[known] = position
      return
    }
    this.#offsets[this.#next] = offset
    this.#positions[this.#next] = position
    this.#next = (this.#next + 1) % maxHints
  }

  /** Position of the batch that starts at `offset`, -1 when that is not remembered. */
  get(offset: number): number {
    const known = this.#offsets.indexOf(offset)
    return known < 0 ? -1 : this.#positions[known]!
  }

  clear(): void {
    this.#offsets.length = 0
    this.#positions.length = 0
    this.#next = 0
  }
}
