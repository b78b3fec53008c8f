import { type Api, BatchBuilder, BatchView, batchesIn, DescribeQuorum, ErrorCode, KafkaError, zeroUuid } from '@millrace/protocol'
import { type MachineLog, MillraceError, messageOf, Shell } from '@millrace/runtime'
import { showInside } from '../insides.ts'
import type { Log } from '../log/log.ts'
import { CommittedState, decodedRecords } from './committed-state.ts'
import { controlBatch, controlRecordsIn } from './control-records.ts'
import { describeQuorum } from './describe-quorum.ts'
import { type ElectionState, readElectionState, writeElectionState } from './quorum-state.ts'
import { Raft, type RaftInput, type VoteRequest, type Voter } from './raft.ts'
import type { RaftNodeOptions } from './raft-node-options.ts'
import type { ReplicatedState } from './replicated-state.ts'
import { listSnapshots, readCheckpoint, type SnapshotId, snapshotName } from './snapshots.ts'
import { Snapshotter } from './snapshotter.ts'
import { VoterSet } from './voter-set.ts'

const maxAppendBytes = 2 ** 29

/** Raft in this process: the metadata log with its snapshots, the machine that elects and commits, and the state that follows. */
export class RaftNode<Record> implements MachineLog<Record> {
  readonly #options: RaftNodeOptions<Record>
  readonly #log: Log
  readonly #voters: VoterSet
  readonly #raft: Raft
  readonly #shell: Shell<RaftInput, ElectionState, VoteRequest>
  readonly #committed: CommittedState<Record>
  readonly #snapshot: SnapshotId
  readonly #snapshotter: Snapshotter
  readonly #snapshotBatches: readonly BatchView[]
  #leaderEpoch = 0
  #toldLeader = { id: -1, epoch: -1 }
  #flushing = false
  #failure: Error | null = null
  #closed = false
  #closing: Promise<void> | null = null

