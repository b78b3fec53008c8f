import * as zlib from 'node:zlib'
import type { CompressionCodec } from './codec.ts'
import { damaged, tooLarge } from './compression-error.ts'

export { type CompressionCodec, compressionCodecs, compressionIdOf } from './codec.ts'
export { CompressionError } from './compression-error.ts'

/** Compresses; `level` is the codec's own scale. */
export function compress(codec: CompressionCodec, bytes: Uint8Array, level?: number): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return zlib.gzipSync(bytes, { level: level ?? -1 })
    case 'zstd':
      return zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level ?? 3 } })
    default:
      throw damaged(codec, 'not there yet')
  }
}

/** Decompresses to at most `maxBytes`. */
export function decompress(codec: CompressionCodec, bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    switch (codec) {
      case 'none':
        return bytes
      case 'gzip':
        return zlib.gunzipSync(bytes, { maxOutputLength: maxBytes })
      case 'zstd':
        return zlib.zstdDecompressSync(bytes, { maxOutputLength: maxBytes })
      default:
        throw damaged(codec, 'not there yet')
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(codec, maxBytes)
    throw damaged(codec, String(error), error)
  }
}
