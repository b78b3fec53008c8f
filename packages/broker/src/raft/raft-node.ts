import { type Api, BatchBuilder, type BatchView, ErrorCode, KafkaError } from '@millrace/protocol'
import { type Clock, type MachineLog, MillraceError, messageOf, Shell } from '@millrace/runtime'
import { showInside } from '../insides.ts'
import type { Log } from '../log/log.ts'
import { CommittedState, decodedRecords } from './committed-state.ts'
import { ElectionCalls } from './election-calls.ts'
import { ElectionTiming } from './election-timing.ts'
import { epochStartRecords } from './epoch-start.ts'
import { FetchRequests } from './fetch-requests.ts'
import { FollowerFetches } from './follower-fetches.ts'
import { LeaderAppends } from './leader-appends.ts'
import { type ElectionState, readElectionState, writeElectionState } from './quorum-state.ts'
import { Raft } from './raft.ts'
import { leaderHint, type RaftContext } from './raft-context.ts'
import type { RaftInput, RaftMessage } from './raft-input.ts'
import { RaftLog } from './raft-log.ts'
import type { RaftNodeOptions } from './raft-node-options.ts'
import { RaftRequests } from './raft-requests.ts'
import { Snapshotter } from './snapshotter.ts'
import { type Endpoint, nobody, type Voter } from './voter.ts'
import { VoterChanges } from './voter-changes.ts'
import { checkVoters } from './voter-check.ts'
import { type VoterEndpoints, VoterSet } from './voter-set.ts'
import { VoterUpkeep } from './voter-upkeep.ts'

const maxAppendBytes = 2 ** 29

/** The epoch that this node leads. */
interface Leadership {
  readonly epoch: number
  readonly startOffset: number
}

/**
 * Raft in this process, as voter or observer: the metadata log with its snapshots, the machine that elects and commits, the requests to and
 * from the other nodes, and the state that follows. Every step of the machine is followed by `#settle`, which acts on what changed.
 */
export class RaftNode<Record> implements MachineLog<Record> {
  readonly #options: RaftNodeOptions<Record>
  readonly #self: Voter
  readonly #voters: VoterSet
  readonly #raftLog: RaftLog
  readonly #raft: Raft
  readonly #shell: Shell<RaftInput, ElectionState, RaftMessage>
  readonly #context: RaftContext
  readonly #committed: CommittedState<Record>
  readonly #snapshotter: Snapshotter
  readonly #calls: ElectionCalls
  readonly #fetches: FetchRequests
  readonly #appends: LeaderAppends
  readonly #follower: FollowerFetches
  readonly #changes: VoterChanges
  readonly #requests: RaftRequests
  readonly #upkeep: VoterUpkeep
  #leading: Leadership | null = null
  #toldLeader = { id: nobody, epoch: -1 }
  #toldVoters: readonly Voter[]
  #isSettling = false
  #isUnsettled = false
  #failure: Error | null = null
  #isStopped = false
  #closing: Promise<void> | null = null

