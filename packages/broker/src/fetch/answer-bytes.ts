import type { AnswerMemory } from './answer-memory.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** How an answer leaves: what is called when it has, and what when its connection is gone. */
export interface AnswerDelivery {
  readonly connection: { whenClosed(listener: () => void): () => void }
  whenSent(done: () => void): void
}

/** The memory of one fetch's answer: what is read from disk for it, and its part of what all answers may hold. */
export class AnswerBytes {
  readonly #pool: ReadBuffers
  readonly #memory: AnswerMemory
  #buffers: Buffer[] = []
  /** Memory for a read from disk, this answer's until it has left. */
  readonly allocate = (bytes: number): Buffer => {
    const buffer = this.#pool.take(bytes)
    this.#buffers.push(buffer)
    return buffer
  }

  constructor({ buffers, memory }: { readonly buffers: ReadBuffers; readonly memory: AnswerMemory }) {
    this.#pool = buffers
    this.#memory = memory
  }

  /** Nothing of what was read is used any more. */
  giveBack(): void {
    for (const buffer of this.#buffers) this.#pool.give(buffer)
    this.#buffers = []
  }

  /** Counts an answer of `bytes`: its memory is used until it has left or its connection is gone. */
  handOver(bytes: number, delivery: AnswerDelivery): void {
    const release = this.#memory.take(bytes)
    if (release === null && this.#buffers.length === 0) return
    const forget = release === null ? null : delivery.connection.whenClosed(release)
    delivery.whenSent(() => {
      forget?.()
      release?.()
      this.giveBack()
    })
  }
}
