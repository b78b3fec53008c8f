/** Answers below this are not counted: each connection has one of them at most. */
const minCountedBytes = 64 * 1024

/** Bounds the bytes of all fetch answers that their clients have not taken: who reads slowly, or not at all, makes later answers smaller. */
export class AnswerMemory {
  readonly #limitBytes: number
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** What an answer may hold; the first batch goes out even if it is larger. */
  get leftBytes(): number {
    return Math.max(0, this.#limitBytes - this.#usedBytes)
  }

  /** Counts an answer. Returns how to take it off again, once however often it is called; null for one that does not count. */
  take(bytes: number): (() => void) | null {
    if (bytes < minCountedBytes) return null
    this.#usedBytes += bytes
    let counted = bytes
    return () => {
      this.#usedBytes -= counted
      counted = 0
    }
  }
}