  /** Reads the newest snapshot and the voters; the state is told nothing before `start`. Throws when the files are damaged. */
  constructor(options: RaftNodeOptions<Record>) {
    this.#options = options
    const { world, logger, directory, openLog, controllerListeners: listeners } = options
    this.#self = { id: options.nodeId, directoryId: options.directoryId }
    this.#voters = new VoterSet(options.staticVoters, options.controllerListenerName)
    this.#raftLog = new RaftLog({ world, logger, directory, openLog, voters: this.#voters })
    checkVoters(options as RaftNodeOptions<never>, this.#voters)
    this.#toldVoters = this.#voters.voters
    this.#raft = new Raft(
      {
        self: this.#self,
        voters: this.#toldVoters,
        canVote: options.canVote,
        timing: new ElectionTiming(options.timeouts, bound => world.random.below(bound)),
        endpointOf: id => this.#voters.endpointOf(id),
      },
      readElectionState(world.disk, directory),
    )
    this.#context = this.#newContext()
    this.#snapshotter = this.#newSnapshotter()
    this.#committed = new CommittedState({
      log: this.#raftLog.log,
      state: options.state,
      applied: batch => this.#snapshotter.committed(batch),
    })
    this.#calls = new ElectionCalls(this.#context, listeners)
    this.#fetches = new FetchRequests(this.#context)
    const { bootstrapServers, canVote, autoJoin } = options
    this.#follower = new FollowerFetches({
      context: this.#context,
      bootstrapServers,
      canVote,
      snapshotLoaded: () => this.#restartAtSnapshot(),
    })
    this.#appends = new LeaderAppends({ context: this.#context, fetches: this.#fetches, epoch: () => this.#leading!.epoch })
    const append = (voters: readonly VoterEndpoints[], level?: number) => this.#appends.voters(voters, level)
    this.#changes = new VoterChanges({ context: this.#context, listeners, append })
    this.#requests = new RaftRequests({ context: this.#context, listeners, fetches: this.#fetches, changes: this.#changes })
    this.#upkeep = new VoterUpkeep({ context: this.#context, listeners, canVote, autoJoin })
    this.#shell = new Shell({
      machine: this.#raft,
      log: {
        append: records => {
          const { kraftVersion, voters } = this.#voters
          writeElectionState(world.disk, directory, records.at(-1)!, { kraftVersion, voterIds: voters.map(({ id }) => id) })
          return 0
        },
        whenCommitted: (_, done) => done(),
      },
      clock: this.#settlingClock(),
      send: (to, message) => this.#calls.send(to, message),
      failed: error => this.#fail(error),
    })
    showInside(world, { raft: this as RaftNode<unknown> })
  }

  /** A leader with this node's number may be another process: where this one may not vote. */
  get isLeader(): boolean {
    return this.#raft.role === 'leader'
  }
  /** Who leads, as far as this node knows; id -1: nobody that it knows of. */
  get leader(): { readonly id: number; readonly epoch: number; readonly endpoint: Endpoint | null } {
    const { listenerName } = this.#context
    const {
      leaderId: id,
      leaderEpoch: epoch,
      endpoint,
    } = leaderHint(this.#context, this.#options.controllerListeners, listenerName)
    return { id, epoch, endpoint }
  }
  get log(): Log {
    return this.#raftLog.log
  }
  get raft(): Raft {
    return this.#raft
  }
  get voters(): VoterSet {
    return this.#voters
  }
  /** Offset that the next record gets. */
  get logEndOffset(): number {
    return this.#raftLog.log.logEndOffset
  }
  /** Everything below it is committed, as far as this node knows. */
  get highWatermark(): number {
    return this.#raft.highWatermark
  }

  /** Loads the newest snapshot into the state and takes part in the quorum. One that votes alone leads when this returns. */
  start(): void {
    this.#restore()
    this.#submit({ kind: 'started', log: this.#raftLog.end, highWatermark: this.#raftLog.newestSnapshot.endOffset })
    this.#snapshotter.start()
    this.#upkeep.start()
  }

  append(records: readonly Record[]): number {
    if (this.#failure) throw this.#failure
    if (records.length === 0) return this.logEndOffset
    if (this.#raft.role !== 'leader' || !this.#leading || this.#isStopped) throw notLeader()
    const timestampMs = this.#options.world.clock.now()
    const builder = new BatchBuilder({ maxBytes: maxAppendBytes, initialBytes: 4096 })
    for (const record of records) builder.append(timestampMs, null, this.#options.state.encode(record))
    const bytes = builder.build()
    const baseOffset = this.logEndOffset
    this.#appends.batch(bytes)
    const nextOffset = this.logEndOffset
    const { epoch } = this.#leading
    this.#committed.appended(baseOffset, { nextOffset, epoch, timestampMs, sizeBytes: bytes.length, records })
    return nextOffset
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    if (this.#failure) done(this.#failure)
    else if (this.#leading || position <= this.#committed.appliedOffset) this.#committed.whenCommitted(position, done)
    else done(notLeader())
  }

  /**
   * Answers what other nodes and clients ask the quorum: Vote, BeginQuorumEpoch, EndQuorumEpoch, Fetch and FetchSnapshot of the metadata
   * log, DescribeQuorum, AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter. `listenerName`: where the request came in; the answer names the
   * leader's address there. Rejects with KafkaError UNSUPPORTED_VERSION for another API, BROKER_NOT_AVAILABLE after the end.
   */
  async handle<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    { listenerName }: { readonly listenerName: string },
  ): Promise<Response> {
    if (this.#isStopped) throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, 'this node is closing')
    const response = await this.#requests.answer(api.key, version, request as never, listenerName)
    if (response === undefined)
      throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `the metadata quorum does not serve ${api.name}`)
    return response as Response
  }

  /** Why the leader cannot raise kraft.version to `level` now; null when it can, or is that already. */
  whyNoKraftVersion(level: number): string | null {
    return this.#changes.whyNotUpgraded(level)
  }

  /** As the leader raises kraft.version where `whyNoKraftVersion` sees nothing against it; committed with what is appended next. */
  upgradeKraftVersion(level: number): void {
    if (this.#leading) this.#changes.upgrade(level)
  }

  /** Gives up leading; the voter that has most of the log is asked to take over. Nothing happens when this node does not lead. */
  resign(): void {
    this.#submit({ kind: 'resign' })
  }

  /** As the leader waits for the commit of what was appended, and hands over; then closes the log. Each wait is at most `requestTimeoutMs`. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (!this.#failure && this.#leading) {
      await this.#within(new Promise(resolve => this.whenCommitted(this.logEndOffset, () => resolve())))
      this.resign()
      await this.#within(this.#calls.allEnded())
    }
    this.#stop()
    try {
      await this.#snapshotter.close(this.#failure === null)
    } catch (error) {
      // The log has everything: the next start only reads more of it.
      this.#options.logger.warn('raft.snapshot-failed', { error: messageOf(error) })
    }
    await this.#raftLog.log.close()
  }

  /** Waits for it, but no longer than for an answer of another node. */
  #within(event: Promise<void>): Promise<void> {
    const { world, timeouts } = this.#options
    return new Promise(resolve => {
      const timer = world.clock.timer(timeouts.requestTimeoutMs, resolve)
      void event.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #newContext(): RaftContext {
    const node = this
    const { world, logger, clusterId, timeouts, transport, controllerListenerName: listenerName } = this.#options
    return {
      world,
      logger,
      clusterId,
      self: this.#self,
      listenerName,
      timeouts,
      transport,
      raft: this.#raft,
      raftLog: this.#raftLog,
      voters: this.#voters,
      get isStopped() {
        return node.#isStopped
      },
      submit: input => this.#submit(input),
      logChanged: () => this.#logChanged(),
      fail: error => this.#fail(error),
    }
  }

  #newSnapshotter(): Snapshotter {
    const { world, logger, directory, snapshots: limits, state } = this.#options
    const values = () => {
      const records = state.snapshot()
      return records === null ? null : encoded(records, state.encode)
    }
    const { log } = this.#raftLog
    return new Snapshotter(
      {
        world,
        logger,
        directory,
        limits,
        log,
        control: endOffset => this.#voters.records(endOffset),
        values,
        changed: () => this.#raftLog.snapshotsChanged(),
        failed: error => this.#fail(error),
      },
      this.#raftLog.newestSnapshot,
    )
  }

  #submit(input: RaftInput): void {
    if (this.#isStopped) return
    try {
      this.#shell.submit(input)
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#settle()
  }

  /** The machine's timers step it without `#submit`. */
  #settlingClock(): Clock {
    const { clock } = this.#options.world
    const timer = (delayMs: number, fire: () => void) =>
      clock.timer(delayMs, () => {
        try {
          fire()
        } catch (error) {
          this.#fail(error as Error)
        }
        this.#settle()
      })
    return { now: () => clock.now(), monotonic: () => clock.monotonic(), defer: run => clock.defer(run), timer }
  }

  /** Acts on what the last steps changed; what they change in turn is acted on by the same loop. */
  #settle(): void {
    this.#isUnsettled = true
    if (this.#isSettling) return
    this.#isSettling = true
    try {
      while (this.#isUnsettled && !this.#isStopped) {
        this.#isUnsettled = false
        this.#stopLeading()
        this.#startLeading()
        this.#commit()
        this.#tellLeader()
        this.#follower.update()
      }
    } catch (error) {
      this.#fail(error as Error)
    } finally {
      this.#isSettling = false
    }
  }

  #stopLeading(): void {
    const { role, epoch } = this.#raft
    if (!this.#leading || (role === 'leader' && epoch === this.#leading.epoch)) return
    const { nodeId, logger } = this.#options
    logger.info('raft.resigned', { nodeId, epoch: this.#leading.epoch })
    this.#leading = null
    this.#tellLeader()
    this.#committed.fail(notLeader())
    this.#changes.fail()
    this.#fetches.fail()
  }

  #startLeading(): void {
    const { role, epoch } = this.#raft
    if (role !== 'leader' || this.#leading) return
    const { nodeId, logger, controllerListeners } = this.#options
    this.#leading = { epoch, startOffset: this.logEndOffset }
    this.#appends.control(epochStartRecords(this.#self, this.#raft, this.#voters, controllerListeners))
    logger.info('raft.leader', { nodeId, epoch, offset: this.#leading.startOffset })
  }

  #logChanged(): void {
    this.#submit({ kind: 'log-changed', log: this.#raftLog.end })
    const { voters } = this.#voters
    if (voters === this.#toldVoters) return
    this.#toldVoters = voters
    this.#submit({ kind: 'voters-changed', voters })
  }

  #commit(): void {
    const { highWatermark } = this.#raft
    const { log } = this.#raftLog
    if (highWatermark <= this.#committed.appliedOffset) return
    log.highWatermark = highWatermark
    this.#committed.advance(highWatermark)
    this.#snapshotter.considerWriting()
    this.#fetches.wake()
    this.#changes.committed(highWatermark)
  }

  #tellLeader(): void {
    const { leaderId, epoch } = this.#raft
    const isReady = this.#leading ? this.#committed.appliedOffset > this.#leading.startOffset : !this.isLeader
    const id = isReady ? leaderId : nobody
    // That there is none is no news in another epoch.
    if (id === this.#toldLeader.id && (id === nobody || epoch === this.#toldLeader.epoch)) return
    this.#toldLeader = { id, epoch }
    if (id !== nobody && !this.isLeader) this.#options.logger.info('raft.following', { leaderId: id, epoch })
    this.#options.state.leaderChanged({ id, epoch })
  }

  #restore(): void {
    const batches = this.#raftLog.takeRestored()
    const id = this.#raftLog.newestSnapshot
    if (id.endOffset === 0) return
    this.#options.state.loadSnapshot(restored(batches, this.#options.state.decode), id)
    this.#committed.startAt(id.endOffset)
  }

  /** The leader's snapshot takes the place of log and state. */
  #restartAtSnapshot(): void {
    this.#raftLog.startAtSnapshot()
    const id = this.#raftLog.newestSnapshot
    this.#snapshotter.restarted(id)
    this.#restore()
    this.#logChanged()
    this.#submit({ kind: 'leader-answered', epoch: this.#raft.epoch, highWatermark: id.endOffset })
  }

  #stop(): void {
    this.#isStopped = true
    this.#shell.stop()
    this.#follower.stop()
    this.#upkeep.stop()
    this.#changes.fail()
    this.#committed.fail(this.#failure ?? notLeader())
    this.#fetches.fail()
  }

  #fail(error: Error): void {
    if (this.#failure || this.#isStopped) return
    this.#failure = error
    try {
      this.#stop()
    } finally {
      this.#options.failed(error)
    }
  }
}

function notLeader(): Error {
  return new MillraceError('NOT_LEADER', 'this node does not lead the metadata quorum')
}

function* encoded<Record>(records: Iterable<Record>, encode: (record: Record) => Uint8Array): Generator<Uint8Array> {
  for (const record of records) yield encode(record)
}

function* restored<Record>(batches: readonly BatchView[], decode: (value: Uint8Array) => Record): Generator<Record> {
  for (const batch of batches) if (!batch.isControl) yield* decodedRecords(batch, { decode })
}
