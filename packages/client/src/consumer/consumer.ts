import { ErrorCode, errorOf } from '@millrace/protocol'
import { ConfigError, messageOf } from '@millrace/runtime'
import { type ClientOptions, Cluster, otherClientOptions } from '../cluster.ts'
import { consumerKeys, type Resolved, resolveOptions } from '../config.ts'
import { ClosedError, NoOffsetError, StateError } from '../errors.ts'
import { type ListedOffset, listOffsets, offsetSpec } from '../list-offsets.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'
import type { Assignor, MemberAssignment } from './assignors/assignor.ts'
import { rangeAssignor } from './assignors/range.ts'
import { roundRobinAssignor } from './assignors/round-robin.ts'
import { type ConsumedBatch, type Message, messageOf as messageAt } from './consumed-batch.ts'
import { ConsumerMetrics } from './consumer-metrics.ts'
import { Coordinator } from './coordinator.ts'
import { Fetcher } from './fetcher.ts'
import { type CommittedOffset, commitOffsets, fetchOffsets, type OffsetCommit, outsider } from './group-offsets.ts'
import { Membership } from './membership.ts'
import { PartitionState } from './partition-state.ts'
import { Wakeup } from './wakeup.ts'

export interface ConsumerOptions extends ClientOptions {
  /** Left out: `assign` only, and no commits. */
  readonly groupId?: string
  /** A static member's name (KIP-345). */
  readonly groupInstanceId?: string
  /** In the order of preference: `range`, `roundrobin` or your own. Default `['range']`. */
  readonly assignors?: readonly ('range' | 'roundrobin' | Assignor)[]
  /** Default `latest`. */
  readonly autoOffsetReset?: 'earliest' | 'latest' | 'none'
  /** Default true with a group: commits what the reader is done with, see `poll` and `batches`. */
  readonly enableAutoCommit?: boolean
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number
  /** Default 45,000. */
  readonly sessionTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
  /** Default 300,000. */
  readonly maxPollIntervalMs?: number
  /** Default 500. */
  readonly maxPollRecords?: number
  /** Default 1. */
  readonly fetchMinBytes?: number
  /** Default 50 MiB. */
  readonly fetchMaxBytes?: number
  /** Default 500. */
  readonly fetchMaxWaitMs?: number
  /** Default 1 MiB. */
  readonly maxPartitionFetchBytes?: number
  /** Fetched ahead of the reader, at most. Default 64 MiB. */
  readonly prefetchBytes?: number
  /** Default `read_uncommitted`. */
  readonly isolationLevel?: 'read_uncommitted' | 'read_committed'
  /** Default true. */
  readonly checkCrcs?: boolean
  readonly clientRack?: string
  /** Default 100 MiB. */
  readonly maxDecompressedBytes?: number
}

/** What came with an assignment. */
export interface AssignmentInfo {
  /** What the leader's assignor told this member. */
  readonly userData: Uint8Array | null
  readonly generationId: number
  readonly memberId: string
}

/** Told of partitions that come and go; called within `poll` (or what iterates), which waits for the callback. */
export interface RebalanceListener {
  /** The partitions from now on. Positions may be sought here. */
  assigned?(partitions: readonly TopicPartition[], info: AssignmentInfo): void | Promise<void>
  /** They go to somebody else after this: the last moment to finish and to commit. */
  revoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** They are somebody else's already: committing is too late. Default: `revoked`. */
  lost?(partitions: readonly TopicPartition[]): void | Promise<void>
}

type Settings = Resolved<typeof consumerKeys>

/**
 * Reads topics: as a member of a group that shares them (`subscribe`), or partitions of its own choice (`assign`). Batches stay bytes until they are read.
 * One reader at a time: `poll`, or one of the iterations.
 */
