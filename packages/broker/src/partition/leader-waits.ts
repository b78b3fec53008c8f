import type { FetchWait } from '../fetch/fetch-wait.ts'
import { CommitQueue } from './commit-queue.ts'
import type { ReplicaFeed } from './replica-feed.ts'

/** Everybody who waits for something to happen to a partition led here. */
export class LeaderWaits {
  /** For the leader's own file. */
  readonly writes = new CommitQueue()
  /** For the high watermark. */
  readonly commits = new CommitQueue()
  /** For the low watermark: records were deleted, and the other replicas are to do the same. */
  readonly deletions = new CommitQueue()
  /** Consumers. */
  readonly fetches = new Set<FetchWait>()
  /** Followers, as their sessions want to be told. */
  readonly feeds = new Set<ReplicaFeed>()
  /** Sizes of batches above the high watermark, for consumers that wait until they can be read. */
  #uncommitted: { readonly nextOffset: number; readonly sizeInBytes: number }[] = []
  /** Appended, but not yet in the file. */
  #unwrittenBytes = 0

  appended(nextOffset: number, sizeInBytes: number): void {
    this.#uncommitted.push({ nextOffset, sizeInBytes })
    this.#unwrittenBytes += sizeInBytes
  }

  written(writtenOffset: number): void {
    this.writes.advance(writtenOffset)
    const bytes = this.#unwrittenBytes
    this.#unwrittenBytes = 0
    for (const feed of this.feeds) feed.recordsWritten(bytes)
  }

  committed(highWatermark: number): void {
    let readable = 0
    let count = 0
    for (; count < this.#uncommitted.length && this.#uncommitted[count]!.nextOffset <= highWatermark; count++)
      readable += this.#uncommitted[count]!.sizeInBytes
    if (count === this.#uncommitted.length) this.#uncommitted.length = 0
    else this.#uncommitted.splice(0, count)
    this.commits.advance(highWatermark)
    if (readable > 0) for (const wait of this.fetches) wait.readable(readable)
    for (const feed of this.feeds) feed.highWatermarkMoved()
  }

  startMoved(): void {
    for (const feed of this.feeds) feed.highWatermarkMoved()
  }

  epochBegan(): void {
    for (const feed of this.feeds) feed.leaderChanged()
  }

  /** Nothing that anybody waits for will happen here. */
  fail(errorCode: number): void {
    this.writes.fail(errorCode)
    this.commits.fail(errorCode)
    this.deletions.fail(errorCode)
    for (const wait of this.fetches) wait.wake()
    for (const feed of this.feeds) feed.leaderChanged()
  }
}
