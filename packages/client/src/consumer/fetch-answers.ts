import { BatchView, type ElementOf, ErrorCode, errorOf, type FetchResponse, KafkaError } from '@millrace/protocol'
import { messageOf } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import { LogTruncationError } from '../errors.ts'
import { nameOf } from '../topic-partition.ts'
import { AbortedTransactions } from './aborted-transactions.ts'
import { FetchedBatch } from './consumed-batch.ts'
import type { PartitionState } from './partition-state.ts'
import type { ReadablePartitions } from './readable-partitions.ts'

export interface FetchAnswersOptions {
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly readCommitted: boolean
  readonly maxDecompressedBytes: number
  /** How long a replica that a leader named is preferred. */
  readonly metadataMaxAgeMs: number
}

type PartitionAnswer = ElementOf<ElementOf<FetchResponse['responses']>['partitions']>

/** A partition in a request, as it was when the request left. */
export interface Asked {
  readonly state: PartitionState
  readonly seeks: number
  /** As the client knew it. */
  readonly leaderEpoch: number
  /** False: a replica near to us was asked (KIP-392). */
  readonly isLeader: boolean
}

/** Takes fetch answers into the states of their partitions: batches, ends of logs, and what errors ask for. */
export class FetchAnswers {
  readonly #cluster: Cluster
  readonly #options: FetchAnswersOptions
  readonly #readable: ReadablePartitions

  constructor(cluster: Cluster, options: FetchAnswersOptions, readable: ReadablePartitions) {
    this.#cluster = cluster
    this.#options = options
    this.#readable = readable
  }

