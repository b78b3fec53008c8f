import { messageOf } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import type { OffsetCommit } from '../group/group-offsets.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { PartitionState } from './partition-state.ts'

/** Automatic commits: from time to time, of what the reader is done with, one after the other. */
export class AutomaticCommits {
  readonly #cluster: Cluster
  readonly #intervalMs: number
  readonly #partitions: ReadonlyMap<string, PartitionState>
  readonly #commit: (offsets: readonly OffsetCommit[]) => Promise<void>
  #nextMs: number
  #committing: Promise<void> | undefined

  constructor(
    cluster: Cluster,
    intervalMs: number,
    partitions: ReadonlyMap<string, PartitionState>,
    commit: (offsets: readonly OffsetCommit[]) => Promise<void>,
  ) {
    this.#cluster = cluster
    this.#intervalMs = intervalMs
    this.#partitions = partitions
    this.#commit = commit
    this.#nextMs = cluster.world.clock.monotonic() + intervalMs
  }

  /** When it is time, in the background: the reader does not wait for it. */
  serve(nowMs: number): void {
    if (nowMs < this.#nextMs || this.#committing) return
    this.#nextMs = nowMs + this.#intervalMs
    this.#committing = this.#commitFinished().finally(() => {
      this.#committing = undefined
    })
  }

  /** At once: before partitions are given up. Never rejects; a failure is logged, and the records come again. */
  async now(): Promise<void> {
    // An earlier commit must not overwrite a later one.
    await this.#committing
    await this.#commitFinished()
  }

  async #commitFinished(): Promise<void> {
    const finished = [...this.#partitions.values()].filter(state => state.finished >= 0)
    if (finished.length === 0) return
    const commits = finished.map(state => commitOf(state, state.finished, state.finishedEpoch))
    for (const state of finished) state.finished = -1
    try {
      await this.#commit(commits)
    } catch (error) {
      this.#cluster.logger.warn('client.consumer.auto-commit-failed', { partitions: commits.length, error: messageOf(error) })
      // Nothing newer has been finished: the next commit tries this one again.
      finished.forEach((state, place) => {
        if (state.finished < 0) state.finished = commits[place]!.offset
      })
    }
  }
}

export function commitOf({ topic, partition }: TopicPartition, offset: number, leaderEpoch: number): OffsetCommit {
  return { topic, partition, offset, leaderEpoch }
}
