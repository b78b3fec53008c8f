import type { Logger, Timer, World } from '@millrace/runtime'
import type { Log } from '../log/log.ts'
import { checkpointBatches } from './checkpoint-batches.ts'
import type { ControlRecord } from './control-records.ts'
import { listSnapshots, type SnapshotId, snapshotName, writeCheckpoint, writeCheckpointNow } from './snapshots.ts'

export interface SnapshotOptions {
  /** `metadata.log.max.record.bytes.between.snapshots`. */
  readonly maxRecordBytesBetween: number
  /** `metadata.log.max.snapshot.interval.ms`; 0: never by time. */
  readonly maxIntervalMs: number
  /** `metadata.max.retention.bytes`; -1: no limit. */
  readonly retentionBytes: number
  /** `metadata.max.retention.ms`; -1: no limit. */
  readonly retentionMs: number
}

export interface SnapshotterOptions {
  readonly world: World
  readonly logger: Logger
  readonly directory: string
  readonly limits: SnapshotOptions
  readonly log: Log
  /** What a snapshot that ends at `endOffset` says about voters. */
  readonly control: (endOffset: number) => readonly ControlRecord[]
  /** All that is committed, encoded; null when this is no moment for a snapshot. */
  readonly values: () => Iterable<Uint8Array> | null
  /** There is a new snapshot, or an old one less. */
  readonly changed: () => void
  readonly failed: (error: Error) => void
}

/** A snapshot of this many bytes of records is worth its time at shutdown: the next start reads that much less. */
const atCloseBytes = 2 ** 20

/** Writes snapshots when enough was committed or enough time has passed, and deletes what they make superfluous. */
export class Snapshotter {
  readonly #options: SnapshotterOptions
  #newest: SnapshotId
  #end: SnapshotId & { readonly timestampMs: number }
  #bytesSince = 0
  #writing: Promise<void> | null = null
  #timer: Timer | null = null

  constructor(options: SnapshotterOptions, newest: SnapshotId) {
    this.#options = options
    this.#newest = newest
    this.#end = { ...newest, timestampMs: 0 }
  }

  /** The state was replaced by a snapshot from elsewhere. */
  restarted(id: SnapshotId): void {
    this.#newest = id
    this.#end = { ...id, timestampMs: 0 }
    this.#bytesSince = 0
  }

  start(): void {
    const { world, limits } = this.#options
    if (limits.maxIntervalMs === 0) return
    this.#timer = world.clock.timer(limits.maxIntervalMs, () => {
      if (this.#bytesSince > 0) this.#write()
      this.start()
    })
  }

  /** A batch is committed; call `considerWriting` after the last of those that are committed together. */
  committed(batch: {
    readonly nextOffset: number
    readonly epoch: number
    readonly timestampMs: number
    readonly sizeBytes: number
  }): void {
    this.#end = { endOffset: batch.nextOffset, epoch: batch.epoch, timestampMs: batch.timestampMs }
    this.#bytesSince += batch.sizeBytes
  }

  considerWriting(): void {
    if (this.#bytesSince >= this.#options.limits.maxRecordBytesBetween) this.#write()
  }

  /** Ends after what is being written; with `worthwhile` a last one is written if it saves the next start some reading. */
  async close(worthwhile: boolean): Promise<void> {
    this.#timer?.cancel()
    await this.#writing
    if (!worthwhile || this.#bytesSince < atCloseBytes) return
    const snapshot = this.#take()
    if (!snapshot) return
    this.#options.log.flushNow()
    writeCheckpointNow(this.#options.world.disk, snapshot.path, snapshot.batches)
    this.#finish(snapshot.id)
  }

  #write(): void {
    const snapshot = this.#writing === null ? this.#take() : null
    if (!snapshot) return
    // The next start takes the log before a snapshot for durable.
    this.#writing = this.#options.log
      .flush()
      .then(() => writeCheckpoint(this.#options.world.disk, snapshot.path, snapshot.batches))
      .then(() => this.#finish(snapshot.id))
      .catch(error => this.#options.failed(error))
      .finally(() => {
        this.#writing = null
      })
  }

  #take(): { id: SnapshotId; path: string; batches: Uint8Array[] } | null {
    const { directory, world, control } = this.#options
    const { endOffset, epoch, timestampMs } = this.#end
    const values = endOffset <= this.#newest.endOffset ? null : this.#options.values()
    if (values === null) return null
    this.#bytesSince = 0
    const id = { endOffset, epoch }
    const batches = checkpointBatches({
      epoch,
      lastContainedLogTimestampMs: timestampMs,
      control: control(endOffset),
      values,
      nowMs: world.clock.now(),
    })
    return { id, path: `${directory}/${snapshotName(id)}`, batches }
  }

  #finish(id: SnapshotId): void {
    if (id.endOffset > this.#newest.endOffset) this.#newest = id
    this.#options.logger.info('raft.snapshot', { endOffset: id.endOffset, epoch: id.epoch })
    this.#options.changed()
    this.#deleteOld()
    this.#options.changed()
  }

  /** Old snapshots and the log before the next newer one go when they are too large or too old; the newest snapshot stays. */
  #deleteOld(): void {
    const { world, directory, limits, log } = this.#options
    const { disk, clock } = world
    const kept = listSnapshots(disk, directory).map(id => {
      const path = `${directory}/${snapshotName(id)}`
      return { ...id, path, ...disk.stat(path) }
    })
    let sizeBytes = log.sizeBytes + kept.reduce((sum, snapshot) => sum + snapshot.sizeBytes, 0)
    while (kept.length > 1) {
      const [oldest, next] = kept as [(typeof kept)[0], (typeof kept)[0]]
      const tooLarge = limits.retentionBytes >= 0 && sizeBytes > limits.retentionBytes
      const tooOld = limits.retentionMs >= 0 && clock.now() - oldest.modifiedMs > limits.retentionMs
      if (!tooLarge && !tooOld) return
      const before = log.sizeBytes
      log.deleteBefore(next.endOffset)
      log.applyRetention()
      disk.remove(oldest.path)
      sizeBytes -= oldest.sizeBytes + before - log.sizeBytes
      kept.shift()
    }
  }
}