  take(response: FetchResponse, asked: ReadonlyMap<string, Asked>): void {
    if (response.errorCode !== ErrorCode.NONE) {
      for (const { state } of asked.values()) this.backOff(state)
      return
    }
    const { metadata } = this.#cluster
    for (const { topic: name, topicId, partitions } of response.responses) {
      const topic = name === '' ? metadata.nameOf(topicId) : name
      if (topic === undefined) continue
      for (const answer of partitions) {
        const entry = asked.get(nameOf({ topic, partition: answer.partitionIndex }))
        // Not asked for, given away meanwhile, or sought to somewhere else: none of our business any more.
        if (!entry || !this.#readable.isCurrent(entry.state) || entry.state.seeks !== entry.seeks) continue
        this.#takePartition(entry, answer, response)
      }
    }
  }

  #takePartition(asked: Asked, answer: PartitionAnswer, response: FetchResponse): void {
    const { state } = asked
    if (answer.errorCode !== ErrorCode.NONE) {
      this.#takeError(asked, answer, response)
      return
    }
    state.failures = 0
    state.failedEpoch = -1
    if (answer.highWatermark >= 0) state.highWatermark = answer.highWatermark
    if (answer.lastStableOffset >= 0) state.lastStableOffset = answer.lastStableOffset
    if (answer.logStartOffset >= 0) state.logStartOffset = answer.logStartOffset
    if (answer.preferredReadReplica >= 0) {
      state.preferredReplica = answer.preferredReadReplica
      state.preferredUntilMs = this.#cluster.world.clock.monotonic() + this.#options.metadataMaxAgeMs
      // It was away when the brokers were asked for last, and without an address the leader is asked again and again.
      if (!this.#cluster.metadata.brokers.has(answer.preferredReadReplica)) this.#cluster.requestMetadata()
      return
    }
    if (answer.divergingEpoch.endOffset >= 0) this.truncated(state, answer.divergingEpoch.endOffset)
    else if (answer.records && answer.records.length > 0) this.#buffer(state, answer)
  }

  /** Puts the batches behind what is buffered: without control batches, aborted data, and what lies wholly before the position. */
  #buffer(state: PartitionState, { records, abortedTransactions, highWatermark }: PartitionAnswer): void {
    const aborted = this.#options.readCommitted ? new AbortedTransactions(abortedTransactions ?? []) : null
    const bytes = records!
    let last: FetchedBatch | undefined
    let found = false
    try {
      for (let at = 0; ; ) {
        const view = BatchView.at(bytes, at)
        if (view === null) break
        at += view.sizeInBytes
        found = true
        // Compaction may leave the batch that was asked for with a gap behind; what comes before was read already.
        if (view.lastOffset < state.fetchOffset) continue
        const isAborted = aborted?.isAborted(view) ?? false
        if (!view.isControl && !isAborted && view.recordCount > 0) {
          last = new FetchedBatch(
            state.topic,
            state.partition,
            view,
            state.fetchOffset,
            highWatermark,
            this.#options.maxDecompressedBytes,
          )
          state.buffer(last)
          this.#readable.add(state)
        } else if (last) {
          last.nextOffset = view.nextOffset
        } else if (state.buffered.length > 0) {
          state.buffered.at(-1)!.nextOffset = view.nextOffset
        } else {
          // Nothing for the reader up to here: its position goes along.
          state.position = view.nextOffset
        }
        state.fetchOffset = view.nextOffset
        state.fetchEpoch = view.partitionLeaderEpoch
      }
      if (!found) throw errorOf(ErrorCode.CORRUPT_MESSAGE, `${bytes.length} bytes without a whole batch`)
    } catch (error) {
      const where = `${nameOf(state)} at offset ${state.fetchOffset}`
      const hint = 'seek behind it to go on without it'
      this.#readable.fail(
        state,
        new KafkaError(ErrorCode.CORRUPT_MESSAGE, `${where}: ${messageOf(error)}`, { hint, cause: error }),
      )
    }
  }

  #takeError({ state, leaderEpoch, isLeader }: Asked, answer: PartitionAnswer, response: FetchResponse): void {
    const { errorCode, currentLeader } = answer
    const { metadata, logger } = this.#cluster
    const error = errorOf(errorCode, nameOf(state))
    // A replica that lags, or has deleted more, says nothing about the partition: the leader does.
    if (!isLeader) {
      state.preferredReplica = -1
      logger.info('client.fetch.replica-left', { partition: nameOf(state), error: error.code })
      return
    }
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      this.#outOfRange(state)
      return
    }
    if (currentLeader.leaderId >= 0) {
      const endpoint = response.nodeEndpoints.find(({ nodeId }) => nodeId === currentLeader.leaderId)
      metadata.applyLeaderHint(state.topic, state.partition, currentLeader.leaderId, currentLeader.leaderEpoch, endpoint)
    }
    // There is a new leader: nothing to wait for.
    if (leaderEpoch >= 0 && metadata.leaderEpochOf(state.topic, state.partition) > leaderEpoch) return
    this.refused(state, error)
  }

  /** What passes is asked again after a while and with fresh metadata; what does not is the reader's. */
  refused(state: PartitionState, error: KafkaError): void {
    this.backOff(state)
    if (error.retriable) {
      this.#cluster.logger.warn('client.fetch.retried', { partition: nameOf(state), error: error.code })
      this.#cluster.requestMetadata()
    } else {
      this.#readable.fail(state, error)
    }
  }

  #outOfRange(state: PartitionState): void {
    // What is buffered was read before the log moved on: the reader gets it first, and asks again from where it is then.
    if (state.buffered.length > 0) {
      state.fetchOffset = state.buffered.at(-1)!.nextOffset
      this.backOff(state)
      return
    }
    const { autoOffsetReset } = this.#options
    if (autoOffsetReset === 'none') {
      const where = `${nameOf(state)} at offset ${state.fetchOffset}`
      this.#readable.fail(state, errorOf(ErrorCode.OFFSET_OUT_OF_RANGE, `${where}, and autoOffsetReset is none`))
      return
    }
    this.#cluster.logger.warn('client.fetch.out-of-range', {
      partition: nameOf(state),
      offset: state.fetchOffset,
      reset: autoOffsetReset,
    })
    state.reset(autoOffsetReset)
  }

  /** The log was cut below our position and goes on differently from `endOffset` on (KIP-320); null: it is not known from where. */
  truncated(state: PartitionState, endOffset: number | null): void {
    const { autoOffsetReset } = this.#options
    this.#cluster.logger.warn('client.fetch.truncated', {
      partition: nameOf(state),
      offset: state.fetchOffset,
      truncatedTo: endOffset ?? 'unknown',
    })
    if (autoOffsetReset === 'none') this.#readable.fail(state, new LogTruncationError(nameOf(state), state.position, endOffset))
    else if (endOffset === null) state.reset(autoOffsetReset)
    else state.seek(Math.min(endOffset, state.position))
  }

  /** No fetch of the partition for a while, unless it gets a new leader. */
  backOff(state: PartitionState): void {
    state.failedEpoch = this.#cluster.metadata.leaderEpochOf(state.topic, state.partition)
    state.retryAtMs = this.#cluster.world.clock.monotonic() + this.#cluster.retryBackoff.delayMs(++state.failures)
  }
}
