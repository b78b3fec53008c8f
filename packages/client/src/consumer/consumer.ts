import { ErrorCode, errorOf } from '@millrace/protocol'
import type { Timer } from '@millrace/runtime'
import { Cluster } from '../cluster.ts'
import { ClosedError, StateError, TimeoutError } from '../errors.ts'
import { Coordinator } from '../group/coordinator.ts'
import { type CommittedOffset, commitOffsets, fetchOffsets, type OffsetCommit, outsider } from '../group/group-offsets.ts'
import { type ListedOffset, listOffsets, offsetSpec } from '../list-offsets.ts'
import { nameOf, type TopicPartition } from '../topic-partition.ts'
import { AssignedPartitions } from './assigned-partitions.ts'
import type { MemberAssignment } from './assignors/assignor.ts'
import { AutomaticCommits, commitOf } from './commits.ts'
import { type ConsumedBatch, type Message, messageOf } from './consumed-batch.ts'
import { ConsumerMetrics } from './consumer-metrics.ts'
import { type ConsumerOptions, type ConsumerSettings, consumerSettings, type RebalanceListener } from './consumer-options.ts'
import { Fetcher } from './fetcher.ts'
import { Membership } from './membership.ts'
import { PartitionState } from './partition-state.ts'
import { Positions } from './positions.ts'
import { Wakeup } from './wakeup.ts'

/** How long closing may take, where nothing else is said. */
const closeTimeoutMs = 30_000

/**
 * Reads topics: as a member of a group that shares them (`subscribe`), or partitions of its own choice (`assign`). Batches stay bytes until they are read.
 * One reader at a time: `poll`, or one of the iterations.
 */
export class Consumer implements AsyncIterable<ConsumedBatch> {
  readonly #settings: ConsumerSettings
  readonly #cluster: Cluster
  readonly #fetcher: Fetcher
  readonly #metrics: ConsumerMetrics
  readonly #wakeup: Wakeup
  readonly #coordinator: Coordinator | null
  readonly #membership: Membership | null
  readonly #partitions = new AssignedPartitions()
  readonly #positions: Positions
  /** Null: the user commits, or nobody. */
  readonly #automaticCommits: AutomaticCommits | null
  #listener: RebalanceListener = {}
  #mode: 'none' | 'subscribed' | 'assigned' = 'none'
  #isPolling = false
  /** `closing`: nothing more is read, commits still go through. */
  #life: 'open' | 'closing' | 'closed' = 'open'

