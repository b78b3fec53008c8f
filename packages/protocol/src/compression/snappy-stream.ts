import { damaged, tooLarge } from './compression-error.ts'
import { OutputBuffer } from './output-buffer.ts'
import { snappyBlockBound, snappyBodyStart, snappyCompressBlock, snappyDecompressBody, snappyLength } from './snappy-block.ts'

/** The framing of snappy-java, which Kafka's Java client writes: a header, then blocks behind a big-endian length each. */
const HEADER = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1)
const MAGIC_BYTES = 8
const WRITTEN_BLOCK_BYTES = 32 * 1024

/** A byte of a block makes at most this many: a copy of 64 bytes takes 3. */
const MAX_RATIO = 64 / 2

/** Compresses in snappy-java's framing. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / WRITTEN_BLOCK_BYTES)
  const stream = Buffer.allocUnsafe(HEADER.length + snappyBlockBound(bytes.length) + blocks * 36)
  stream.set(HEADER)
  let at = HEADER.length
  for (let start = 0; start < bytes.length; start += WRITTEN_BLOCK_BYTES) {
    const end = Math.min(start + WRITTEN_BLOCK_BYTES, bytes.length)
    const blockEnd = snappyCompressBlock(bytes, start, end, stream, at + 4)
    stream.writeInt32BE(blockEnd - at - 4, at)
    at = blockEnd
  }
  return stream.subarray(0, at)
}

/**
 * Decompresses snappy-java's framing (also several streams joined) or one bare block, as other clients write.
 *
 * @throws CompressionError CORRUPT_MESSAGE, or MESSAGE_TOO_LARGE above `maxBytes`
 */
export function snappyDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (!startsWithMagic(bytes, 0)) {
    const output = new OutputBuffer('snappy', maxBytes, 0)
    readBlock(bytes, 0, bytes.length, output)
    return output.finish()
  }
  const output = new OutputBuffer('snappy', maxBytes)
  let at = 0
  while (at < bytes.length) {
    if (startsWithMagic(bytes, at)) {
      if (bytes.length - at < HEADER.length) throw damaged('snappy', 'the stream is cut short')
      at += HEADER.length
      continue
    }
    if (bytes.length - at < 4) throw damaged('snappy', 'the stream is cut short')
    const size = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
    at += 4
    if (size > bytes.length - at) throw damaged('snappy', 'the stream is cut short')
    readBlock(bytes, at, at + size, output)
    at += size
  }
  return output.finish()
}

function readBlock(bytes: Uint8Array, start: number, end: number, output: OutputBuffer): void {
  const length = snappyLength(bytes, start, end)
  if (length > (end - start) * MAX_RATIO) throw damaged('snappy', `${end - start} bytes can't unfold to ${length}`)
  if (output.room(length) < length) throw tooLarge('snappy', output.maxBytes)
  snappyDecompressBody(bytes, snappyBodyStart, end, output.bytes, output.length, output.length + length)
  output.length += length
}

function startsWithMagic(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < MAGIC_BYTES) return false
  for (let index = 0; index < MAGIC_BYTES; index++) if (bytes[at + index] !== HEADER[index]) return false
  return true
}
