import { BatchBuilder, BatchView, batchesIn, zeroUuid } from '@millrace/protocol'
import { type Logger, type MachineLog, MillraceError, messageOf, Shell, type World } from '@millrace/runtime'
import type { VoterEndpoint } from '../config/quorum.ts'
import type { Log } from '../log/log.ts'
import { CommittedQueue } from './committed-queue.ts'
import { controlBatch, controlRecordsIn } from './control-records.ts'
import { type ElectionState, readElectionState, writeElectionState } from './quorum-state.ts'
import { Raft, type RaftInput, type VoteRequest, type Voter } from './raft.ts'
import { listSnapshots, readCheckpoint, type SnapshotId, snapshotName } from './snapshots.ts'
import { type SnapshotOptions, Snapshotter } from './snapshotter.ts'
import { VoterSet } from './voter-set.ts'

export interface RaftNodeOptions<Record> {
  readonly world: World
  readonly logger: Logger
  readonly nodeId: number
  /** The `directory.id` of the log directory. */
  readonly directoryId: string
  /** Directory of the partition `__cluster_metadata-0`. */
  readonly directory: string
  readonly openLog: (recoveryPoint: number) => Log
  readonly staticVoters: readonly VoterEndpoint[]
  readonly controllerListenerName: string
  readonly electionTimeoutMs: number
  readonly snapshots: SnapshotOptions
  readonly state: ReplicatedState<Record>
  readonly failed: (error: Error) => void
}

/** The state that the log replicates. */
export interface ReplicatedState<Record> {
  encode(record: Record): Uint8Array
  decode(value: Uint8Array): Record
  /** A batch of the log or of a snapshot, in order, at the start: committed or not. */
  replayed(records: readonly Record[]): void
  /** A batch below the high watermark, in order. */
  committed(batch: CommittedBatch<Record>): void
  /** All that is committed, as records; null when this is no moment for a snapshot. */
  snapshot(): Iterable<Record> | null
}

export interface CommittedBatch<Record> {
  /** Behind the batch's last record. */
  readonly nextOffset: number
  readonly epoch: number
  readonly timestampMs: number
  readonly sizeBytes: number
  readonly records: readonly Record[]
}

const readBytes = 2 ** 20
const maxAppendBytes = 2 ** 29

/** Raft in this process: the metadata log with its snapshots, the machine that elects and commits, and the state that follows. */
export class RaftNode<Record> implements MachineLog<Record> {
  readonly #options: RaftNodeOptions<Record>
  readonly #log: Log
  readonly #voters: VoterSet
  readonly #raft: Raft
  readonly #shell: Shell<RaftInput, ElectionState, VoteRequest>
  readonly #queue = new CommittedQueue<CommittedBatch<Record>>()
  readonly #snapshot: SnapshotId
  readonly #snapshotter: Snapshotter
  #leaderEpoch = 0
  #flushing = false
  #failure: Error | null = null
  #closed = false
  #closing: Promise<void> | null = null

  /** Reads snapshot and log: when it returns, all that the log holds was given to `state.replayed`. */
  constructor(options: RaftNodeOptions<Record>) {
    this.#options = options
    const { world, directory } = options
    world.disk.makeDirectory(directory)
    this.#snapshot = listSnapshots(world.disk, directory).at(-1) ?? { endOffset: 0, epoch: 0 }
    this.#voters = new VoterSet(options.staticVoters, options.controllerListenerName)
    this.#log = options.openLog(this.#snapshot.endOffset)
    this.#checkStart()
    this.#replay()
    this.#snapshotter = this.#newSnapshotter()
    const { kraftVersion, voters } = this.#voters
    const form = { kraftVersion, voterIds: voters.map(voter => voter.id) }
    this.#raft = new Raft(
      {
        self: this.#findSelf(),
        voters,
        electionTimeoutMs: options.electionTimeoutMs,
        jitterMs: () => world.random.below(options.electionTimeoutMs + 1),
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
  }

  get raft(): Raft {
    return this.#raft
  }
  get voters(): VoterSet {
    return this.#voters
  }
  /** Offset that the next record gets. */
  get logEndOffset(): number {
    return this.#log.logEndOffset
  }

  /** Takes part in the quorum. The only voter leads when this returns. */
  start(): void {
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
    this.#write(bytes)
    const { logEndOffset: nextOffset } = this.#log
    this.#queue.appended({ nextOffset, epoch: this.#raft.epoch, timestampMs, sizeBytes: bytes.length, records })
    return nextOffset
  }

  whenCommitted(position: number, done: (error?: Error) => void): void {
    if (this.#failure) done(this.#failure)
    else this.#queue.whenCommitted(position, done)
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

  #replay(): void {
    const { world, directory, state } = this.#options
    const path = `${directory}/${snapshotName(this.#snapshot)}`
    const records: Record[] = []
    if (world.disk.exists(path)) {
      for (const batch of readCheckpoint(world.disk, path)) {
        if (batch.isControl) this.#readControl(batch)
        else records.push(...this.#decode(batch))
      }
    }
    state.replayed(records)
    // What a snapshot holds is committed, yet it is shown with the rest, when this node knows who leads.
    const { endOffset: nextOffset, epoch } = this.#snapshot
    this.#queue.appended({ nextOffset, epoch, timestampMs: 0, sizeBytes: 0, records })
    this.#voters.isInLog = this.#snapshot.endOffset > 0
    for (let offset = this.#snapshot.endOffset; offset < this.#log.logEndOffset; ) {
      const { chunks, nextOffset } = this.#log.read(offset, { maxBytes: readBytes, atLeastOne: true })
      for (const chunk of chunks) for (const batch of batchesIn(chunk)) this.#replayBatch(batch)
      offset = nextOffset
    }
  }

  #replayBatch(batch: BatchView): void {
    const records = batch.isControl ? [] : this.#decode(batch)
    if (batch.isControl) {
      this.#readControl(batch)
      this.#voters.isInLog ||= controlRecordsIn(batch).some(({ type }) => type === 'KRaftVoters')
    }
    if (records.length > 0) this.#options.state.replayed(records)
    const { nextOffset, partitionLeaderEpoch: epoch, maxTimestamp: timestampMs, sizeInBytes: sizeBytes } = batch
    this.#queue.appended({ nextOffset, epoch, timestampMs, sizeBytes, records })
  }

  #readControl(batch: BatchView): void {
    for (const record of controlRecordsIn(batch)) this.#voters.apply(record)
  }

  #decode(batch: BatchView): Record[] {
    const records: Record[] = []
    const cursor = batch.records()
    while (cursor.next()) {
      const value = cursor.value()
      if (value !== null) records.push(this.#options.state.decode(value))
    }
    return records
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
    const { logEndOffset: nextOffset } = this.#log
    this.#queue.appended({ nextOffset, epoch: raft.epoch, timestampMs, sizeBytes: bytes.length, records: [] })
    this.#options.logger.info('raft.leader', { nodeId: this.#options.nodeId, epoch: raft.epoch, offset: nextOffset - 1 })
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
    this.#queue.advance(highWatermark, batch => {
      this.#options.state.committed(batch)
      this.#snapshotter.committed(batch)
    })
    this.#snapshotter.considerWriting()
  }

  #fail(error: Error): void {
    if (this.#failure || this.#closed) return
    this.#failure = error
    this.#shell.stop()
    this.#queue.fail(error)
    this.#options.failed(error)
  }
}

function* encoded<Record>(records: Iterable<Record>, state: ReplicatedState<Record>): Generator<Uint8Array> {
  for (const record of records) yield state.encode(record)
}
