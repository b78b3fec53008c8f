import type { ProducerBatch } from './producer-batch.ts'
import type { RecordMetadata } from './record.ts'

/**
 * The promise of one sent record. It subscribes to its batch when somebody waits for it and not before, so that a record whose promise is
 * dropped costs no promise.
 */
export class Delivery implements Promise<RecordMetadata> {
  readonly [Symbol.toStringTag] = 'Delivery'
  readonly #batch: ProducerBatch
  readonly #index: number
  readonly #timestamp: number
  #isObserved = false

  constructor(batch: ProducerBatch, index: number, timestamp: number) {
    this.#batch = batch
    this.#index = index
    this.#timestamp = timestamp
  }

  // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is
  then<A = RecordMetadata, B = never>(
    fulfilled?: ((metadata: RecordMetadata) => A | PromiseLike<A>) | null,
    rejected?: ((error: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (!this.#isObserved) {
      this.#isObserved = true
      this.#batch.observe()
    }
    return this.#batch.settled().then((): A | B | PromiseLike<A | B> => {
      let metadata: RecordMetadata
      try {
        metadata = this.#batch.resultOf(this.#index, this.#timestamp)
      } catch (error) {
        if (rejected) return rejected(error)
        throw error
      }
      return fulfilled ? fulfilled(metadata) : (metadata as A)
    })
  }

  catch<B = never>(rejected?: ((error: any) => B | PromiseLike<B>) | null): Promise<RecordMetadata | B> {
    return this.then(null, rejected)
  }

  finally(settled?: (() => void) | null): Promise<RecordMetadata> {
    return this.then().finally(settled)
  }
}
