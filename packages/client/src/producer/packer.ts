import { BATCH_HEADER_BYTES, type CompressionCodec, compress, compressionCodecs, stamp } from '@millrace/protocol'
import type { Cpu } from '@millrace/runtime'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerBatch } from './producer-batch.ts'

/** From this batch size on compression is given to other threads: above, one batch would hold up the loop for a millisecond and more. */
export const largeBatchBytes = 128 * 1024

/** Below, the way to another thread and back costs more than compressing here. */
const smallBytes = 32 * 1024

const batchLengthAt = 8
const lengthOverhead = 12
const attributesLowByteAt = 22
const codecMask = 7

/** Compresses sealed batches off the loop; a batch that is not ready yet holds back those behind it, so that the order stays. */
export class Packer {
  readonly #cpu: Cpu
  readonly #codec: 'gzip' | 'zstd'
  readonly #level: number | undefined
  readonly #ready: (queue: PartitionQueue) => void

  constructor(cpu: Cpu, codec: 'gzip' | 'zstd', level: number | undefined, ready: (queue: PartitionQueue) => void) {
    this.#cpu = cpu
    this.#codec = codec
    this.#level = level
    this.#ready = ready
  }

  /** Null where batches are small, or the codec is one that has no threads: the builder compresses then. */
  static for(
    cpu: Cpu,
    codec: CompressionCodec,
    level: number | undefined,
    batchBytes: number,
    ready: (queue: PartitionQueue) => void,
  ): Packer | null {
    return batchBytes >= largeBatchBytes && (codec === 'gzip' || codec === 'zstd') ? new Packer(cpu, codec, level, ready) : null
  }

  /** Begins with a batch that takes no more records. */
  start(batch: ProducerBatch): void {
    const plain = batch.finish()
    // Parts of a batch that was split are small, and made by a builder that compresses.
    if ((plain[attributesLowByteAt]! & codecMask) !== 0) return
    const records = plain.subarray(BATCH_HEADER_BYTES)
    if (plain.length < smallBytes) {
      batch.bytes = this.#assembled(plain, compress(this.#codec, records, this.#level))
      return
    }
    batch.isPacking = true
    this.#cpu
      .deflate(this.#codec, records, this.#level)
      // Not compressed it is as good, only longer.
      .then(
        packed => this.#assembled(plain, packed),
        () => plain,
      )
      .then(bytes => {
        batch.bytes = bytes
        batch.isPacking = false
        this.#ready(batch.queue)
      })
  }

  #assembled(plain: Uint8Array, packed: Uint8Array): Uint8Array {
    const length = BATCH_HEADER_BYTES + packed.length
    if (length >= plain.length) return plain
    const bytes = Buffer.allocUnsafeSlow(length)
    bytes.set(plain.subarray(0, BATCH_HEADER_BYTES))
    bytes.set(packed, BATCH_HEADER_BYTES)
    bytes.writeInt32BE(length - lengthOverhead, batchLengthAt)
    bytes[attributesLowByteAt]! |= compressionCodecs.indexOf(this.#codec)
    // For the CRC; numbers come when the batch is sent.
    stamp(bytes, { producerId: -1, producerEpoch: -1, baseSequence: -1 })
    return bytes
  }
}
