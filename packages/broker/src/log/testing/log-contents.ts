import { BatchBuilder, type BatchBuilderOptions, BatchView, batchesIn } from '@millrace/protocol'
import type { Log } from '../log.ts'

/** For tests: one batch of text values, timestamps counting up from `timestamp`. */
export function batchOf(values: readonly string[], timestamp = 1000, options: Partial<BatchBuilderOptions> = {}): BatchView {
  const builder = new BatchBuilder({ maxBytes: 1 << 20, ...options })
  for (const [i, value] of values.entries()) builder.append(timestamp + i, null, value)
  return BatchView.at(builder.build(), 0)!
}

/** For tests: a batch of text values as a producer sends it, all of one time. */
export function producedBatch(...values: string[]): Uint8Array {
  const builder = new BatchBuilder({ maxBytes: 1 << 20 })
  for (const value of values) builder.append(1000, null, value)
  return builder.build()
}

/** For tests: every record from `offset` on as `[offset, value]`, read in pieces as a consumer does. Throws for a wrong CRC and for a read without progress. */
export function contentsOf(log: Log, offset = log.logStartOffset, maxBytes = 300): [number, string][] {
  const found: [number, string][] = []
  for (let at = offset; at < log.logEndOffset; ) {
    const { chunks, nextOffset } = log.read(at, { maxBytes })
    if (nextOffset <= at) throw new Error(`a read at offset ${at} goes to ${nextOffset}`)
    for (const view of batchesIn(Buffer.concat(chunks))) {
      if (!view.isCrcValid()) throw new Error(`wrong CRC in the batch at offset ${view.baseOffset}`)
      const cursor = view.records()
      while (cursor.next()) if (cursor.offset >= offset) found.push([cursor.offset, Buffer.from(cursor.value()!).toString()])
    }
    at = nextOffset
  }
  return found
}

/** For tests: appends `count` batches of `size` records, ten milliseconds apart; gives what `contentsOf` should find. */
export function fill(log: Log, count: number, size = 3, epoch = 0): [number, string][] {
  const wrote: [number, string][] = []
  for (let i = 0; i < count; i++) {
    const values = Array.from({ length: size }, (_, n) => `value-${log.logEndOffset + n}`)
    const { baseOffset } = log.appendAsLeader(batchOf(values, 1000 + i * 10), epoch)
    for (const [n, value] of values.entries()) wrote.push([baseOffset + n, value])
  }
  return wrote
}
