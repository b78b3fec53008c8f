import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { Cpu } from '../world.ts'

const gunzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip)
const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip)
const zstdDecompress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress)
const zstdCompress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress)

export const nodeCpu: Cpu = {
  inflate: (codec, bytes, maxBytes) =>
    codec === 'gzip' ? gunzip(bytes, { maxOutputLength: maxBytes }) : zstdDecompress(bytes, { maxOutputLength: maxBytes }),
  deflate: (codec, bytes, level) =>
    codec === 'gzip'
      ? gzip(bytes, level === undefined ? {} : { level })
      : zstdCompress(bytes, level === undefined ? {} : { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }),
}
