import {
  BatchView,
  type ElementOf,
  ErrorCode,
  errorOf,
  Fetch,
  type FetchResponse,
  KafkaError,
  zeroUuid,
} from '@millrace/protocol'
import { MillraceError, messageOf, type Timer } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import type { Connection } from '../network/connection.ts'
import type { BrokerNode } from '../network/metadata.ts'
import { nameOf } from '../topic-partition.ts'
import { AbortedTransactions } from './aborted-transactions.ts'
import { type ConsumedBatch, FetchedBatch } from './consumed-batch.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import { FetchSession, type FetchTarget } from './fetch-session.ts'
import type { PartitionState } from './partition-state.ts'

export interface FetcherOptions {
  readonly fetchMinBytes: number
  readonly fetchMaxBytes: number
  readonly fetchMaxWaitMs: number
  readonly maxPartitionFetchBytes: number
  readonly prefetchBytes: number
  readonly maxPollRecords: number
  readonly maxDecompressedBytes: number
  readonly requestTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly readCommitted: boolean
  readonly checkCrcs: boolean
  readonly clientRack: string
}

type PartitionAnswer = ElementOf<ElementOf<FetchResponse['responses']>['partitions']>

interface BrokerFetch {
  readonly session: FetchSession
  isOut: boolean
}

/** A partition in a request, as it was when the request left. */
interface Asked {
  readonly state: PartitionState
  readonly seeks: number
}

