import { DiskError, type Logger, messageOf, type World } from '@millrace/runtime'
import {
  type CheckpointEntry,
  CorruptCheckpointError,
  checkpointFiles,
  readCheckpoint,
  writeCheckpoint,
  writeCheckpointSoon,
} from './checkpoints.ts'
import { takeCleanShutdown, writeCleanShutdown } from './clean-shutdown.ts'
import { CorruptLogError } from './corrupt-log.ts'
import { Log } from './log.ts'
import type { LogConfig } from './log-config.ts'
import { parsePartitionDirectory } from './log-files.ts'
import { uniqueName } from './log-place.ts'
import type { TailCache } from './tail-cache.ts'

/** Belongs to the quorum, which opens it itself. */
const metadataTopic = '__cluster_metadata'

export interface LogDirectoryOptions {
  readonly world: World
  readonly logger: Logger
  readonly path: string
  readonly tailCache: TailCache
  readonly producerIdExpirationMs: number
  readonly configOf: (topic: string) => LogConfig
  /** Called once, when the disk under the directory fails. */
  readonly onFailed: (directory: LogDirectory, error: DiskError) => void
}

/** One of `log.dirs`: its logs, its checkpoints, and whether its disk still works. */
export class LogDirectory {
  readonly path: string
  /** By `topic-partition`. */
  readonly logs = new Map<string, Log>()
  /** Copies on their way into this directory, by `topic-partition`. */
  readonly futures = new Map<string, Log>()
  /** Copies that an earlier process had begun: their partitions are to be moved here. */
  readonly unfinished: { readonly topic: string; readonly partition: number }[] = []
  /** Logs that could not be opened, and why. */
  readonly damaged = new Map<string, CorruptLogError>()
  /** Epoch of the broker at its last clean stop, null after an unclean one. */
  previousBrokerEpoch: number | null = null
  readonly #options: LogDirectoryOptions
  /** What the checkpoint files say, also for logs that are not open. */
  readonly #recoveryPoints = new Map<string, number>()
  readonly #logStarts = new Map<string, number>()
  readonly #highWatermarks = new Map<string, number>()
  /** Blocking writes, which an unfinished other one must not undo. */
  #recoveryPointWrites = 0
  #logStartWrites = 0
  /** Checkpoints under way. */
  readonly #writings = new Set<Promise<void>>()
  #isClosing = false
  #failure: DiskError | null = null

  constructor(options: LogDirectoryOptions) {
    this.path = options.path
    this.#options = options
  }

  get failure(): DiskError | null {
    return this.#failure
  }

  /** Opens all logs, in the order of their names; after an unclean stop this reads what was not forced to disk. A failing disk takes the directory off line. */
  load(): void {
    const { disk } = this.#options.world
    try {
      disk.makeDirectory(this.path)
      this.previousBrokerEpoch = takeCleanShutdown(disk, this.path)
      this.#read(checkpointFiles.recoveryPoint, this.#recoveryPoints)
      this.#read(checkpointFiles.logStart, this.#logStarts)
      this.#read(checkpointFiles.highWatermark, this.#highWatermarks)
      for (const name of disk.list(this.path)) this.#load(name)
    } catch (error) {
      this.#noticed(error)
    }
  }

