import type { Clock } from '@millrace/runtime'
import type { DiskGuard } from './disk-guard.ts'
import type { LogEnd } from './log-end.ts'
import type { LogRead } from './log-options.ts'
import { type FoundOffset, findMaxTimestamp, findTimestamp } from './log-search.ts'
import type { LogSegments } from './log-segments.ts'
import { readSegments } from './segment-list.ts'
import type { LogTail } from './tail-cache.ts'

export interface LogReadOptions {
  readonly maxBytes: number
  /** Batches that reach beyond are not read. Default: the end of the log. */
  readonly endOffset?: number
  /** One batch even if it is larger than `maxBytes`. Default true. */
  readonly atLeastOne?: boolean
  /** Memory for what is read from disk. Default: fresh memory. */
  readonly allocate?: (bytes: number) => Buffer
}

export interface LogReaderParts {
  readonly clock: Clock
  readonly guard: DiskGuard
  readonly segments: LogSegments
  readonly tail: LogTail
  readonly end: LogEnd
}

/** Finds batches: the recent ones in memory, the others in the files, into which what is still gathered goes first. */
export class LogReader {
  readonly #parts: LogReaderParts

  constructor(parts: LogReaderParts) {
    this.#parts = parts
  }

  /** `offset` is in the log. Throws CorruptLogError, DiskError. */
  read(offset: number, options: LogReadOptions): LogRead {
    const { clock, guard, segments, tail, end } = this.#parts
    const chunks: Uint8Array[] = []
    const limits = {
      maxBytes: options.maxBytes,
      endOffset: Math.min(options.endOffset ?? end.offset, end.offset),
      atLeastOne: options.atLeastOne ?? true,
      allocate: options.allocate ?? Buffer.allocUnsafeSlow,
    }
    if (offset >= limits.endOffset) return { chunks, sizeBytes: 0, nextOffset: offset }
    if (offset >= tail.startOffset) return { chunks, ...tail.read(offset, limits, chunks) }
    const { bytes, nextOffset } = guard.run(() => {
      end.write()
      return readSegments(segments.all, offset, limits, end.offset, clock.now())
    })
    if (bytes === null) return { chunks, sizeBytes: 0, nextOffset }
    chunks.push(bytes)
    return { chunks, sizeBytes: bytes.length, nextOffset }
  }

  /** The first record from `startOffset` on with a timestamp of at least `timestamp`. */
  offsetForTimestamp(timestamp: number, startOffset: number): FoundOffset | null {
    return this.#search(segments => findTimestamp(segments.all, timestamp, startOffset))
  }

  /** The first record from `startOffset` on with the greatest timestamp. */
  offsetOfMaxTimestamp(startOffset: number): FoundOffset | null {
    return this.#search(segments => findMaxTimestamp(segments.all, startOffset))
  }

  #search(find: (segments: LogSegments) => FoundOffset | null): FoundOffset | null {
    const { guard, segments, end } = this.#parts
    return guard.run(() => {
      end.write()
      return find(segments)
    })
  }
}