/**
 * Fetches ahead of the reader: one request at a time a broker, the next as soon as an answer is there, for the partitions that have room.
 * So one answer is read while the next is on its way, and memory stays within `prefetchBytes` plus one answer a broker.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #options: FetcherOptions
  readonly #metrics: ConsumerMetrics
  readonly #partitions: ReadonlyMap<string, PartitionState>
  readonly #arrived: () => void
  readonly #brokers = new Map<number, BrokerFetch>()
  #retryTimer: Timer | undefined
  /** With batches or an error for the reader, in the order of their turns; some may have been sought away or revoked since. */
  readonly #readable: PartitionState[] = []
  #bufferedBytes = 0
  /** Something was read since `fetch` last looked. */
  #hasRoom = false
  #isClosed = false

  /** `partitions`: what is assigned, by name, kept by the consumer. `arrived`: there is something new to read, or to know. */
  constructor(
    cluster: Cluster,
    options: FetcherOptions,
    partitions: ReadonlyMap<string, PartitionState>,
    metrics: ConsumerMetrics,
    arrived: () => void,
  ) {
    this.#cluster = cluster
    this.#options = options
    this.#partitions = partitions
    this.#metrics = metrics
    this.#arrived = arrived
  }

  /** Sends what can be sent. Cheap when nothing can. */
  fetch(): void {
    if (this.#isClosed) return
    this.#hasRoom = false
    const nowMs = this.#cluster.world.clock.monotonic()
    let byNode: Map<BrokerNode, PartitionState[]> | undefined
    let bufferedBytes = 0
    for (const state of this.#partitions.values()) bufferedBytes += state.bufferedBytes
    this.#bufferedBytes = bufferedBytes
    if (bufferedBytes >= this.#options.prefetchBytes) return
    for (const state of this.#partitions.values()) {
      if (!this.#mayFetch(state, nowMs)) continue
      const node = this.#nodeFor(state, nowMs)
      if (node === undefined) {
        this.#cluster.requestMetadata()
        continue
      }
      if (this.#brokers.get(node.nodeId)?.isOut) continue
      byNode ??= new Map()
      const list = byNode.get(node)
      if (list) list.push(state)
      else byNode.set(node, [state])
    }
    for (const [node, states] of byNode ?? []) void this.#fetchFrom(node, states)
  }

  /** The same, if reading has made room since. Costs nothing otherwise: for the way of every poll. */
  fetchIfRoom(): void {
    if (this.#hasRoom) this.fetch()
  }

  /** Records of a partition that was paused may be there already. */
  resumed(state: PartitionState): void {
    if (state.buffered.length > 0 || state.error) this.#enqueue(state)
    this.fetch()
  }

  /**
   * Hands out batches, in order within a partition, the partitions in turn, until there are `maxRecords` of them. Throws what is
   * wrong with a partition when it is that partition's turn.
   */
  take(maxRecords = this.#options.maxPollRecords): ConsumedBatch[] {
    const batches: ConsumedBatch[] = []
    let records = 0
    while (this.#readable.length > 0 && records < maxRecords) {
      const state = this.#readable[0]!
      if (state.isPaused || !this.#isCurrent(state)) {
        this.#dequeue()
        continue
      }
      while (state.buffered.length > 0 && records < maxRecords) {
        const next = state.buffered[0]!
        if (this.#options.checkCrcs && !next.view.isCrcValid()) {
          if (batches.length > 0) return batches
          throw corruptBatch(state, next.view.baseOffset)
        }
        batches.push(state.take())
        records += next.recordCount
        this.#metrics.consumed(next)
      }
      if (state.bufferedBytes < this.#options.maxPartitionFetchBytes) this.#hasRoom = true
      if (state.buffered.length > 0) {
        // The rest of this partition comes after the others have had their turn.
        this.#readable.push(this.#readable.shift()!)
        return batches
      }
      if (state.error && batches.length > 0) return batches
      this.#dequeue()
      if (state.error) {
        const { error } = state
        state.error = null
        this.#hasRoom = true
        throw error
      }
    }
    return batches
  }

  close(): void {
    this.#isClosed = true
    this.#retryTimer?.cancel()
  }

  #enqueue(state: PartitionState): void {
    if (state.isReadable) return
    state.isReadable = true
    this.#readable.push(state)
  }

  #dequeue(): void {
    this.#readable.shift()!.isReadable = false
  }

  #fail(state: PartitionState, error: Error): void {
    state.error = error
    this.#enqueue(state)
  }

  #mayFetch(state: PartitionState, nowMs: number): boolean {
    if (state.fetchOffset < 0 || state.isPaused || state.error) return false
    if (state.bufferedBytes >= this.#options.maxPartitionFetchBytes && state.bufferedBytes > 0) return false
    if (nowMs >= state.retryAtMs) return true
    this.#retryTimer ??= this.#cluster.world.clock.timer(state.retryAtMs - nowMs, () => {
      this.#retryTimer = undefined
      this.fetch()
    })
    return false
  }

  /** The leader, or the nearer replica that it named. */
  #nodeFor(state: PartitionState, nowMs: number): BrokerNode | undefined {
    const { metadata } = this.#cluster
    if (state.preferredReplica >= 0 && nowMs < state.preferredUntilMs) {
      const preferred = metadata.brokers.get(state.preferredReplica)
      if (preferred) return preferred
    }
    return metadata.leaderOf(state.topic, state.partition)
  }

  async #fetchFrom(node: BrokerNode, states: readonly PartitionState[]): Promise<void> {
    let broker = this.#brokers.get(node.nodeId)
    if (!broker) this.#brokers.set(node.nodeId, (broker = { session: new FetchSession(), isOut: false }))
    broker.isOut = true
    let isRequested = false
    try {
      const connection = await this.#cluster.connect(node, 'fetch')
      // Assignment and positions may have changed while the connection was made.
      const asked = states.filter(state => this.#isCurrent(state) && state.fetchOffset >= 0 && !state.isPaused)
      if (asked.length > 0) {
        isRequested = true
        const response = await this.#request(connection, broker.session, asked)
        broker.session.answered(response.response.errorCode, response.response.sessionId)
        this.#take(response.response, response.asked)
      }
    } catch (error) {
      if (isRequested) broker.session.failed()
      if (this.#isClosed) return
      this.#cluster.logger.warn('client.fetch.failed', { node: node.nodeId, error: messageOf(error) })
      this.#cluster.requestMetadata()
      for (const state of states) this.#backOff(state)
      if (!(error instanceof MillraceError && error.retriable)) for (const state of states) this.#fail(state, error as Error)
    } finally {
      broker.isOut = false
    }
    this.#arrived()
    this.fetch()
  }

  async #request(
    connection: Connection,
    session: FetchSession,
    states: readonly PartitionState[],
  ): Promise<{ response: FetchResponse; asked: Map<string, Asked> }> {
    const {
      fetchMinBytes,
      fetchMaxBytes,
      fetchMaxWaitMs,
      readCommitted,
      clientRack,
      requestTimeoutMs,
      prefetchBytes,
      maxPartitionFetchBytes,
    } = this.#options
    const { metadata } = this.#cluster
    const asked = new Map<string, Asked>()
    let allHaveIds = true
    const targets = states.map((state): FetchTarget => {
      const { topic, partition, fetchOffset, fetchEpoch, seeks } = state
      const topicId = metadata.topic(topic)?.topicId ?? zeroUuid
      if (topicId === zeroUuid) allHaveIds = false
      asked.set(nameOf(state), { state, seeks })
      return {
        topic,
        topicId,
        partition,
        fetchOffset,
        currentLeaderEpoch: metadata.leaderEpochOf(topic, partition),
        lastFetchedEpoch: fetchEpoch,
        partitionMaxBytes: maxPartitionFetchBytes,
      }
    })
    const body = {
      maxWaitMs: fetchMaxWaitMs,
      minBytes: fetchMinBytes,
      maxBytes: Math.min(fetchMaxBytes, Math.max(1, prefetchBytes - this.#bufferedBytes)),
      isolationLevel: readCommitted ? 1 : 0,
      rackId: clientRack,
      ...session.next(targets),
    }
    const options = { timeoutMs: requestTimeoutMs + fetchMaxWaitMs, ...(allHaveIds ? {} : { maxVersion: 12 }) }
    const startedMs = this.#cluster.world.clock.monotonic()
    const response = await connection.request(Fetch, version => (version >= 12 ? body : withoutEpochs(body)), options)
    this.#metrics.fetched(this.#cluster.world.clock.monotonic() - startedMs)
    return { response, asked }
  }

  #take(response: FetchResponse, asked: ReadonlyMap<string, Asked>): void {
    if (response.errorCode !== ErrorCode.NONE) {
      for (const { state } of asked.values()) this.#backOff(state)
      return
    }
    const { metadata } = this.#cluster
    for (const { topic: name, topicId, partitions } of response.responses) {
      const topic = name === '' ? metadata.nameOf(topicId) : name
      if (topic === undefined) continue
      for (const answer of partitions) {
        const entry = asked.get(nameOf({ topic, partition: answer.partitionIndex }))
        // Not asked for, given away meanwhile, or sought to somewhere else: none of our business any more.
        if (!entry || !this.#isCurrent(entry.state) || entry.state.seeks !== entry.seeks) continue
        this.#takePartition(entry.state, answer, response)
      }
    }
  }

  #takePartition(state: PartitionState, answer: PartitionAnswer, response: FetchResponse): void {
    if (answer.errorCode !== ErrorCode.NONE) {
      this.#takeError(state, answer, response)
      return
    }
    state.failures = 0
    if (answer.highWatermark >= 0) state.highWatermark = answer.highWatermark
    if (answer.lastStableOffset >= 0) state.lastStableOffset = answer.lastStableOffset
    if (answer.logStartOffset >= 0) state.logStartOffset = answer.logStartOffset
    if (answer.preferredReadReplica >= 0) {
      state.preferredReplica = answer.preferredReadReplica
      state.preferredUntilMs = this.#cluster.world.clock.monotonic() + this.#options.metadataMaxAgeMs
      return
    }
    if (answer.divergingEpoch.endOffset >= 0) this.#truncated(state, answer.divergingEpoch.endOffset)
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
          this.#enqueue(state)
          this.#bufferedBytes += last.sizeInBytes
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
      this.#fail(state, new KafkaError(ErrorCode.CORRUPT_MESSAGE, `${where}: ${messageOf(error)}`, { hint, cause: error }))
    }
  }

  #takeError(state: PartitionState, answer: PartitionAnswer, response: FetchResponse): void {
    const { errorCode, currentLeader } = answer
    const error = errorOf(errorCode, nameOf(state))
    state.preferredReplica = -1
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      this.#outOfRange(state)
      return
    }
    if (currentLeader.leaderId >= 0) {
      const endpoint = response.nodeEndpoints.find(({ nodeId }) => nodeId === currentLeader.leaderId)
      if (
        this.#cluster.metadata.applyLeaderHint(
          state.topic,
          state.partition,
          currentLeader.leaderId,
          currentLeader.leaderEpoch,
          endpoint,
        )
      )
        return
    }
    this.#backOff(state)
    if (error.retriable || errorCode === ErrorCode.UNKNOWN_LEADER_EPOCH || errorCode === ErrorCode.FENCED_LEADER_EPOCH) {
      this.#cluster.logger.warn('client.fetch.retried', { partition: nameOf(state), error: error.code })
      this.#cluster.requestMetadata()
    } else {
      this.#fail(state, error)
    }
  }

  #outOfRange(state: PartitionState): void {
    // What is buffered was read before the log moved on: the reader gets it first, and asks again from where it is then.
    if (state.buffered.length > 0) {
      state.fetchOffset = state.buffered.at(-1)!.nextOffset
      this.#backOff(state)
      return
    }
    const { autoOffsetReset } = this.#options
    if (autoOffsetReset === 'none') {
      const where = `${nameOf(state)} at offset ${state.fetchOffset}`
      this.#fail(state, errorOf(ErrorCode.OFFSET_OUT_OF_RANGE, `${where}, and autoOffsetReset is none`))
      return
    }
    this.#cluster.logger.warn('client.fetch.out-of-range', {
      partition: nameOf(state),
      offset: state.fetchOffset,
      reset: autoOffsetReset,
    })
    state.reset(autoOffsetReset)
  }

  /** The log was cut below our position and goes on differently (KIP-320). */
  #truncated(state: PartitionState, endOffset: number): void {
    this.#cluster.logger.warn('client.fetch.truncated', {
      partition: nameOf(state),
      offset: state.fetchOffset,
      truncatedTo: endOffset,
    })
    if (this.#options.autoOffsetReset === 'none') {
      const what = `${nameOf(state)} was truncated to ${endOffset}, before the position ${state.position}`
      this.#fail(state, errorOf(ErrorCode.OFFSET_OUT_OF_RANGE, what))
      return
    }
    state.seek(Math.min(endOffset, state.position))
  }

  #backOff(state: PartitionState): void {
    state.retryAtMs = this.#cluster.world.clock.monotonic() + this.#cluster.retryBackoff.delayMs(++state.failures)
  }

  #isCurrent(state: PartitionState): boolean {
    return this.#partitions.get(nameOf(state)) === state
  }
}

/** Versions before 12 can't carry the last fetched epoch. */
function withoutEpochs<T extends { readonly topics?: readonly any[] | undefined }>(body: T): T {
  const topics = body.topics?.map(topic => ({
    ...topic,
    partitions: topic.partitions.map(({ lastFetchedEpoch: _, ...rest }: { lastFetchedEpoch: number }) => rest),
  }))
  return { ...body, topics }
}

function corruptBatch(state: PartitionState, offset: number): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, `The CRC of the batch at offset ${offset} of ${nameOf(state)} is wrong`, {
    hint: 'seek behind it to go on without it',
  })
}
