import { BatchView } from '@millrace/protocol'
import { type File, messageOf } from '@millrace/runtime'

const defaultBlockBytes = 1024 * 1024
const lengthAt = 8
const lengthOverhead = 12
/** Up to here a batch can be told from something else. */
const magicEnd = 17

/** Walks the batches of a file in blocks. A view is good until the next call. */
export class BatchScanner {
  readonly #file: File
  readonly #end: number
  readonly #blockBytes: number
  #block: Buffer
  #blockStart: number
  #blockLength = 0
  #position: number
  #nextPosition: number
  #fault: string | null = null

  constructor(file: File, position: number, end: number, blockBytes = defaultBlockBytes) {
    this.#file = file
    this.#blockBytes = blockBytes
    this.#end = end
    this.#block = Buffer.allocUnsafeSlow(Math.max(0, Math.min(blockBytes, end - position)))
    this.#blockStart = position
    this.#position = position
    this.#nextPosition = position
  }

  /** Where the batch that `next` gave last stands. */
  get position(): number {
    return this.#position
  }
  /** Where the batch behind it should stand. */
  get nextPosition(): number {
    return this.#nextPosition
  }
  /** Why `next` gave null before the end of the file; null at the end. */
  get fault(): string | null {
    return this.#fault
  }

  /** Null at the end, and where no whole batch follows: `fault` says which. */
  next(): BatchView | null {
    const left = this.#end - this.#nextPosition
    if (left === 0 || this.#fault !== null) return null
    if (left < magicEnd) return this.#stop('the file ends within a batch')
    try {
      this.#have(magicEnd)
      const sizeInBytes = this.#block.readInt32BE(this.#nextPosition - this.#blockStart + lengthAt) + lengthOverhead
      if (sizeInBytes > left) return this.#stop('the file ends within a batch')
      this.#have(Math.max(sizeInBytes, magicEnd))
      const batch = BatchView.at(this.#block.subarray(0, this.#blockLength), this.#nextPosition - this.#blockStart)
      if (batch === null) return this.#stop('the file ends within a batch')
      this.#position = this.#nextPosition
      this.#nextPosition += batch.sizeInBytes
      return batch
    } catch (error) {
      if ((error as { code?: string }).code !== 'CORRUPT_MESSAGE') throw error
      return this.#stop(messageOf(error))
    }
  }

  #stop(fault: string): null {
    this.#fault = fault
    return null
  }

  /** Makes the block hold `length` bytes from the next position. */
  #have(length: number): void {
    const from = this.#nextPosition - this.#blockStart
    if (from + length <= this.#blockLength) return
    const want = Math.min(Math.max(length, this.#blockBytes), this.#end - this.#nextPosition)
    const kept = this.#blockLength - from
    if (want > this.#block.length) {
      const grown = Buffer.allocUnsafeSlow(want)
      if (kept > 0) this.#block.copy(grown, 0, from, this.#blockLength)
      this.#block = grown
    } else if (kept > 0) {
      this.#block.copyWithin(0, from, this.#blockLength)
    }
    const have = Math.max(0, kept)
    this.#blockStart = this.#nextPosition
    this.#blockLength = have + this.#file.read(this.#block.subarray(have, want), this.#blockStart + have)
  }
}
