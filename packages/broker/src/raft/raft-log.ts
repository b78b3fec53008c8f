import { BatchView, batchesIn } from '@millrace/protocol'
import { assert, type Logger, MillraceError, type World } from '@millrace/runtime'
import { LeaderEpochs } from '../log/leader-epochs.ts'
import type { Log } from '../log/log.ts'
import { controlRecordsIn } from './control-records.ts'
import type { LogEnd } from './raft-input.ts'
import { listSnapshots, readCheckpoint, removeUnfinished, type SnapshotId, snapshotName } from './snapshots.ts'
import type { VoterSet } from './voter-set.ts'

export interface RaftLogOptions {
  readonly world: World
  readonly logger: Logger
  /** Of the partition. */
  readonly directory: string
  readonly openLog: (recoveryPoint: number) => Log
  /** Follows the control records, committed or not. */
  readonly voters: VoterSet
}

/** What a fetch at some offset and epoch meets: nothing wrong, a point to cut back to, or a snapshot to load first. */
export type FetchPosition = 'valid' | { readonly divergingEpoch: LogEnd } | { readonly snapshotId: SnapshotId }

const readBytes = 2 ** 20

/** The metadata log together with its snapshots: what comes before its start is in them. */
export class RaftLog {
  readonly log: Log
  readonly #options: RaftLogOptions
  #snapshots: readonly SnapshotId[]
  #restored: readonly BatchView[] = []

  /** Reads the newest snapshot and the voters of the whole log. Throws when the files are damaged. */
  constructor(options: RaftLogOptions) {
    this.#options = options
    const { world, directory, openLog } = options
    world.disk.makeDirectory(directory)
    removeUnfinished(world.disk, directory)
    this.#snapshots = listSnapshots(world.disk, directory)
    // A snapshot of a later epoch than the log came from a leader: nothing says that the log below it was on disk, or is the same.
    const { endOffset, epoch } = this.newestSnapshot
    this.log = openLog(new LeaderEpochs(world.disk, directory).last >= epoch ? endOffset : 0)
    this.#checkStart()
    this.#readSnapshot()
    this.#readVoters(this.newestSnapshot.endOffset)
  }

  get end(): LogEnd {
    return { endOffset: this.log.logEndOffset, epoch: Math.max(this.log.lastEpoch, this.newestSnapshot.epoch, 0) }
  }

  /** Ends at 0 when there is none. */
  get newestSnapshot(): SnapshotId {
    return this.#snapshots.at(-1) ?? { endOffset: 0, epoch: 0 }
  }

  pathOf(id: SnapshotId): string {
    return `${this.#options.directory}/${snapshotName(id)}`
  }

  has(id: SnapshotId): boolean {
    return this.#snapshots.some(({ endOffset, epoch }) => endOffset === id.endOffset && epoch === id.epoch)
  }

  /** Snapshots were written or deleted. */
  snapshotsChanged(): void {
    this.#snapshots = listSnapshots(this.#options.world.disk, this.#options.directory)
  }

  /** The batches of the snapshot that was read last, once. */
  takeRestored(): readonly BatchView[] {
    const restored = this.#restored
    this.#restored = []
    return restored
  }

  /** Whether a log that ends at `offset` with a batch of `epoch` is a beginning of this one. */
  positionOf(offset: number, epoch: number): FetchPosition {
    const { newestSnapshot: snapshotId } = this
    const { logStartOffset } = this.log
    if (snapshotId.endOffset > 0) {
      // What came before the log's start is known by the snapshot that ends there, and by no older one.
      const oldest = this.#snapshots.find(({ endOffset }) => endOffset > 0 && endOffset >= logStartOffset)!
      const isBefore = offset < logStartOffset || epoch < oldest.epoch || (offset === logStartOffset && epoch !== oldest.epoch)
      if (offset === 0 || (logStartOffset > 0 && isBefore)) return { snapshotId }
    }
    const end = this.endOfEpoch(epoch)
    return end.epoch === epoch && end.endOffset >= offset ? 'valid' : { divergingEpoch: end }
  }

  /** The largest epoch up to `epoch` that the log knows, and where it ends; the end of the log for an epoch newer than all. */
  endOfEpoch(epoch: number): LogEnd {
    const known = this.log.endOfEpoch(epoch)
    return known.epoch < 0 ? this.end : known
  }