  /** Connects with the first poll. Throws a ConfigError for a bad option. */
  constructor(options: ConsumerOptions) {
    const { settings, assignors } = consumerSettings(options)
    this.#settings = settings
    const { world, logger, bootstrapServers } = options
    this.#cluster = new Cluster({ ...settings, world, logger, bootstrapServers, maxInFlightRequests: 100 })
    this.#wakeup = new Wakeup(this.#cluster.world.clock)
    this.#metrics = new ConsumerMetrics(settings.clientId, settings.groupId)
    const readCommitted = settings.isolationLevel === 'read_committed'
    this.#fetcher = new Fetcher(this.#cluster, { ...settings, readCommitted }, this.#partitions.states, this.#metrics, () => {
      // An answer may have voided a position.
      this.#positions.changed()
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
          assignors,
        },
        {
          revoke: () => this.#revoked(),
          lose: () => this.#lost(),
          assign: (assignment, generationId) => this.#assigned(assignment, generationId),
          wake: () => this.#wakeup.notify(),
        },
      )
    this.#positions = new Positions(
      this.#cluster,
      this.#coordinator,
      { ...settings, readCommitted },
      this.#partitions.states,
      () => {
        this.#wakeup.notify()
        this.#fetcher.fetch()
      },
    )
    this.#automaticCommits = settings.enableAutoCommit
      ? new AutomaticCommits(this.#cluster, settings.autoCommitIntervalMs, this.#partitions.states, offsets =>
          this.#commit(offsets),
        )
      : null
    this.#cluster.metadata.onChange(() => {
      this.#membership?.metadataChanged()
      this.#fetcher.metadataChanged()
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

  /** Gives up the topics: commits if commits are automatic, calls `revoked` and leaves the group. Afterwards `subscribe` or `assign` as at first. */
  async unsubscribe(): Promise<void> {
    this.#checkOpen()
    if (this.#isPolling) throw new StateError('A poll is under way', 'unsubscribe between two polls')
    if (this.#mode === 'none') return
    try {
      await this.#giveUp('the consumer unsubscribed')
    } finally {
      this.#mode = 'none'
      this.#partitions.clear()
    }
  }

  /** Reads exactly these partitions, from their committed offsets with a group, else where `autoOffsetReset` says. Replaces the assignment before. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#checkOpen()
    if (this.#mode === 'subscribed') throw new StateError('subscribe and assign exclude each other')
    this.#mode = 'assigned'
    const states = new Map<string, PartitionState>()
    for (const partition of partitions) {
      this.#cluster.metadata.track(partition.topic)
      const name = nameOf(partition)
      states.set(name, this.#partitions.states.get(name) ?? this.#newState(partition))
    }
    this.#partitions.replace([...states.values()])
    this.#wakeup.notify()
    this.#fetcher.fetch()
  }

  /** Reading goes on at `offset`, now. Throws a StateError for a partition that is not assigned. */
  seek(partition: TopicPartition, offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0) throw errorOf(ErrorCode.OFFSET_OUT_OF_RANGE, `${offset} is no offset`)
    const state = this.#partitions.of(partition)
    state.seek(offset)
    // What the reader has in hand is not to be committed over the new position.
    this.#partitions.withdraw(state)
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
    for (const partition of partitions) this.#partitions.of(partition).isPaused = true
    // What it had in store may have held up others.
    this.#fetcher.fetch()
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      const state = this.#partitions.of(partition)
      state.isPaused = false
      this.#fetcher.resumed(state)
    }
    this.#wakeup.notify()
  }

  paused(): TopicPartition[] {
    return this.#partitions.paused()
  }

  assignment(): TopicPartition[] {
    return this.#partitions.list()
  }

  /** Offset of the next record that the reader gets; null as long as it is being looked up. Throws a StateError if not assigned. */
  position(partition: TopicPartition): number | null {
    const { position } = this.#partitions.of(partition)
    return position < 0 ? null : position
  }

  /** Records between the position and the end, as far as the last fetch knew; null before. */
  lag(partition: TopicPartition): number | null {
    const { position, highWatermark, lastStableOffset } = this.#partitions.of(partition)
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
        const state = this.#partitions.of(batch)
        const { seeks } = state
        let done = batch.baseOffset
        let isWhole = false
        try {
          const cursor = batch.records()
          while (cursor.next()) {
            done = cursor.offset
            yield messageOf(batch, cursor)
            // A seek in the loop means: nothing more from here.
            if (state.seeks !== seeks) break
          }
          isWhole = true
        } finally {
          // Left in the middle: the rest of the batch, the record in hand included, comes again.
          if (!isWhole && this.#partitions.has(state) && state.seeks === seeks) {
            const { positionEpoch } = state
            state.seek(done, positionEpoch)
            state.finish()
            this.#partitions.withdraw()
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
    const positions = [...this.#partitions.states.values()].filter(({ position }) => position >= 0)
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

  /**
   * Commits what is done with if commits are automatic, calls `revoked`, leaves the group and closes. A poll that waits rejects with a ClosedError. Takes
   * `timeoutMs` at most (default 30,000), however the cluster does; then it rejects with a TimeoutError: what was not committed comes again.
   */
  async close(timeoutMs = closeTimeoutMs): Promise<void> {
    if (this.#life !== 'open') return
    this.#life = 'closing'
    this.#wakeup.notify()
    const sessionsEnd = this.#fetcher.close()
    let timer: Timer | undefined
    const timeUp = new Promise<never>((_, reject) => {
      const late = () => reject(new TimeoutError(`The consumer did not commit and leave within ${timeoutMs} ms`))
      timer = this.#cluster.world.clock.timer(timeoutMs, late)
    })
    let failure: unknown
    try {
      await Promise.race([this.#giveUp('the consumer was closed'), timeUp])
    } catch (error) {
      failure = error
    }
    timer?.cancel()
    await sessionsEnd
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
      this.#partitions.finish()
      const { clock } = this.#cluster.world
      let nowMs = clock.monotonic()
      const deadlineMs = nowMs + maxWaitMs
      for (;;) {
        this.#wakeup.reset()
        if (this.#mode === 'subscribed') {
          this.#membership!.polled(nowMs)
          if (!this.#membership!.isStable) await this.#membership!.serve()
        }
        this.#automaticCommits?.serve(nowMs)
        this.#positions.serve()
        const batches = this.#fetcher.take(maxRecords)
        this.#fetcher.fetchIfRoom()
        if (batches.length > 0) {
          for (const batch of batches) this.#partitions.hand(batch)
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

  // Positions

  #newState(partition: TopicPartition): PartitionState {
    this.#positions.changed()
    return new PartitionState(partition, 'committed')
  }

  #seekTo(partitions: readonly TopicPartition[], source: 'earliest' | 'latest'): void {
    for (const partition of partitions) {
      const state = this.#partitions.of(partition)
      state.reset(source)
      this.#positions.changed()
      this.#partitions.withdraw(state)
    }
    this.#wakeup.notify()
  }

  // Rebalances

  async #assigned({ partitions, userData }: Required<MemberAssignment>, generationId: number): Promise<void> {
    this.#metrics.rebalanced()
    this.#partitions.clear()
    for (const partition of partitions) {
      if (this.#cluster.metadata.track(partition.topic)) this.#cluster.requestMetadata()
      this.#partitions.add(this.#newState(partition))
    }
    await this.#listener.assigned?.(this.assignment(), { userData, generationId, memberId: this.memberId })
  }

  async #revoked(): Promise<void> {
    const partitions = this.assignment()
    await this.#automaticCommits?.now()
    try {
      if (partitions.length > 0) await this.#listener.revoked?.(partitions)
    } finally {
      this.#partitions.clear()
    }
  }

  async #lost(): Promise<void> {
    const partitions = this.assignment()
    this.#partitions.clear()
    if (partitions.length === 0) return
    await (this.#listener.lost ? this.#listener.lost(partitions) : this.#listener.revoked?.(partitions))
  }

  async #giveUp(reason: string): Promise<void> {
    try {
      await this.#automaticCommits?.now()
      if (this.#mode === 'subscribed' && this.#partitions.size > 0) await this.#listener.revoked?.(this.assignment())
    } finally {
      await this.#membership?.leave(reason)
    }
  }

  // Commits

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

  #checkOpen(): void {
    if (this.#life !== 'open') throw new ClosedError('consumer')
  }
}
