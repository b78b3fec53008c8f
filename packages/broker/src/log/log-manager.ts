import { type DiskError, type Logger, MillraceError, type Timer, type World } from '@millrace/runtime'
import type { Log } from './log.ts'
import type { LogConfig } from './log-config.ts'
import { LogDirectory } from './log-directory.ts'
import { TailCache } from './tail-cache.ts'

/** A file of a closed segment is closed when nobody has read it for so long. */
const idleFileMs = 60_000
const tidyIntervalMs = 60_000
/** Followers and consumers at the end of a log are a few batches behind; who is further behind reads files, which the operating system has in memory. */
const defaultTailCacheBytes = 4 * 1024 * 1024

export interface LogManagerOptions {
  readonly world: World
  readonly logger: Logger
  /** `log.dirs`, formatted and locked by the caller, without trailing slashes. */
  readonly directories: readonly string[]
  /** The settings of a topic in force now; for a topic that the metadata does not know, the broker's defaults. */
  readonly configOf: (topic: string) => LogConfig
  /** Memory for recent batches, over all logs. Default 4 MiB. */
  readonly tailCacheBytes?: number
  /** `producer.id.expiration.ms`. Default one day. */
  readonly producerIdExpirationMs?: number
  /** `log.retention.check.interval.ms`. Default 5 minutes. */
  readonly retentionCheckIntervalMs?: number
  /** `log.initial.task.delay.ms`. Default 30 s. */
  readonly initialTaskDelayMs?: number
  /** `log.flush.offset.checkpoint.interval.ms`. Default 60 s. */
  readonly recoveryPointCheckpointIntervalMs?: number
  /** `log.flush.start.offset.checkpoint.interval.ms`. Default 60 s. */
  readonly logStartCheckpointIntervalMs?: number
  /** `replica.high.watermark.checkpoint.interval.ms`. Default 5 s. */
  readonly highWatermarkCheckpointIntervalMs?: number
  /** The disk of a directory failed: its logs take no more appends. Called once a directory. */
  readonly onDirectoryFailed?: (path: string, error: DiskError) => void
}

export interface LogName {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/** All logs of a broker but the metadata log: opens them, takes care of them in the background, closes them. */
export class LogManager {
  readonly #options: LogManagerOptions
  readonly #directories: LogDirectory[]
  readonly #timers = new Set<Timer>()
  /** Deleted logs whose directories are not removed yet. */
  readonly #removed = new Set<Log>()
  /** Paths for logs that are not here yet, by `topic-partition`. */
  readonly #preferred = new Map<string, string>()
  #isClosed = false

  /** Opens every log that is there. Synchronous: recovery after an unclean stop takes as long as reading what was not forced to disk. */
  constructor(options: LogManagerOptions) {
    this.#options = options
    const tailCache = new TailCache(options.tailCacheBytes ?? defaultTailCacheBytes)
    this.#directories = options.directories.map(
      path =>
        new LogDirectory({
          world: options.world,
          logger: options.logger,
          path,
          tailCache,
          producerIdExpirationMs: options.producerIdExpirationMs ?? 86_400_000,
          configOf: options.configOf,
          onFailed: (directory, error) => options.onDirectoryFailed?.(directory.path, error),
        }),
    )
    for (const directory of this.#directories) directory.load()
  }

  /** In the order of `log.dirs`. */
  get directories(): readonly LogDirectory[] {
    return this.#directories
  }

  /** Paths of the directories whose disk has failed. */
  get offlineDirectories(): string[] {
    return this.#directories.filter(({ failure }) => failure !== null).map(({ path }) => path)
  }

  /** The broker's epoch at its last stop if that was a clean one in every directory, else -1: goes into the registration. */
  get previousBrokerEpoch(): number {
    const epochs = this.#directories.map(directory => directory.previousBrokerEpoch ?? -1)
    return epochs.every(epoch => epoch === epochs[0]) ? (epochs[0] ?? -1) : -1
  }

