import * as zlib from 'node:zlib'
import type { CompressionCodec } from './codec.ts'
import { damaged, tooLarge } from './compression-error.ts'
import { lz4Compress, lz4Decompress } from './lz4-frame.ts'
import { snappyCompress, snappyDecompress } from './snappy-stream.ts'
import { zstdFrameAt } from './zstd-frame.ts'

export { type CompressionCodec, compressionCodecs, compressionIdOf } from './codec.ts'
export { CompressionError } from './compression-error.ts'

const { ZSTD_c_compressionLevel, ZSTD_d_windowLogMax } = zlib.constants

const DEFAULT_ZSTD_LEVEL = 3

/**
 * A zstd frame says itself how large a window its decoder must hold. Every frame of the usual levels (8 MiB) is read whatever the limit,
 * one of the highest levels (128 MiB) only where so much output is allowed.
 */
const MIN_WINDOW_LOG_LIMIT = 23
const MAX_WINDOW_LOG_LIMIT = 27

/**
 * Compresses as Apache Kafka does: gzip, snappy-java's framing, one LZ4 frame, one zstd frame.
 *
 * @param level gzip 1 to 9 or -1, lz4 1 to 17, zstd -131072 to 22; Kafka's default if left out (-1, 9, 3); snappy has none
 * @returns the bytes themselves for `none`, otherwise a new array
 */
export function compress(codec: CompressionCodec, bytes: Uint8Array, level?: number): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return zlib.gzipSync(bytes, level === undefined ? {} : { level })
    case 'snappy':
      return snappyCompress(bytes)
    case 'lz4':
      return lz4Compress(bytes, level)
    case 'zstd':
      return zlib.zstdCompressSync(bytes, { params: { [ZSTD_c_compressionLevel]: level ?? DEFAULT_ZSTD_LEVEL } })
  }
}

/**
 * Decompresses what any Kafka client writes: gzip of several members, snappy framed or bare, LZ4 and zstd frames with or without their size.
 *
 * @returns the bytes themselves for `none`, otherwise a new array of at most `maxBytes`
 * @throws CompressionError CORRUPT_MESSAGE for damaged data, MESSAGE_TOO_LARGE above `maxBytes`
 */
export function decompress(codec: CompressionCodec, bytes: Uint8Array, maxBytes: number): Uint8Array {
  switch (codec) {
    case 'none':
      if (bytes.length > maxBytes) throw tooLarge(codec, maxBytes)
      return bytes
    case 'snappy':
      return snappyDecompress(bytes, maxBytes)
    case 'lz4':
      return lz4Decompress(bytes, maxBytes)
    case 'gzip':
      return byNode(codec, maxBytes, maxOutputLength => zlib.gunzipSync(bytes, { maxOutputLength }))
    case 'zstd':
      return zstdDecompress(bytes, maxBytes)
  }
}

/** Node's decoder stops behind the first frame without a word; a batch may hold several. */
function zstdDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const windowLogMax = Math.min(Math.max(Math.ceil(Math.log2(maxBytes)), MIN_WINDOW_LOG_LIMIT), MAX_WINDOW_LOG_LIMIT)
  const params = { [ZSTD_d_windowLogMax]: windowLogMax }
  const pieces: Uint8Array[] = []
  let left = maxBytes
  let at = 0
  do {
    const { end, isSkippable } = zstdFrameAt(bytes, at)
    if (!isSkippable) {
      const frame = bytes.subarray(at, end)
      const piece = byNode('zstd', left, maxOutputLength => zlib.zstdDecompressSync(frame, { maxOutputLength, params }))
      left -= piece.length
      pieces.push(piece)
    }
    at = end
  } while (at < bytes.length)
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

function byNode(codec: CompressionCodec, maxBytes: number, run: (maxOutputLength: number) => Uint8Array): Uint8Array {
  let unfolded: Uint8Array
  try {
    unfolded = run(Math.max(maxBytes, 1))
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    throw code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(codec, maxBytes) : damaged(codec, message, error)
  }
  if (unfolded.length > maxBytes) throw tooLarge(codec, maxBytes)
  return unfolded
}