  /** Appends one batch of this leader: offset and epoch are set in it. */
  appendAsLeader(bytes: Uint8Array, epoch: number): void {
    const batch = BatchView.at(bytes, 0)!
    this.log.appendAsLeader(batch, epoch)
    this.#readControl(batch, batch.baseOffset)
  }

  /** Appends what the leader of `leaderEpoch` sent, up to the first batch that is damaged or does not follow. Says whether all of it was good. */
  appendAsFollower(bytes: Uint8Array, leaderEpoch: number): boolean {
    let { endOffset, epoch } = this.end
    let length = 0
    let isGood = true
    const batches: BatchView[] = []
    for (const batch of batchesIn(bytes)) {
      const follows = batch.baseOffset === endOffset && batch.partitionLeaderEpoch >= epoch
      isGood = follows && batch.partitionLeaderEpoch <= leaderEpoch && batch.isCrcValid()
      if (!isGood) break
      batches.push(batch)
      endOffset = batch.nextOffset
      epoch = batch.partitionLeaderEpoch
      length += batch.sizeInBytes
    }
    if (length > 0) this.log.appendAsFollower(bytes.subarray(0, length))
    for (const batch of batches) this.#readControl(batch, batch.baseOffset)
    return isGood
  }

  /** Cuts the log back to where it agrees with a leader that said so. Returns the new end. */
  truncateTo(diverging: LogEnd, highWatermark: number): number {
    const own = this.endOfEpoch(diverging.epoch)
    const offset = own.epoch === diverging.epoch ? Math.min(own.endOffset, diverging.endOffset) : own.endOffset
    assert(offset >= highWatermark, `the log would be cut at ${offset}, below the high watermark ${highWatermark}`)
    const endOffset = this.log.truncateTo(offset)
    assert(endOffset >= highWatermark, `the log was cut at ${endOffset}, below the high watermark ${highWatermark}`)
    this.#options.voters.truncateTo(endOffset)
    return endOffset
  }

  /** The newest snapshot came from the leader: it takes the place of the whole log. */
  startAtSnapshot(): void {
    this.snapshotsChanged()
    this.#restartLog()
    this.#readSnapshot()
  }

  get isDurable(): boolean {
    return this.log.recoveryPoint >= this.log.logEndOffset
  }

  #checkStart(): void {
    const { directory, logger } = this.#options
    const { endOffset, epoch } = this.newestSnapshot
    if (this.log.logStartOffset > endOffset) {
      throw new MillraceError(
        'CORRUPT_METADATA_LOG',
        `The log in ${directory} starts at offset ${this.log.logStartOffset} and its newest snapshot ends at ${endOffset}`,
        { hint: 'restore the snapshot between them' },
      )
    }
    // A snapshot of a later epoch came from a leader, and the process ended before it took the place of the log.
    if (endOffset === 0 || (this.log.logEndOffset >= endOffset && this.log.lastEpoch >= epoch)) return
    logger.warn('metadata-log.behind-snapshot', { logEndOffset: this.log.logEndOffset, snapshotEndOffset: endOffset })
    this.#restartLog()
  }

  /** The log begins where the newest snapshot ends; older ones are of no use without the log between them. */
  #restartLog(): void {
    const { disk } = this.#options.world
    this.log.truncateFullyAndStartAt(this.newestSnapshot.endOffset)
    for (const id of this.#snapshots.slice(0, -1)) disk.remove(this.pathOf(id))
    this.snapshotsChanged()
  }

  #readSnapshot(): void {
    const { world, voters } = this.#options
    const { endOffset } = this.newestSnapshot
    const path = this.pathOf(this.newestSnapshot)
    this.#restored = world.disk.exists(path) ? readCheckpoint(world.disk, path) : []
    voters.clear()
    for (const batch of this.#restored) this.#readControl(batch, endOffset - 1)
  }

  #readVoters(from: number): void {
    for (let offset = from; offset < this.log.logEndOffset; ) {
      const { chunks, nextOffset } = this.log.read(offset, { maxBytes: readBytes, atLeastOne: true })
      for (const chunk of chunks) for (const batch of batchesIn(chunk)) this.#readControl(batch, batch.baseOffset)
      offset = nextOffset
    }
  }

  #readControl(batch: BatchView, offset: number): void {
    if (batch.isControl) for (const record of controlRecordsIn(batch)) this.#options.voters.apply(record, offset)
  }
}