  *logs(): Iterable<Log> {
    for (const { logs } of this.#directories) yield* logs.values()
  }

  log(topic: string, partition: number): Log | undefined {
    return this.#find(`${topic}-${partition}`)?.logs.get(`${topic}-${partition}`)
  }

  /**
   * The partition's log, created in the directory with the fewest when there is none. A log of another topic of the same name is set aside.
   * Throws CorruptLogError for a damaged log, DiskError when no directory works, or when one does not and the partition is not `isNew`: its log may be there.
   */
  open({ topic, topicId, partition }: LogName, isNew = false, preferredPath?: string): Log {
    const name = `${topic}-${partition}`
    const directory = this.#find(name)
    const damage = directory?.damaged.get(name)
    if (damage !== undefined) throw damage
    const log = directory?.logs.get(name)
    if (log !== undefined) {
      if (log.topicId === undefined) log.assignTopicId(topicId)
      if (log.topicId === topicId) return log
      this.#setAside(directory!, name, log)
    }
    const lost = this.#directories.find(({ failure }) => failure !== null)
    // An empty log beside the one that cannot be seen would look like the loss of everything in it.
    if (log === undefined && !isNew && lost) throw lost.failure!
    const wanted = this.#preferred.get(name) ?? preferredPath
    this.#preferred.delete(name)
    const preferred = this.#directories.find(({ path }) => path === wanted)
    if (preferred !== undefined && preferred.failure !== null) throw preferred.failure
    return (preferred ?? this.#emptiest()).create(topic, partition, topicId)
  }

  /** When this broker gets the partition its log is created in that directory. */
  prefer(topic: string, partition: number, path: string): void {
    this.#preferred.set(`${topic}-${partition}`, path)
  }

  /** Path of the directory that has the partition's log. */
  directoryOf({ topic, partition }: Pick<LogName, 'topic' | 'partition'>): string | undefined {
    return this.#find(`${topic}-${partition}`)?.path
  }

  /** Moves that an earlier process had begun. */
  *unfinishedMoves(): Iterable<{ readonly topic: string; readonly partition: number; readonly path: string }> {
    for (const { path, unfinished } of this.#directories)
      for (const { topic, partition } of unfinished) yield { topic, partition, path }
  }

  /** Begins a copy of the partition's log in another directory; one that had begun elsewhere is dropped. Throws DiskError. */
  createFuture({ topic, topicId, partition }: LogName, path: string): Log {
    const name = `${topic}-${partition}`
    this.dropFuture(name)
    return this.#directories.find(directory => directory.path === path)!.createFuture(topic, partition, topicId)
  }

  dropFuture(name: string): void {
    for (const directory of this.#directories) if (directory.futures.has(name)) directory.dropFuture(name)
  }

  /** The copy has all that the log has: it takes its place, and the log is deleted. Throws DiskError. */
  adoptFuture({ topic, partition }: Pick<LogName, 'topic' | 'partition'>): Log {
    const name = `${topic}-${partition}`
    const before = this.#find(name)
    const directory = this.#directories.find(({ futures }) => futures.has(name))!
    const replaced = before?.logs.get(name)
    const adopted = directory.adoptFuture(name)
    if (before !== undefined && replaced !== undefined) {
      before.forget(name)
      this.#delete(replaced)
    }
    return adopted
  }

  /** Deletes a log: its directory is renamed now and removed after `file.delete.delay.ms`. Nothing happens if it is not there. */
  remove({ topic, partition }: Pick<LogName, 'topic' | 'partition'>): void {
    const name = `${topic}-${partition}`
    this.dropFuture(name)
    const directory = this.#find(name)
    const log = directory?.logs.get(name)
    if (directory === undefined || log === undefined) return
    directory.forget(name)
    this.#delete(log)
  }

  #delete(log: Log): void {
    this.#removed.add(log)
    log.remove(() => this.#removed.delete(log))
  }

  /** Takes up the topic's settings. */
  configure(topic: string): void {
    for (const log of this.logs()) if (log.topic === topic) log.configure(this.#options.configOf(topic))
  }

  /** The high watermark as of the last checkpoint, 0 for a log that is not there. */
  highWatermarkOf({ topic, partition }: Pick<LogName, 'topic' | 'partition'>): number {
    return this.log(topic, partition)?.highWatermark ?? 0
  }

  /** Sets aside (`…-stray`) the logs that no topic of the metadata owns. Call once the metadata is known. */
  setAsideStrays(isOwned: (log: Log, path: string) => boolean): void {
    for (const directory of this.#directories)
      for (const [name, log] of [...directory.logs]) if (!isOwned(log, directory.path)) this.#setAside(directory, name, log)
  }

  /** Whether two directories have a log of the partition: a move ended by a crash between its last two steps. */
  isTwice({ topic, partition }: Pick<LogName, 'topic' | 'partition'>): boolean {
    return this.#directories.filter(({ logs }) => logs.has(`${topic}-${partition}`)).length > 1
  }

  /** Starts retention, checkpoints and tidying. */
  start(): void {
    const options = this.#options
    const delayMs = options.initialTaskDelayMs ?? 30_000
    const highWatermarkMs = options.highWatermarkCheckpointIntervalMs ?? 5000
    this.#every(options.retentionCheckIntervalMs ?? 300_000, delayMs, () => this.applyRetention())
    this.#every(tidyIntervalMs, delayMs, () => this.tidy())
    this.#every(options.recoveryPointCheckpointIntervalMs ?? 60_000, delayMs, () => this.checkpointRecoveryPoints())
    this.#every(options.logStartCheckpointIntervalMs ?? 60_000, delayMs, () => this.checkpointLogStarts())
    this.#every(highWatermarkMs, highWatermarkMs, () => this.checkpointHighWatermarks())
  }

  /** Writes `recovery-point-offset-checkpoint` of each directory. */
  async checkpointRecoveryPoints(): Promise<void> {
    await Promise.all(this.#directories.map(directory => directory.checkpointRecoveryPointsSoon()))
  }

  /** Writes `log-start-offset-checkpoint` of each directory. */
  async checkpointLogStarts(): Promise<void> {
    await Promise.all(this.#directories.map(directory => directory.checkpointLogStartsSoon()))
  }

  /** Writes `replication-offset-checkpoint` of each directory. */
  async checkpointHighWatermarks(): Promise<void> {
    await Promise.all(this.#directories.map(directory => directory.checkpointHighWatermarksSoon()))
  }

  /** Forgets idle producers and closes files that nobody reads. */
  tidy(): void {
    for (const log of this.logs()) log.tidy(idleFileMs)
  }

  /** Deletes what retention allows, in all logs. A failing log does not keep the others from theirs. */
  applyRetention(): void {
    for (const log of this.logs()) {
      if (log.failure !== null) continue
      try {
        log.applyRetention()
      } catch (error) {
        this.#options.logger.error('log.retention-failed', {
          topic: log.topic,
          partition: log.partition,
          reason: (error as Error).message,
        })
      }
    }
  }

  /** Flushes and closes all logs and marks the stop as clean. `brokerEpoch` is remembered for the next registration. */
  async close(brokerEpoch = -1): Promise<void> {
    if (this.#isClosed) return
    this.#stop()
    await Promise.all(this.#directories.map(directory => directory.close(brokerEpoch)))
  }

  /** Gives up without writing anything: what a killed process would leave. */
  abandon(): void {
    this.#stop()
    for (const directory of this.#directories) directory.abandon()
  }

  #stop(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    for (const log of this.#removed) log.abandon()
  }

  #every(intervalMs: number, firstDelayMs: number, task: () => void | Promise<void>): void {
    const arm = (delayMs: number) => {
      const timer = this.#options.world.clock.timer(delayMs, async () => {
        this.#timers.delete(timer)
        await task()
        if (!this.#isClosed) arm(intervalMs)
      })
      this.#timers.add(timer)
    }
    arm(firstDelayMs)
  }

  #find(name: string): LogDirectory | undefined {
    return this.#directories.find(({ logs, damaged }) => logs.has(name) || damaged.has(name))
  }

  #emptiest(): LogDirectory {
    const working = this.#directories.filter(({ failure }) => failure === null)
    if (working.length === 0)
      throw (
        this.#directories[0]?.failure ?? new MillraceError('NO_LOG_DIRECTORY', 'log.dirs is empty', { hint: 'name a directory' })
      )
    return working.reduce((best, directory) => (directory.logs.size < best.logs.size ? directory : best))
  }

  #setAside(directory: LogDirectory, name: string, log: Log): void {
    this.#options.logger.warn('log.set-aside', { directory: log.directory, topicId: log.topicId })
    directory.forget(name)
    log.markStray()
  }
}