export class Consumer implements AsyncIterable<ConsumedBatch> {
  readonly #settings: Settings
  readonly #cluster: Cluster
  readonly #fetcher: Fetcher
  readonly #metrics: ConsumerMetrics
  readonly #wakeup: Wakeup
  readonly #coordinator: Coordinator | null
  readonly #membership: Membership | null
  readonly #partitions = new Map<string, PartitionState>()
  #listener: RebalanceListener = {}
  #mode: 'none' | 'subscribed' | 'assigned' = 'none'
  /** What the last poll gave: done with at the next one. */
  #delivered: PartitionState[] = []
  #isPolling = false
  /** `closing`: nothing more is read, commits still go through. */
  #life: 'open' | 'closing' | 'closed' = 'open'
  #locating = false
  /** Some position may have to be looked up. */
  #mustLocate = false
  #locateFailure: Error | undefined
  #nextCommitMs: number
  #committing: Promise<void> | undefined

  /** Connects with the first poll. Throws a ConfigError for a bad option. */
  constructor(options: ConsumerOptions) {
    const given = {
      ...options,
      assignors: undefined,
      enableAutoCommit: options.enableAutoCommit ?? options.groupId !== undefined,
    }
    const settings = resolveOptions(consumerKeys, given, otherClientOptions, options.logger)
    check(settings, options)
    this.#settings = settings
    const { world, logger, bootstrapServers, assignors = ['range'] } = options
    const chosen = assignors.map(assignorOf)
    this.#cluster = new Cluster({ ...settings, world, logger, bootstrapServers, maxInFlightRequests: 100 })
    const { clock } = this.#cluster.world
    this.#wakeup = new Wakeup(clock)
    this.#metrics = new ConsumerMetrics(settings.clientId, settings.groupId)
    const readCommitted = settings.isolationLevel === 'read_committed'
    this.#fetcher = new Fetcher(this.#cluster, { ...settings, readCommitted }, this.#partitions, this.#metrics, () => {
      // An answer may have voided a position.
      this.#mustLocate = true
      this.#wakeup.notify()
    })
    this.#coordinator = options.groupId === undefined ? null : new Coordinator(this.#cluster, settings.groupId)
    this.#membership =
      this.#coordinator &&
      new Membership(
        this.#cluster,
        this.#coordinator,
        {
          ...settings,
          groupInstanceId: options.groupInstanceId ?? null,
          clientRack: options.clientRack ?? null,
          assignors: chosen,
        },
        {
          revoke: () => this.#revoked(),
          lose: () => this.#lost(),
          assign: (assignment, generationId) => this.#assigned(assignment, generationId),
          wake: () => this.#wakeup.notify(),
        },
      )
    this.#nextCommitMs = clock.monotonic() + settings.autoCommitIntervalMs
    this.#cluster.metadata.onChange(() => {
      this.#membership?.metadataChanged()
      this.#fetcher.fetch()
    })
  }

  /**
   * Joins the group for these topics with the next poll; again with others later. Not together with `assign`. Throws a StateError without `groupId`.
   */
  subscribe(topics: readonly string[], listener: RebalanceListener = {}): void {
    this.#checkOpen()
    if (!this.#membership) throw new StateError('subscribe needs a group', 'set groupId, or use assign')
    if (this.#mode === 'assigned') throw new StateError('subscribe and assign exclude each other')
    if (topics.length === 0) throw errorOf(ErrorCode.INVALID_TOPIC_EXCEPTION, 'No topics to subscribe to')
    this.#mode = 'subscribed'
    this.#listener = listener
    this.#membership.subscribe([...new Set(topics)])
  }

  /** Reads exactly these partitions, from their committed offsets with a group, else where `autoOffsetReset` says. Replaces the assignment before. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#checkOpen()
    if (this.#mode === 'subscribed') throw new StateError('subscribe and assign exclude each other')
    this.#mode = 'assigned'
    const kept = new Map(this.#partitions)
    this.#partitions.clear()
    for (const partition of partitions) {
      this.#cluster.metadata.track(partition.topic)
      const name = nameOf(partition)
      this.#partitions.set(name, kept.get(name) ?? this.#newState(partition))
    }
    this.#delivered = this.#delivered.filter(state => this.#partitions.get(nameOf(state)) === state)
    this.#wakeup.notify()
    this.#fetcher.fetch()
  }

  /** Reading goes on at `offset`, now. Throws a StateError for a partition that is not assigned. */
  seek(partition: TopicPartition, offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0) throw errorOf(ErrorCode.OFFSET_OUT_OF_RANGE, `${offset} is no offset`)
    const state = this.#stateOf(partition)
    state.seek(offset)
    // What the reader has in hand is not to be committed over the new position.
    this.#delivered = this.#delivered.filter(delivered => delivered !== state)
    this.#wakeup.notify()
    this.#fetcher.fetch()
  }

  /** Reading goes on at the first offset of each, looked up at the next poll. */
  seekToBeginning(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#seekTo(partitions, 'earliest')
  }

  /** Reading goes on behind the last record of each, looked up at the next poll. */
  seekToEnd(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#seekTo(partitions, 'latest')
  }

  /** Gives no records of these until `resume`; what is fetched stays. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#stateOf(partition).isPaused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      const state = this.#stateOf(partition)
      state.isPaused = false
      this.#fetcher.resumed(state)
    }
    this.#wakeup.notify()
  }

  paused(): TopicPartition[] {
    return [...this.#partitions.values()].filter(({ isPaused }) => isPaused).map(plain)
  }

  assignment(): TopicPartition[] {
    return [...this.#partitions.values()].map(plain)
  }

  /** Offset of the next record that the reader gets; null as long as it is being looked up. Throws a StateError if not assigned. */
  position(partition: TopicPartition): number | null {
    const { position } = this.#stateOf(partition)
    return position < 0 ? null : position
  }

  /** Records between the position and the end, as far as the last fetch knew; null before. */
  lag(partition: TopicPartition): number | null {
    const { position, highWatermark, lastStableOffset } = this.#stateOf(partition)
    const end = this.#settings.isolationLevel === 'read_committed' ? lastStableOffset : highWatermark
    return position < 0 || end < 0 ? null : Math.max(0, end - position)
  }

  get memberId(): string {
    return this.#membership?.memberId ?? ''
  }

  /**
   * The next batches: at once if some are there, else as soon as some come, an empty list after `maxWaitMs`. Rebalances happen in here. What the
   * poll before gave counts as done with now, as far as automatic commits go; call `commit` before `close` for what the last one gave.
   *
   * Rejects with a NoOffsetError, KafkaError (TOPIC_AUTHORIZATION_FAILED, CORRUPT_MESSAGE, FENCED_INSTANCE_ID, …), ClosedError or what a listener threw.
   */
  poll(maxWaitMs: number): Promise<ConsumedBatch[]> {
    return this.#poll(maxWaitMs, this.#settings.maxPollRecords)
  }

  [Symbol.asyncIterator](): AsyncIterator<ConsumedBatch> {
    return this.batches()[Symbol.asyncIterator]()
  }

  /** Batch after batch, until `close`. A batch is done with when the next one is asked for; the one in hand when the loop is left is not. */
  async *batches(): AsyncGenerator<ConsumedBatch, void, void> {
    while (this.#life === 'open') for (const batch of await this.#poll(1_000, 1, true)) yield batch
  }

  /** Record after record, until `close`. A record is done with when the next one is asked for; the one in hand when the loop is left is not. */
  async *messages(): AsyncGenerator<Message, void, void> {
    while (this.#life === 'open')
      for (const batch of await this.#poll(1_000, 1, true)) {
        const state = this.#partitions.get(nameOf(batch))!
        const { seeks } = state
        let done = batch.baseOffset
        let isWhole = false
        try {
          const cursor = batch.records()
          while (cursor.next()) {
            done = cursor.offset
            yield messageAt(batch, cursor)
            // A seek in the loop means: nothing more from here.
            if (state.seeks !== seeks) break
          }
          isWhole = true
        } finally {
          // Left in the middle: the rest of the batch, the record in hand included, comes again.
          if (!isWhole && this.#isAssigned(state) && state.seeks === seeks) {
            const { positionEpoch } = state
            state.seek(done, positionEpoch)
            state.finish()
            this.#delivered = []
          }
        }
      }
  }

  /**
   * Commits offsets, or without any the positions: everything that was given so far. Rejects with a KafkaError: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID,
   * REBALANCE_IN_PROGRESS when the group has gone on; INVALID_GROUP_ID without a group.
   */
  async commit(offsets?: readonly OffsetCommit[]): Promise<void> {
    if (this.#life === 'closed') throw new ClosedError('consumer')
    const positions = [...this.#partitions.values()].filter(({ position }) => position >= 0)
    const commits = offsets ?? positions.map(state => commitOf(state, state.position, state.positionEpoch))
    if (offsets === undefined) for (const state of positions) state.finished = -1
    await this.#commit(commits)
  }

  /** What the group has committed; null where it has nothing. Rejects with a KafkaError. */
  async committed(partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    this.#checkOpen()
    const committed = await fetchOffsets(this.#cluster, this.#groupCoordinator(), partitions, this.#stability())
    return partitions.map(partition => committed.get(nameOf(partition)) ?? null)
  }

  /** First offsets, by the order of the partitions. */
  async beginningOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return (await this.#list(partitions, offsetSpec.earliest)).map(({ offset }) => offset)
  }

  /** Offsets behind the last record that this consumer may read. */
  async endOffsets(partitions: readonly TopicPartition[]): Promise<number[]> {
    return (await this.#list(partitions, offsetSpec.latest)).map(({ offset }) => offset)
  }

  /** The first record at or behind a time (milliseconds), a partition; null where there is none. */
  async offsetsForTimes(queries: readonly (TopicPartition & { readonly timestamp: number })[]): Promise<(ListedOffset | null)[]> {
    for (const { timestamp } of queries) if (timestamp < 0) throw errorOf(ErrorCode.INVALID_TIMESTAMP, `${timestamp} is no time`)
    const listed = await listOffsets(this.#cluster, queries, { readCommitted: this.#isReadCommitted() })
    return listed.map(found => (found.offset < 0 ? null : found))
  }

  /** Number of partitions of a topic. Rejects with a KafkaError. */
  async partitionsOf(topic: string): Promise<number> {
    const [metadata] = await this.#cluster.topics([topic])
    return metadata!.partitions.length
  }

  /** Commits what is done with if commits are automatic, calls `revoked`, leaves the group and closes. A poll that waits rejects with a ClosedError. */
  async close(): Promise<void> {
    if (this.#life !== 'open') return
    this.#life = 'closing'
    this.#wakeup.notify()
    this.#fetcher.close()
    let failure: unknown
    try {
      if (this.#settings.enableAutoCommit) await this.#commitFinished().catch(error => this.#autoCommitFailed(error))
      if (this.#mode === 'subscribed' && this.#partitions.size > 0) await this.#listener.revoked?.(this.assignment())
    } catch (error) {
      failure = error
    }
    await this.#membership?.leave('the consumer was closed')
    this.#membership?.close()
    this.#partitions.clear()
    this.#life = 'closed'
    this.#cluster.close()
    if (failure) throw failure
  }

  async #poll(maxWaitMs: number, maxRecords: number, endsQuietly = false): Promise<ConsumedBatch[]> {
    this.#checkOpen()
    if (this.#isPolling) throw new StateError('Another poll is under way', 'a consumer has one reader')
    if (this.#mode === 'none') throw new StateError('Nothing to read', 'call subscribe or assign first')
    this.#isPolling = true
    try {
      for (const state of this.#delivered) state.finish()
      this.#delivered = []
      const { clock } = this.#cluster.world
      let nowMs = clock.monotonic()
      const deadlineMs = nowMs + maxWaitMs
      for (;;) {
        this.#wakeup.reset()
        if (this.#mode === 'subscribed') {
          this.#membership!.polled(nowMs)
          if (!this.#membership!.isStable) await this.#membership!.serve()
        }
        this.#autoCommit(nowMs)
        this.#locate()
        const batches = this.#fetcher.take(maxRecords)
        this.#fetcher.fetchIfRoom()
        if (batches.length > 0) {
          for (const batch of batches) this.#hand(batch)
          return batches
        }
        nowMs = clock.monotonic()
        if (nowMs >= deadlineMs) return []
        await this.#wakeup.wait(deadlineMs - nowMs)
        if (this.#life !== 'open') {
          if (endsQuietly) return []
          throw new ClosedError('consumer')
        }
        nowMs = clock.monotonic()
      }
    } finally {
      this.#isPolling = false
    }
  }

  #hand(batch: ConsumedBatch): void {
    const state = this.#partitions.get(nameOf(batch))!
    if (this.#delivered.at(-1) !== state) this.#delivered.push(state)
  }

  // Positions

  /** Looks up, in the background, positions that are not known. */
  #locate(): void {
    if (this.#locateFailure) {
      const failure = this.#locateFailure
      this.#locateFailure = undefined
      throw failure
    }
    if (this.#locating || !this.#mustLocate) return
    const states = [...this.#partitions.values()].filter(({ source }) => source !== null)
    this.#mustLocate = false
    if (states.length === 0) return
    this.#locating = true
    this.#lookUp(states)
      .catch(error => {
        if (this.#life !== 'open') return
        this.#locateFailure = error as Error
        this.#mustLocate = true
      })
      .finally(() => {
        this.#locating = false
        this.#wakeup.notify()
        this.#fetcher.fetch()
      })
  }

  async #lookUp(states: readonly PartitionState[]): Promise<void> {
    const seeks = new Map(states.map(state => [state, state.seeks]))
    const isOpen = (state: PartitionState) => this.#isAssigned(state) && state.seeks === seeks.get(state)
    const uncommitted = states.filter(({ source }) => source === 'committed')
    if (uncommitted.length > 0) {
      const committed =
        this.#coordinator && (await fetchOffsets(this.#cluster, this.#coordinator, uncommitted, this.#stability()))
      const without: PartitionState[] = []
      for (const state of uncommitted.filter(isOpen)) {
        const found = committed?.get(nameOf(state))
        if (found) this.#place(state, found.offset, found.leaderEpoch)
        else if (this.#settings.autoOffsetReset === 'none') without.push(state)
        else state.source = this.#settings.autoOffsetReset
      }
      if (without.length > 0) throw new NoOffsetError(without.map(nameOf).join(', '))
    }
    const unplaced = states.filter(state => isOpen(state) && (state.source === 'earliest' || state.source === 'latest'))
    if (unplaced.length === 0) return
    const queries = unplaced.map(({ topic, partition, source }) => ({
      topic,
      partition,
      timestamp: source === 'earliest' ? offsetSpec.earliest : offsetSpec.latest,
    }))
    const listed = await listOffsets(this.#cluster, queries, { readCommitted: this.#isReadCommitted() })
    listed.forEach(({ offset }, place) => {
      const state = unplaced[place]!
      if (isOpen(state)) this.#place(state, offset, -1)
    })
  }

  #place(state: PartitionState, offset: number, leaderEpoch: number): void {
    state.seek(offset, leaderEpoch)
  }

  #newState(partition: TopicPartition): PartitionState {
    this.#mustLocate = true
    return new PartitionState(partition, 'committed')
  }

  #seekTo(partitions: readonly TopicPartition[], source: 'earliest' | 'latest'): void {
    for (const partition of partitions) {
      const state = this.#stateOf(partition)
      state.reset(source)
      this.#mustLocate = true
      this.#delivered = this.#delivered.filter(delivered => delivered !== state)
    }
    this.#wakeup.notify()
  }

  // Rebalances

  async #assigned({ partitions, userData }: Required<MemberAssignment>, generationId: number): Promise<void> {
    this.#metrics.rebalanced()
    this.#partitions.clear()
    for (const partition of partitions) {
      if (this.#cluster.metadata.track(partition.topic)) this.#cluster.requestMetadata()
      this.#partitions.set(nameOf(partition), this.#newState(partition))
    }
    await this.#listener.assigned?.(this.assignment(), { userData, generationId, memberId: this.memberId })
  }

  async #revoked(): Promise<void> {
    const partitions = this.assignment()
    if (this.#settings.enableAutoCommit) await this.#commitFinished().catch(error => this.#autoCommitFailed(error))
    try {
      if (partitions.length > 0) await this.#listener.revoked?.(partitions)
    } finally {
      this.#forgetAssignment()
    }
  }

  async #lost(): Promise<void> {
    const partitions = this.assignment()
    this.#forgetAssignment()
    if (partitions.length === 0) return
    await (this.#listener.lost ? this.#listener.lost(partitions) : this.#listener.revoked?.(partitions))
  }

  #forgetAssignment(): void {
    this.#partitions.clear()
    this.#delivered = []
  }

  // Commits

  /** When it is time, in the background: the reader does not wait for it. */
  #autoCommit(nowMs: number): void {
    if (!this.#settings.enableAutoCommit || this.#committing) return
    if (nowMs < this.#nextCommitMs) return
    this.#nextCommitMs = nowMs + this.#settings.autoCommitIntervalMs
    this.#committing = this.#commitFinished()
      .catch(error => this.#autoCommitFailed(error))
      .finally(() => {
        this.#committing = undefined
      })
  }

  async #commitFinished(): Promise<void> {
    // One after the other: an earlier commit must not overwrite a later one.
    await this.#committing
    const finished = [...this.#partitions.values()].filter(state => state.finished >= 0)
    if (finished.length === 0) return
    const commits = finished.map(state => commitOf(state, state.finished, state.finishedEpoch))
    for (const state of finished) state.finished = -1
    await this.#commit(commits)
  }

  #autoCommitFailed(error: unknown): void {
    this.#cluster.logger.warn('client.consumer.auto-commit-failed', { group: this.#settings.groupId, error: messageOf(error) })
  }

  async #commit(offsets: readonly OffsetCommit[]): Promise<void> {
    const coordinator = this.#groupCoordinator()
    if (offsets.length === 0) return
    const committer = this.#mode === 'subscribed' ? this.#membership!.committer : outsider
    if (this.#mode === 'subscribed' && !this.#membership!.isInGroup)
      throw errorOf(
        ErrorCode.UNKNOWN_MEMBER_ID,
        `Not a member of group ${coordinator.groupId} at present: its partitions may be somebody else's`,
      )
    try {
      await commitOffsets(this.#cluster, coordinator, offsets, committer)
    } catch (error) {
      if (this.#mode === 'subscribed') this.#membership!.checkCommitError(error)
      throw error
    }
  }

  // Small things

  #list(partitions: readonly TopicPartition[], timestamp: number): Promise<ListedOffset[]> {
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, timestamp }))
    return listOffsets(this.#cluster, queries, { readCommitted: this.#isReadCommitted() })
  }

  #isReadCommitted(): boolean {
    return this.#settings.isolationLevel === 'read_committed'
  }

  #stability(): { requireStable: boolean } {
    return { requireStable: this.#isReadCommitted() }
  }

  #groupCoordinator(): Coordinator {
    if (!this.#coordinator) throw errorOf(ErrorCode.INVALID_GROUP_ID, 'This consumer has no groupId')
    return this.#coordinator
  }

  #stateOf(partition: TopicPartition): PartitionState {
    const state = this.#partitions.get(nameOf(partition))
    if (!state) throw new StateError(`${nameOf(partition)} is not assigned to this consumer`)
    return state
  }

  #isAssigned(state: PartitionState): boolean {
    return this.#partitions.get(nameOf(state)) === state
  }

  #checkOpen(): void {
    if (this.#life !== 'open') throw new ClosedError('consumer')
  }
}

function plain({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}

function commitOf({ topic, partition }: TopicPartition, offset: number, leaderEpoch: number): OffsetCommit {
  return { topic, partition, offset, leaderEpoch }
}

function assignorOf(assignor: 'range' | 'roundrobin' | Assignor): Assignor {
  if (assignor === 'range') return rangeAssignor
  if (assignor === 'roundrobin') return roundRobinAssignor
  if (typeof assignor === 'object' && typeof assignor.name === 'string' && typeof assignor.assign === 'function') return assignor
  throw new ConfigError(`Invalid value ${String(assignor)} for option assignors: must be range, roundrobin or an Assignor`)
}

function check(settings: Settings, options: ConsumerOptions): void {
  const { heartbeatIntervalMs, sessionTimeoutMs, enableAutoCommit } = settings
  if (options.groupId === '') throw new ConfigError('Invalid value for configuration group.id: must not be empty')
  if (options.assignors?.length === 0) throw new ConfigError('Option assignors must name at least one')
  if (heartbeatIntervalMs >= sessionTimeoutMs)
    throw new ConfigError(`heartbeatIntervalMs (${heartbeatIntervalMs}) must be below sessionTimeoutMs (${sessionTimeoutMs})`)
  if (enableAutoCommit && options.groupId === undefined) throw new ConfigError('enableAutoCommit needs a groupId')
}