  /** Creates the log of a partition that this directory does not have. Throws DiskError. */
  create(topic: string, partition: number, topicId: string): Log {
    if (this.#failure !== null) throw this.#failure
    const name = `${topic}-${partition}`
    try {
      // The checkpoint may still tell of a deleted log of this name, and would make an honest end of the new one look like damage.
      if (this.#recoveryPoints.delete(name)) this.checkpointRecoveryPoints()
      this.#logStarts.delete(name)
      this.#highWatermarks.delete(name)
      return this.#open(name, topic, partition, { clean: true, topicId })
    } catch (error) {
      throw this.#noticed(error)
    }
  }

  /** Begins the copy of a log that another directory has. Throws DiskError. */
  createFuture(topic: string, partition: number, topicId: string | undefined): Log {
    if (this.#failure !== null) throw this.#failure
    try {
      const future = this.#openAt(uniqueName(topic, partition, 'future', this.#options.world), topic, partition, {
        clean: true,
        ...(topicId === undefined ? {} : { topicId }),
      })
      this.futures.set(`${topic}-${partition}`, future)
      return future
    } catch (error) {
      throw this.#noticed(error)
    }
  }

  dropFuture(name: string): void {
    const future = this.futures.get(name)
    this.futures.delete(name)
    if (future !== undefined && this.#failure === null) future.remove()
  }

  /** The copy is the log from now on. Durable when it returns. Throws DiskError. */
  adoptFuture(name: string): Log {
    const future = this.futures.get(name)!
    const { topic, partition, logStartOffset, highWatermark } = future
    try {
      future.closeAndMoveTo(`${this.path}/${name}`)
      this.futures.delete(name)
      this.#logStarts.set(name, logStartOffset)
      this.#recoveryPoints.delete(name)
      const log = this.#open(name, topic, partition, { clean: true })
      log.highWatermark = highWatermark
      return log
    } catch (error) {
      throw this.#noticed(error)
    }
  }

  /** Forgets a log: it was deleted or is a stray. */
  forget(name: string): void {
    this.logs.delete(name)
  }

  /** Durable when it returns. */
  checkpointRecoveryPoints(): void {
    this.#recoveryPointWrites++
    this.#guarded(() => writeCheckpoint(this.#options.world.disk, this.#file('recoveryPoint'), this.#recoveryPointEntries()))
  }

  #checkpointLogStarts(): void {
    this.#logStartWrites++
    this.#guarded(() => writeCheckpoint(this.#options.world.disk, this.#file('logStart'), this.#logStartEntries()))
  }

  async checkpointRecoveryPointsSoon(): Promise<void> {
    const writes = this.#recoveryPointWrites
    const entries = this.#recoveryPointEntries()
    await this.#writeSoon('recoveryPoint', entries, () => writes !== this.#recoveryPointWrites)
  }

  async checkpointLogStartsSoon(): Promise<void> {
    const writes = this.#logStartWrites
    await this.#writeSoon('logStart', this.#logStartEntries(), () => writes !== this.#logStartWrites)
  }

  async checkpointHighWatermarksSoon(): Promise<void> {
    await this.#writeSoon('highWatermark', this.#highWatermarkEntries())
  }

  /** Closes all logs and says so on disk, if nothing was damaged. */
  async close(brokerEpoch: number): Promise<void> {
    const { world, logger } = this.#options
    this.#isClosing = true
    for (const future of this.futures.values()) future.abandon()
    const results = await Promise.allSettled([...this.logs.values()].map(log => log.close()))
    // Begun before, they would replace what is written now.
    await Promise.allSettled(this.#writings)
    for (const result of results) if (result.status === 'rejected') this.#noticed(result.reason)
    if (this.#failure !== null) return
    try {
      writeCheckpoint(world.disk, this.#file('recoveryPoint'), this.#recoveryPointEntries())
      writeCheckpoint(world.disk, this.#file('logStart'), this.#logStartEntries())
      writeCheckpoint(world.disk, this.#file('highWatermark'), this.#highWatermarkEntries())
      // A damaged log must be looked at as closely the next time.
      if (this.damaged.size === 0) writeCleanShutdown(world.disk, this.path, brokerEpoch)
    } catch (error) {
      logger.error('log-directory.not-closed', { directory: this.path, reason: messageOf(error) })
    }
  }

  /** Gives up without writing anything. */
  abandon(): void {
    this.#isClosing = true
    for (const log of this.logs.values()) log.abandon()
    for (const future of this.futures.values()) future.abandon()
  }

  #load(name: string): void {
    const { world, logger } = this.#options
    if (!world.disk.stat(`${this.path}/${name}`).isDirectory) return
    if (name.endsWith('-delete')) {
      world.disk.removeDirectory(`${this.path}/${name}`)
      return
    }
    const [, copied] = /^(.+-\d+)\.[0-9a-f]{32}-future$/.exec(name) ?? []
    if (copied !== undefined) {
      // The copy of a log that is whole elsewhere: it is made anew.
      this.unfinished.push(parsePartitionDirectory(copied)!)
      world.disk.removeDirectory(`${this.path}/${name}`)
      return
    }
    if (name.endsWith('-future') || name.endsWith('-stray')) {
      logger.warn('log-directory.partition-left-alone', { directory: `${this.path}/${name}` })
      return
    }
    const parsed = parsePartitionDirectory(name)
    if (parsed === null || parsed.topic === metadataTopic) return
    try {
      const log = this.#open(name, parsed.topic, parsed.partition, { clean: this.previousBrokerEpoch !== null })
      log.highWatermark = Math.max(log.logStartOffset, Math.min(this.#highWatermarks.get(name) ?? 0, log.logEndOffset))
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error
      this.damaged.set(name, error)
      logger.error('log.damaged', { topic: parsed.topic, partition: parsed.partition, reason: messageOf(error) })
    }
  }

  #open(name: string, topic: string, partition: number, options: { clean: boolean; topicId?: string }): Log {
    const log = this.#openAt(name, topic, partition, options)
    this.logs.set(name, log)
    return log
  }

  #openAt(name: string, topic: string, partition: number, { clean, topicId }: { clean: boolean; topicId?: string }): Log {
    const { world, logger, configOf, tailCache, producerIdExpirationMs } = this.#options
    const logStartOffset = this.#logStarts.get(name)
    return Log.open({
      world,
      logger,
      directory: `${this.path}/${name}`,
      topic,
      partition,
      ...(topicId === undefined ? {} : { topicId }),
      config: configOf(topic),
      recoveryPoint: this.#recoveryPoints.get(name) ?? 0,
      ...(logStartOffset === undefined ? {} : { logStartOffset }),
      clean,
      producerIdExpirationMs,
      tailCache,
      onFailed: error => this.#fail(error),
      onRecoveryPointLowered: () => this.checkpointRecoveryPoints(),
      onLogStartMoved: () => this.#checkpointLogStarts(),
    })
  }

  #read(file: string, into: Map<string, number>): void {
    try {
      for (const [name, offset] of readCheckpoint(this.#options.world.disk, `${this.path}/${file}`)) into.set(name, offset)
    } catch (error) {
      if (!(error instanceof CorruptCheckpointError)) throw error
      this.#options.logger.warn('log-directory.checkpoint-unreadable', { file: `${this.path}/${file}`, reason: messageOf(error) })
    }
  }

  #recoveryPointEntries(): CheckpointEntry[] {
    return this.#entries(this.#recoveryPoints, log => log.recoveryPoint)
  }
  #logStartEntries(): CheckpointEntry[] {
    // As in Kafka only those that the names of the files do not tell.
    return this.#entries(this.#logStarts, log => (log.logStartOffset > log.firstSegmentOffset ? log.logStartOffset : -1))
  }
  #highWatermarkEntries(): CheckpointEntry[] {
    return this.#entries(this.#highWatermarks, log => log.highWatermark)
  }

  /** The open logs' offsets, and for damaged ones what the file said. -1 leaves a log out. */
  #entries(known: Map<string, number>, offsetOf: (log: Log) => number): CheckpointEntry[] {
    const entries: CheckpointEntry[] = []
    for (const name of this.damaged.keys()) {
      const offset = known.get(name)
      if (offset !== undefined) entries.push({ ...parsePartitionDirectory(name)!, offset })
    }
    known.clear()
    for (const { topic, partition, offset } of entries) known.set(`${topic}-${partition}`, offset)
    for (const [name, log] of this.logs) {
      const offset = offsetOf(log)
      if (offset < 0) continue
      known.set(name, offset)
      entries.push({ topic: log.topic, partition: log.partition, offset })
    }
    return entries
  }

  #file(which: keyof typeof checkpointFiles): string {
    return `${this.path}/${checkpointFiles[which]}`
  }

  async #writeSoon(
    which: keyof typeof checkpointFiles,
    entries: CheckpointEntry[],
    isOutdated: () => boolean = () => false,
  ): Promise<void> {
    if (this.#failure !== null || this.#isClosing) return
    const isLate = () => this.#isClosing || isOutdated()
    const writing = writeCheckpointSoon(this.#options.world.disk, this.#file(which), entries, isLate)
    this.#writings.add(writing)
    try {
      await writing
    } catch (error) {
      this.#noticed(error)
    } finally {
      this.#writings.delete(writing)
    }
  }

  #guarded(use: () => void): void {
    try {
      use()
    } catch (error) {
      throw this.#noticed(error)
    }
  }

  #noticed(error: unknown): unknown {
    if (!(error instanceof DiskError)) {
      if (!(error instanceof CorruptLogError)) throw error
    } else this.#fail(error)
    return error
  }

  #fail(error: DiskError): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#options.logger.error('log-directory.offline', { directory: this.path, reason: messageOf(error) })
    for (const log of this.logs.values()) log.fail(error)
    for (const future of this.futures.values()) future.fail(error)
    this.#options.onFailed(this, error)
  }
}
