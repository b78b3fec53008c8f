import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { batchesIn } from '@millrace/protocol'

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CodecName = (typeof codecs)[number]

/** The codecs of a partition's batches as they are in its segments, each once, in order. */
export function storedCodecs(dataDirectory: string, topic: string, partition = 0): CodecName[] {
  const folder = join(dataDirectory, `${topic}-${partition}`)
  const segments = readdirSync(folder).filter(name => name.endsWith('.log'))
  const found = segments
    .sort()
    .flatMap(name => [...batchesIn(readFileSync(join(folder, name)))].map(batch => batch.attributes & 7))
  return [...new Set(found)].map(codec => codecs[codec]!)
}

/** A value that every codec makes smaller: clients send a batch as it is when compression gains nothing. */
export function compressible(label: string): string {
  return `${label} ${'the same again '.repeat(20)}`
}
