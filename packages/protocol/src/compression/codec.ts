/** Compression of a batch's record section, by the name that configurations use; the index is the id in the batch's attributes. */
export const compressionCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type CompressionCodec = (typeof compressionCodecs)[number]

/** The id in bits 0 to 2 of the attributes. */
export function compressionIdOf(codec: CompressionCodec): number {
  return compressionCodecs.indexOf(codec)
}