  /** Reads the newest snapshot and the voters; the state is told nothing before `start`. Throws when the files are damaged. */
  constructor(options: RaftNodeOptions<Record>) {
    this.#options = options
    const { world, directory } = options
    world.disk.makeDirectory(directory)
    this.#snapshot = listSnapshots(world.disk, directory).at(-1) ?? { endOffset: 0, epoch: 0 }
    this.#voters = new VoterSet(options.staticVoters, options.controllerListenerName)
    this.#log = options.openLog(this.#snapshot.endOffset)
    this.#checkStart()
    this.#snapshotBatches = this.#readVoters()
    this.#snapshotter = this.#newSnapshotter()
    this.#committed = new CommittedState({
      log: this.#log,
      state: options.state,
      applied: batch => this.#snapshotter.committed(batch),
    })
    const { kraftVersion, voters } = this.#voters
    const form = { kraftVersion, voterIds: voters.map(voter => voter.id) }
    this.#raft = new Raft(
      {
        self: this.#findSelf(),
        voters,
        electionTimeoutMs: options.timeouts.electionTimeoutMs,
        jitterMs: () => world.random.below(options.timeouts.electionTimeoutMs + 1),
      },
      readElectionState(world.disk, directory),
    )
    this.#shell = new Shell({
      machine: this.#raft,
      log: {
        append: records => {
          writeElectionState(world.disk, directory, records.at(-1)!, form)
          return 0
        },
        whenCommitted: (_, done) => done(),
      },
      clock: world.clock,
      failed: error => this.#fail(error),
    })
    showInside(world, { raft: this as RaftNode<unknown> })
  }

  /** Who leads, as far as this node knows; id -1: nobody that it knows of. */
  get leader(): {
    readonly id: number
    readonly epoch: number
    readonly endpoint: { readonly host: string; readonly port: number } | null
  } {
    const { leaderId: id, epoch } = this.#raft
    const endpoint = this.#voters.voters.find(voter => voter.id === id)?.endpoints[0]
    return { id, epoch, endpoint: endpoint ? { host: endpoint.host, port: endpoint.port } : null }
  }

  /** Answers what other nodes and clients ask the quorum. Rejects with KafkaError UNSUPPORTED_VERSION for an API that is not raft's. */
  async handle<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    _context: { readonly listenerName: string },
  ): Promise<Response> {
    const answer = (response: unknown) => response as Response
    if (api.key === DescribeQuorum.key)
      return answer(describeQuorum(this, request as never, version, this.#options.world.clock.now()))
    throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `the metadata quorum does not serve ${api.name}`)
  }

  /** Gives up leading: another voter is to take over. */
  resign(): void {}

  get raft(): Raft {
    return this.#raft
  }
  get voters(): VoterSet {
    return this.#voters
  }
  /** For the simulator, which reads along. */
  get log(): Log {
    return this.#log
  }
  /** Offset that the next record gets. */
  get logEndOffset(): number {
    return this.#log.logEndOffset
  }

  /** Takes part in the quorum. The only voter leads when this returns. */
  start(): void {
    if (this.#snapshotBatches.length > 0) {
      const { state } = this.#options
      state.loadSnapshot(
        this.#snapshotBatches.flatMap(batch => (batch.isControl ? [] : decodedRecords(batch, state))),
        this.#snapshot,
      )
      this.#committed.startAt(this.#snapshot.endOffset)
    }
    this.#shell.submit({
      kind: 'started',
      logEndOffset: this.#log.logEndOffset,
      lastEpoch: Math.max(this.#log.lastEpoch, this.#snapshot.epoch, 0),
    })
    this.#lead()
    this.#snapshotter.start()
  }

  append(records: readonly Record[]): number {
    if (this.#failure) throw this.#failure
    if (records.length === 0) return this.#log.logEndOffset
    if (this.#raft.role !== 'leader') throw new MillraceError('NOT_LEADER', 'this node does not lead the metadata quorum')
    const timestampMs = this.#options.world.clock.now()
    const builder = new BatchBuilder({ maxBytes: maxAppendBytes, initialBytes: 4096 })
    for (const record of records) builder.append(timestampMs, null, this.#options.state.encode(record))
    const bytes = builder.build()
    const baseOffset = this.#log.logEndOffset
    this.#write(bytes)
    const { logEndOffset: nextOffset } = this.#log
    const epoch = this.#raft.epoch
    this.#committed.appended(baseOffset, { nextOffset, epoch, timestampMs, sizeBytes: bytes.length, records })
    return nextOffset
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    if (this.#failure) done(this.#failure)
    else this.#committed.whenCommitted(position, done)
  }

  /** Waits for what was appended, closes the log. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (!this.#failure && this.#raft.role === 'leader')
      await new Promise<void>(resolve => this.whenCommitted(this.#log.logEndOffset, () => resolve()))
    try {
      await this.#snapshotter.close(this.#failure === null)
    } catch (error) {
      // The log has everything: the next start only reads more of it.
      this.#options.logger.warn('raft.snapshot-failed', { error: messageOf(error) })
    }
    this.#closed = true
    this.#shell.stop()
    await this.#log.close()
  }

  #newSnapshotter(): Snapshotter {
    const { world, logger, directory, snapshots: limits, state } = this.#options
    const values = () => {
      const records = state.snapshot()
      return records === null ? null : encoded(records, state)
    }
    const failed = (error: Error) => this.#fail(error)
    const control = () => this.#voters.records()
    return new Snapshotter({ world, logger, directory, limits, log: this.#log, control, values, failed }, this.#snapshot)
  }

  /** This node as one of the voters. */
  #findSelf(): Voter {
    const { nodeId, directoryId, directory } = this.#options
    const { kraftVersion, voters } = this.#voters
    const self = voters.find(voter => voter.id === nodeId && (kraftVersion === 0 || voter.directoryId === directoryId))
    if (self) return { id: self.id, directoryId: self.directoryId }
    const names = voters
      .map(voter => (kraftVersion === 0 ? voter.id : `${voter.id} with directory ${voter.directoryId}`))
      .join(', ')
    throw new MillraceError(
      'NOT_A_VOTER',
      `Node ${nodeId} with directory ${directoryId} is none of the voters of ${directory}: ${names || 'none'}`,
      {
        hint: names
          ? 'start the node on the directory that it was formatted with'
          : 'format with --standalone, or set controller.quorum.voters',
      },
    )
  }

  #checkStart(): void {
    const { directory, logger } = this.#options
    const { endOffset } = this.#snapshot
    if (this.#log.logStartOffset > endOffset) {
      throw new MillraceError(
        'CORRUPT_METADATA_LOG',
        `The log in ${directory} starts at offset ${this.#log.logStartOffset} and its newest snapshot ends at ${endOffset}`,
        { hint: 'restore the snapshot between them' },
      )
    }
    if (this.#log.logEndOffset >= endOffset) return
    logger.warn('metadata-log.behind-snapshot', { logEndOffset: this.#log.logEndOffset, snapshotEndOffset: endOffset })
    this.#log.truncateFullyAndStartAt(endOffset)
  }

  /** Voters as the snapshot and the whole log have them, committed or not. Returns the snapshot's batches. */
  #readVoters(): BatchView[] {
    const { world, directory } = this.#options
    const path = `${directory}/${snapshotName(this.#snapshot)}`
    const batches = world.disk.exists(path) ? readCheckpoint(world.disk, path) : []
    for (const batch of batches) if (batch.isControl) this.#readControl(batch)
    this.#voters.isInLog = this.#snapshot.endOffset > 0
    for (let offset = this.#snapshot.endOffset; offset < this.#log.logEndOffset; ) {
      const { chunks, nextOffset } = this.#log.read(offset, { maxBytes: 2 ** 20, atLeastOne: true })
      for (const chunk of chunks)
        for (const batch of batchesIn(chunk)) {
          if (!batch.isControl) continue
          this.#readControl(batch)
          this.#voters.isInLog ||= controlRecordsIn(batch).some(({ type }) => type === 'KRaftVoters')
        }
      offset = nextOffset
    }
    return batches
  }

  #readControl(batch: BatchView): void {
    for (const record of controlRecordsIn(batch)) this.#voters.apply(record)
  }

  /** A new leader's first batch says who leads; the first leader of all repeats the voters that the formatting left in a checkpoint. */
  #lead(): void {
    const raft = this.#raft
    if (raft.role !== 'leader' || this.#leaderEpoch === raft.epoch) return
    this.#leaderEpoch = raft.epoch
    // Apache Kafka 4.3 writes and reads version 0, which has no directories, in a dynamic quorum too.
    const ids = (voters: readonly Voter[]) => voters.map(({ id }) => ({ voterId: id, voterDirectoryId: zeroUuid }))
    const change = {
      version: 0,
      leaderId: this.#options.nodeId,
      voters: ids(raft.voters),
      grantingVoters: ids(raft.grantingVoters),
    }
    const timestampMs = this.#options.world.clock.now()
    const repeated = this.#voters.isInLog ? [] : this.#voters.records()
    const bytes = controlBatch([{ type: 'LeaderChange', value: change }, ...repeated], { baseOffset: 0, epoch: 0, timestampMs })
    this.#log.startEpoch(raft.epoch)
    this.#write(bytes)
    this.#options.logger.info('raft.leader', {
      nodeId: this.#options.nodeId,
      epoch: raft.epoch,
      offset: this.#log.logEndOffset - 1,
    })
  }

  #write(bytes: Uint8Array): void {
    try {
      this.#log.appendAsLeader(BatchView.at(bytes, 0)!, this.#raft.epoch)
    } catch (error) {
      this.#fail(error as Error)
      throw error
    }
    if (this.#flushing) return
    this.#flushing = true
    // At the end of the tick, so that what is appended together is forced to disk together.
    this.#options.world.clock.defer(() => void this.#flush())
  }

  async #flush(): Promise<void> {
    try {
      for (let flushed = -1; flushed < this.#log.logEndOffset; ) {
        const endOffset = this.#log.logEndOffset
        await this.#log.flush()
        flushed = endOffset
        if (this.#failure) return
        this.#shell.submit({ kind: 'flushed', endOffset })
        this.#commit()
      }
    } catch (error) {
      this.#fail(error as Error)
    } finally {
      this.#flushing = false
    }
  }

  #commit(): void {
    const { highWatermark } = this.#raft
    if (highWatermark < 0) return
    this.#log.highWatermark = highWatermark
    this.#committed.advance(highWatermark)
    this.#snapshotter.considerWriting()
    this.#tellLeader()
  }

  #tellLeader(): void {
    const { id, epoch } = this.leader
    if (id === this.#toldLeader.id && epoch === this.#toldLeader.epoch) return
    this.#toldLeader = { id, epoch }
    this.#options.state.leaderChanged({ id, epoch })
  }

  #fail(error: Error): void {
    if (this.#failure || this.#closed) return
    this.#failure = error
    this.#shell.stop()
    this.#committed.fail(error)
    this.#options.failed(error)
  }
}

function* encoded<Record>(records: Iterable<Record>, state: ReplicatedState<Record>): Generator<Uint8Array> {
  for (const record of records) yield state.encode(record)
}
