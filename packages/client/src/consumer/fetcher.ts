import { Fetch, type FetchResponse, zeroUuid } from '@millrace/protocol'
import { MillraceError, messageOf, type Timer } from '@millrace/runtime'
import type { Cluster } from '../cluster.ts'
import type { Connection } from '../network/connection.ts'
import type { BrokerNode } from '../network/metadata.ts'
import { nameOf } from '../topic-partition.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import { type Asked, FetchAnswers, type FetchAnswersOptions } from './fetch-answers.ts'
import { FetchSession, type FetchTarget } from './fetch-session.ts'
import type { PartitionState } from './partition-state.ts'
import { ReadablePartitions, type ReadablePartitionsOptions } from './readable-partitions.ts'

export interface FetcherOptions extends FetchAnswersOptions, ReadablePartitionsOptions {
  readonly fetchMinBytes: number
  readonly fetchMaxBytes: number
  readonly fetchMaxWaitMs: number
  readonly prefetchBytes: number
  readonly requestTimeoutMs: number
  readonly clientRack: string
}

interface BrokerFetch {
  readonly session: FetchSession
  isOut: boolean
}

/**
 * Fetches ahead of the reader: one request at a time a broker, the next as soon as an answer is there, for the partitions that have room.
 * So one answer is read while the next is on its way, and memory stays within `prefetchBytes` plus one answer a broker.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #options: FetcherOptions
  readonly #metrics: ConsumerMetrics
  readonly #readable: ReadablePartitions
  readonly #answers: FetchAnswers
  readonly #partitions: ReadonlyMap<string, PartitionState>
  readonly #arrived: () => void
  readonly #brokers = new Map<number, BrokerFetch>()
  #retryTimer: Timer | undefined
  #bufferedBytes = 0
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
    this.#readable = new ReadablePartitions(options, partitions, metrics)
    this.#answers = new FetchAnswers(cluster, options, this.#readable)
  }

  /** Sends what can be sent. Cheap when nothing can. */
  fetch(): void {
    if (this.#isClosed) return
    this.#readable.hasRoom = false
    const nowMs = this.#cluster.world.clock.monotonic()
    let byNode: Map<BrokerNode, PartitionState[]> | undefined
    // A fetch of idle partitions alone would be out for as long as the broker waits, and hold up those that are full only now.
    let held: Set<BrokerNode> | undefined
    let bufferedBytes = 0
    for (const state of this.#partitions.values()) bufferedBytes += state.bufferedBytes
    this.#bufferedBytes = bufferedBytes
    if (bufferedBytes >= this.#options.prefetchBytes) return
    for (const state of this.#partitions.values()) {
      if (!this.#mayFetch(state, nowMs)) {
        const full = this.#isFull(state) && !state.isPaused ? this.#nodeFor(state, nowMs) : undefined
        if (full) (held ??= new Set()).add(full)
        continue
      }
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
    for (const [node, states] of byNode ?? [])
      if (!held?.has(node) || states.some(state => this.#hasMore(state))) void this.#fetchFrom(node, states)
  }

  /** The same, if reading has made room since. Costs nothing otherwise: for the way of every poll. */
  fetchIfRoom(): void {
    if (this.#readable.hasRoom) this.fetch()
  }

  /** Records of a partition that was paused may be there already. */
  resumed(state: PartitionState): void {
    if (state.buffered.length > 0 || state.error) this.#readable.add(state)
    this.fetch()
  }

  /**
   * Hands out batches, in order within a partition, the partitions in turn, until there are `maxRecords` of them. Throws what is
   * wrong with a partition when it is that partition's turn.
   */
  take(maxRecords: number): ConsumedBatch[] {
    return this.#readable.take(maxRecords)
  }

  close(): void {
    this.#isClosed = true
    this.#retryTimer?.cancel()
  }

  #mayFetch(state: PartitionState, nowMs: number): boolean {
    if (state.fetchOffset < 0 || state.isPaused || state.error) return false
    if (this.#isFull(state)) return false
    if (nowMs >= state.retryAtMs) return true
    this.#retryTimer ??= this.#cluster.world.clock.timer(state.retryAtMs - nowMs, () => {
      this.#retryTimer = undefined
      this.fetch()
    })
    return false
  }

  /** The broker is known to have records behind what was fetched: a fetch that asks for them is answered at once. */
  #hasMore({ fetchOffset, highWatermark, lastStableOffset }: PartitionState): boolean {
    return fetchOffset < (this.#options.readCommitted ? lastStableOffset : highWatermark)
  }

  /** The reader has enough of this partition for now. */
  #isFull({ bufferedBytes }: PartitionState): boolean {
    return bufferedBytes > 0 && bufferedBytes >= this.#options.maxPartitionFetchBytes
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
      const asked = states.filter(state => this.#readable.isCurrent(state) && state.fetchOffset >= 0 && !state.isPaused)
      if (asked.length > 0) {
        isRequested = true
        const response = await this.#request(connection, broker.session, asked)
        broker.session.answered(response.response.errorCode, response.response.sessionId)
        this.#answers.take(response.response, response.asked)
      }
    } catch (error) {
      if (isRequested) broker.session.failed()
      if (this.#isClosed) return
      this.#cluster.logger.warn('client.fetch.failed', { node: node.nodeId, error: messageOf(error) })
      this.#cluster.requestMetadata()
      for (const state of states) this.#answers.backOff(state)
      if (!(error instanceof MillraceError && error.retriable))
        for (const state of states) this.#readable.fail(state, error as Error)
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
}

/** Versions before 12 can't carry the last fetched epoch. */
function withoutEpochs<T extends { readonly topics?: readonly any[] | undefined }>(body: T): T {
  const topics = body.topics?.map(topic => ({
    ...topic,
    partitions: topic.partitions.map(({ lastFetchedEpoch: _, ...rest }: { lastFetchedEpoch: number }) => rest),
  }))
  return { ...body, topics }
}
