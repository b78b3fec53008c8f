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
import { needsValidation, validated } from './position-validation.ts'
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
  node: BrokerNode
  readonly session: FetchSession
  isOut: boolean
  /** Since when the request or the connection for it is out. */
  outSinceMs: number
  /** Of the request that is out; undefined while it is being made. */
  connection: Connection | undefined
  states: readonly PartitionState[]
}

/** A fetch that is out for so long beyond the broker's own wait makes the consumer look whether somebody else leads by now. */
const stallMs = 1_000
/** How long closing waits for brokers to forget their sessions. */
const closeTimeoutMs = 1_000

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
  #stallTimer: Timer | undefined
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

  /** Leaders may have changed: fetches from new ones, and gives up what is out to a broker that hangs and leads none of it any more. */
  metadataChanged(): void {
    const nowMs = this.#cluster.world.clock.monotonic()
    for (const broker of this.#brokers.values()) {
      if (!broker.isOut) continue
      const isLeft = broker.states.every(state => {
        const node = this.#nodeFor(state, nowMs)
        return node !== undefined && node.nodeId !== broker.node.nodeId
      })
      if (broker.connection && isLeft && this.#isStalled(broker, nowMs)) {
        this.#cluster.logger.warn('client.fetch.stalled', { node: broker.node.nodeId })
        broker.connection.close()
      }
    }
    // A broker that cannot be reached may be gone for good, until the cluster has noticed: the next answer may name another leader.
    for (const state of this.#partitions.values()) {
      const node = state.failures > 0 ? this.#nodeFor(state, nowMs) : undefined
      if (!node || !this.#cluster.pool.isBackingOff(node)) continue
      this.#cluster.requestMetadata()
      break
    }
    this.fetch()
  }

  /** Fetches nothing more, and tells brokers that they may forget the sessions (KIP-227), which waits for them a moment at most. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#retryTimer?.cancel()
    this.#stallTimer?.cancel()
    const { world, pool } = this.#cluster
    const farewells = [...this.#brokers.values()].map(async ({ node, session, isOut }) => {
      const farewell = session.end()
      if (!farewell || pool.isBackingOff(node)) return
      // A fetch that is out holds up what comes behind it on its connection.
      const connection = await pool.connect(node, isOut ? 'general' : 'fetch')
      await connection.request(Fetch, { maxWaitMs: 0, minBytes: 0, ...farewell })
    })
    let timer: Timer | undefined
    const timeUp = new Promise<void>(resolve => {
      timer = world.clock.timer(closeTimeoutMs, resolve)
    })
    await Promise.race([Promise.allSettled(farewells), timeUp])
    timer?.cancel()
  }

  #mayFetch(state: PartitionState, nowMs: number): boolean {
    if (state.fetchOffset < 0 || state.isPaused || state.error) return false
    if (this.#isFull(state)) return false
    if (nowMs >= state.retryAtMs || this.#hasNewLeader(state)) return true
    this.#retryTimer ??= this.#cluster.world.clock.timer(state.retryAtMs - nowMs, () => {
      this.#retryTimer = undefined
      this.fetch()
    })
    return false
  }

  #hasNewLeader({ topic, partition, failedEpoch }: PartitionState): boolean {
    return failedEpoch >= 0 && this.#cluster.metadata.leaderEpochOf(topic, partition) > failedEpoch
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
    const broker = this.#brokerOf(node)
    broker.isOut = true
    broker.outSinceMs = this.#cluster.world.clock.monotonic()
    broker.states = states
    this.#watchStalls()
    let isRequested = false
    try {
      const connection = await this.#cluster.connect(node, 'fetch')
      // Assignment and positions may have changed while the connection was made.
      const isWanted = (state: PartitionState) => this.#readable.isCurrent(state) && state.fetchOffset >= 0 && !state.isPaused
      let asked = states.filter(isWanted)
      if (needsValidation(connection)) asked = (await validated(this.#cluster, connection, asked, this.#answers)).filter(isWanted)
      if (asked.length > 0) {
        isRequested = true
        broker.connection = connection
        broker.outSinceMs = this.#cluster.world.clock.monotonic()
        const response = await this.#request(node, connection, broker.session, asked)
        if (this.#isClosed) return
        broker.session.answered(response.response.errorCode, response.response.sessionId)
        this.#answers.take(response.response, response.asked)
      }
    } catch (error) {
      if (isRequested) broker.session.failed()
      if (this.#isClosed) return
      this.#cluster.logger.warn('client.fetch.failed', { node: node.nodeId, error: messageOf(error) })
      this.#cluster.requestMetadata()
      const isFinal = !(error instanceof MillraceError && error.retriable)
      for (const state of states) {
        if (state.preferredReplica === node.nodeId) state.preferredReplica = -1
        // What has another leader meanwhile is being fetched there.
        else if (this.#cluster.metadata.leaderOf(state.topic, state.partition)?.nodeId === node.nodeId)
          this.#answers.backOff(state)
        if (isFinal) this.#readable.fail(state, error as Error)
      }
    } finally {
      broker.isOut = false
      broker.connection = undefined
    }
    this.#arrived()
    this.fetch()
  }

  #brokerOf(node: BrokerNode): BrokerFetch {
    let broker = this.#brokers.get(node.nodeId)
    if (!broker) {
      broker = { node, session: new FetchSession(), isOut: false, outSinceMs: 0, connection: undefined, states: [] }
      this.#brokers.set(node.nodeId, broker)
    }
    broker.node = node
    return broker
  }

  #isStalled({ outSinceMs }: BrokerFetch, nowMs: number): boolean {
    return nowMs - outSinceMs >= this.#options.fetchMaxWaitMs + stallMs
  }

  /** A broker that hangs or is cut off tells nobody that it leads no more. */
  #watchStalls(): void {
    if (this.#isClosed) return
    const { clock } = this.#cluster.world
    this.#stallTimer ??= clock.timer(this.#options.fetchMaxWaitMs + stallMs, () => {
      this.#stallTimer = undefined
      const nowMs = clock.monotonic()
      const out = [...this.#brokers.values()].filter(({ isOut }) => isOut)
      if (out.some(broker => this.#isStalled(broker, nowMs))) this.#cluster.requestMetadata()
      if (out.length > 0) this.#watchStalls()
    })
  }

  async #request(
    node: BrokerNode,
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
      const currentLeaderEpoch = metadata.leaderEpochOf(topic, partition)
      const isLeader = metadata.leaderOf(topic, partition)?.nodeId === node.nodeId
      asked.set(nameOf(state), { state, seeks, leaderEpoch: currentLeaderEpoch, isLeader })
      return {
        topic,
        topicId,
        partition,
        fetchOffset,
        currentLeaderEpoch,
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
