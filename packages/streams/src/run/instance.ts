import { Admin, Consumer, isRetriable, Producer, type TopicPartition } from '@millrace/client'
import { ErrorCode, KafkaError } from '@millrace/protocol'
import { ConfigError, type Logger, MillraceError, messageOf, sleep, type World } from '@millrace/runtime'
import type { StateDirectory } from '../store/environment.ts'
import { StoreNotReadyError } from '../store/not-ready.ts'
import type { BuiltApplication } from '../streams.ts'
import type { Task } from '../task/task.ts'
import { newTaskMetrics, type TaskMetrics } from '../task/task-metrics.ts'
import type { Topology } from '../topology/topology.ts'
import { committedOf } from './commit-metadata.ts'
import { ProducerOutlet } from './outlet.ts'
import { RepartitionPurge } from './repartition-purge.ts'
import { RetentionWarning } from './retention-warning.ts'
import { openStateDirectory } from './state-directory.ts'
import type { AppMetrics, AppState, PartitionLag } from './status.ts'
import { StreamsMetrics } from './streams-metrics.ts'
import { TaskAssignor } from './task-assignor.ts'
import { TaskSet } from './task-set.ts'
import { prepareTopics } from './topics.ts'

const pollMs = 100
/** In a row, without a commit in between, before the application gives up. */
const maxRevivals = 10
const revivalBackoffMs = 500
/** The last commit flushes the producer first, which may take as long as its deliveries may. */
const closeTimeoutMs = 150_000

/**
 * The shell of the engine: one consumer in the application's group, one producer, and the tasks that the group gives to this instance. One loop: poll, let each
 * task have its turn, commit when it is time.
 */
export class Instance {
  state: AppState = 'created'
  readonly done: Promise<void>
  readonly #app: BuiltApplication
  readonly #world: World
  readonly #logger: Logger
  readonly #topology: Topology
  #finish!: () => void
  #fail!: (error: Error) => void
  #running: Promise<void> | null = null
  #directory: StateDirectory | null = null
  #admin: Admin | null = null
  #producer: Producer | null = null
  #consumer: Consumer | null = null
  #restoreConsumer: Consumer | null = null
  #outlet!: ProducerOutlet
  #tasks: TaskSet | null = null
  #isClosing = false
  #purge: RepartitionPurge | null = null
  readonly #retentionWarning: RetentionWarning
  /** The last turn found something to do, so the next one may. */
  #hasTaken = false
  #nextCommitMs = 0
  #revivals = 0
  readonly #metrics: StreamsMetrics
  #ended: TaskMetrics = newTaskMetrics()
  #firstRun: { resolve: () => void; reject: (error: Error) => void } | null = null

  constructor(app: BuiltApplication) {
    this.#app = app
    this.#world = app.world
    this.#logger = app.logger
    this.#topology = app.topology
    this.#retentionWarning = new RetentionWarning(app.world.clock, app.logger)
    this.#metrics = new StreamsMetrics(app.options.applicationId)
    this.done = new Promise<void>((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
    // Whoever does not ask for `done` hears of a failure by `close()`.
    this.done.catch(() => {})
  }

  async start(): Promise<void> {
    const { options } = this.#app
    if (options.bootstrapServers === undefined)
      throw new ConfigError('Missing option bootstrapServers', "'localhost:9092', for instance")
    this.state = 'rebalancing'
    try {
      await this.#open(options.bootstrapServers)
    } catch (error) {
      this.state = 'failed'
      await this.#release()
      this.#fail(error as Error)
      throw error
    }
    const firstRun = new Promise<void>((resolve, reject) => (this.#firstRun = { resolve, reject }))
    this.#running = this.#run()
    await firstRun
  }

  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#running === null) {
      if (this.state === 'created') this.state = 'closed'
      return
    }
    await this.#running
    await this.done
  }

  *tasks(): Generator<Task> {
    yield* this.#tasks?.active() ?? []
  }

  metrics(): AppMetrics {
    const sum = { ...this.#ended }
    let tasks = 0
    for (const { metrics } of this.tasks()) {
      tasks++
      add(sum, metrics)
    }
    return { ...sum, tasks, restored: this.#tasks?.restored ?? 0 }
  }

  lag(): PartitionLag[] {
    return [...this.tasks()].flatMap(({ queues }) =>
      queues.map(({ topic, partition, position, endOffset }) => ({ topic, partition, position, endOffset })),
    )
  }

  async #open(bootstrapServers: string | readonly string[]): Promise<void> {
    const { options, settings, graph } = this.#app
    const common = { bootstrapServers, world: this.#world, logger: this.#logger, clientId: options.applicationId }
    this.#directory = openStateDirectory(options, this.#world)
    this.#admin = new Admin(common)
    this.#purge = new RepartitionPurge(this.#admin, this.#world.clock, this.#logger, settings.repartitionPurgeIntervalMs)
    const counts = await prepareTopics(this.#admin, this.#topology, settings.replicationFactor, {
      logger: this.#logger,
      clock: this.#world.clock,
    })
    await this.#prepareSerdes()
    this.#producer = new Producer({ ...common, lingerMs: 50, batchBytes: 65_536, ...options.producer })
    // Known beforehand, so that the first records need not wait for metadata.
    await Promise.all([...counts.keys()].map(topic => this.#producer!.partitionsOf(topic)))
    this.#outlet = new ProducerOutlet(this.#producer, counts)
    const reading = {
      autoOffsetReset: options.autoOffsetReset ?? 'earliest',
      enableAutoCommit: false,
      maxPollRecords: 5_000,
      // A fetch that waits for the end of one topic holds up the others of its broker.
      fetchMaxWaitMs: 100,
    } as const
    // A killed instance is missed after this long: whoever takes its tasks, itself included, waits for it.
    const membership = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 2_000 }
    this.#restoreConsumer = new Consumer({ ...common, ...reading, autoOffsetReset: 'earliest' })
    const assignor = new TaskAssignor(this.#topology, () => this.#tasks!.memberState(), counts)
    this.#consumer = new Consumer({
      ...common,
      ...reading,
      ...membership,
      ...options.consumer,
      groupId: options.applicationId,
      assignors: [assignor],
    })
    this.#tasks = new TaskSet({
      app: this.#app,
      directory: this.#directory,
      consumer: this.#consumer,
      restoreConsumer: this.#restoreConsumer,
      outlet: this.#outlet,
      ended: metrics => add(this.#ended, metrics),
    })
    graph.whenObserved = (node, observers) => this.#tasks!.tap(node, observers)
    this.#consumer.subscribe(
      this.#topology.subtopologies.flatMap(({ sources }) => sources.map(({ topic }) => topic)),
      {
        assigned: partitions => this.#assigned(partitions),
        revoked: () => this.#revoked(),
        lost: () => this.#lost(),
      },
    )
  }

  /** For what is written. What is read was written by others, with their schemas. */
  async #prepareSerdes(): Promise<void> {
    for (const { sinks, stores } of this.#topology.subtopologies) {
      for (const { topic, key, value } of [...sinks, ...stores.map(store => ({ ...store, topic: store.serdeTopic }))]) {
        await key.prepare?.(topic, 'key')
        await value.prepare?.(topic, 'value')
      }
    }
  }

  async #run(): Promise<void> {
    let failure: Error | null = null
    try {
      this.#nextCommitMs = this.#world.clock.monotonic() + this.#app.settings.commitIntervalMs
      while (!this.#isClosing) {
        try {
          await this.#turn()
        } catch (error) {
          await this.#recover(error)
        }
      }
      this.state = 'closing'
      // `revoked` commits.
      await this.#consumer!.close(closeTimeoutMs)
    } catch (error) {
      failure = error as Error
      this.#logger.error('streams application failed', { application: this.#app.options.applicationId, error: messageOf(error) })
      this.#tasks?.drop()
      await this.#consumer!.close().catch(() => {})
    }
    try {
      await this.#release()
    } catch (error) {
      failure ??= error as Error
    }
    this.state = failure ? 'failed' : 'closed'
    if (failure) {
      this.#firstRun?.reject(failure)
      this.#fail(failure)
      this.#app.graph.end(failure)
    } else {
      this.#firstRun?.reject(new MillraceError('CLOSED', 'The application was closed before it ran'))
      this.#finish()
      this.#app.graph.end()
    }
  }

  async #turn(): Promise<void> {
    const tasks = this.#tasks!
    const consumer = this.#consumer!
    const batches = await consumer.poll(this.#hasTaken || tasks.isRestoring ? 0 : this.#waitMs())
    for (const batch of batches) tasks.add(batch)
    if (tasks.isRestoring) {
      if (await tasks.restore(batches.length > 0 ? 0 : pollMs)) await this.#commit()
    } else if (this.state === 'rebalancing' && tasks.isAssigned) {
      this.#isNowRunning()
    }
    const taken = tasks.process()
    if (this.#outlet.isFull) await this.#outlet.drain()
    this.#hasTaken = taken > 0
    if (taken > 0 || batches.length > 0) tasks.balanceFetching()
    if (tasks.hasFullCaches() || this.#world.clock.monotonic() >= this.#nextCommitMs) await this.#commit()
    if (taken === 0) await this.#waitForTasks(tasks)
    this.#purge!.serve(tasks)
  }

  #waitMs(): number {
    return Math.max(0, Math.min(pollMs, this.#nextCommitMs - this.#world.clock.monotonic()))
  }

  /** Tasks that wait for a promise go on as soon as it is there, which a poll would not notice. */
  async #waitForTasks(tasks: TaskSet): Promise<void> {
    const promises = tasks.waiting()
    if (promises.length === 0) return
    await Promise.race([...promises.map(promise => promise.catch(() => {})), sleep(this.#world.clock, pollMs)])
  }

  #isNowRunning(): void {
    this.state = 'running'
    this.#firstRun?.resolve()
    this.#firstRun = null
  }

  /**
   * Flush, offsets, state, in this order: results and changelogs are on the broker before the offsets say that their input is done with, and local state, which names
   * the same offsets, follows. Between any two of them a crash leaves what `resumePlan` can put together.
   */
  async #commit(): Promise<boolean> {
    const { clock } = this.#world
    this.#nextCommitMs = clock.monotonic() + this.#app.settings.commitIntervalMs
    const tasks = this.#tasks!.dirty()
    if (tasks.length === 0) return true
    for (const task of tasks) await task.settle()
    await this.#outlet.drain()
    await this.#producer!.flush()
    const ends = await this.#changelogEnds(tasks)
    const checkpoints = tasks.map(task => ({ task, checkpoint: task.checkpoint(ends.get(task)!) }))
    const offsets = checkpoints.flatMap(({ task, checkpoint }) =>
      committedOf(checkpoint).map(offset => ({ ...offset, partition: task.partition })),
    )
    try {
      await this.#consumer!.commit(offsets)
    } catch (error) {
      // The group goes on without us or is about to; `revoked` or `lost` comes with the next poll. What was flushed stays part of the next commit.
      if (!(error instanceof KafkaError && groupHasMovedOn.has(error.errorCode))) throw error
      this.#logger.warn('commit refused', { error: error.message })
      return false
    }
    await Promise.all(checkpoints.map(({ task, checkpoint }) => task.commit(checkpoint)))
    for (const { task } of checkpoints) {
      this.#tasks!.committed(task)
      this.#retentionWarning.committed(task)
    }
    if (this.#tasks!.budget.isExceeded) for (const task of this.#tasks!.active()) task.evict()
    this.#revivals = 0
    this.#metrics.update(this.metrics())
    return true
  }

  /** Where each task's changelogs end: everything in them up to here is ours and flushed. */
  async #changelogEnds(tasks: readonly Task[]): Promise<Map<Task, Map<string, number>>> {
    const partitions = tasks.flatMap(task =>
      task.subtopology.stores
        .filter(({ isSourceTopic }) => !isSourceTopic)
        .map(({ changelog: topic }) => ({ task, topic, partition: task.partition })),
    )
    const ends = partitions.length === 0 ? [] : await this.#restoreConsumer!.endOffsets(partitions)
    const byTask = new Map(tasks.map(task => [task, new Map<string, number>()]))
    for (const [index, { task, topic }] of partitions.entries()) byTask.get(task)!.set(topic, ends[index]!)
    return byTask
  }

  #assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.#logger.info('tasks assigned', { partitions: partitions.length })
    return this.#tasks!.assign(partitions)
  }

  async #revoked(): Promise<void> {
    if (this.state === 'running') this.state = 'rebalancing'
    try {
      const committed = await this.#commit()
      if (committed) this.#tasks!.suspend()
      else await this.#tasks!.drop()
    } catch (error) {
      // Uncommitted work is done again, by whoever has the task next.
      this.#logger.warn('commit failed while tasks were given up', { error: messageOf(error) })
      await this.#tasks!.drop()
      this.#outlet.clear()
      if (!isRecoverable(error)) throw error
    }
  }

  async #lost(): Promise<void> {
    if (this.state === 'running') this.state = 'rebalancing'
    this.#logger.warn('tasks lost', {})
    await this.#tasks!.drop()
    this.#outlet.clear()
  }

  /** Tasks go back to their last commit, where that can help. */
  async #recover(error: unknown): Promise<void> {
    if (!isRecoverable(error) || this.#revivals >= maxRevivals) throw error
    this.#revivals++
    this.#logger.warn('tasks go back to their last commit', { error: messageOf(error), attempt: this.#revivals })
    if (error instanceof StoreNotReadyError) await error.ready
    else await sleep(this.#world.clock, revivalBackoffMs)
    this.state = 'rebalancing'
    this.#outlet.clear()
    // Failures of what was sent before are not those of the next commit.
    await this.#producer!.flush().catch(() => {})
    await this.#tasks!.revive()
  }

  async #release(): Promise<void> {
    let failure: unknown
    const attempt = async (close: () => Promise<void> | void | undefined) => {
      try {
        await close()
      } catch (error) {
        failure ??= error
      }
    }
    await attempt(() => this.#tasks?.close())
    await attempt(() => this.#restoreConsumer?.close())
    await attempt(() => this.#producer?.close(1_000))
    await attempt(() => this.#admin?.close())
    await attempt(() => this.#directory?.close())
    if (failure) throw failure
  }
}

const groupHasMovedOn = new Set<number>([
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.FENCED_INSTANCE_ID,
])

/** Not what a record or a function did: the same may go well the next time. */
function isRecoverable(error: unknown): boolean {
  return error instanceof StoreNotReadyError || isRetriable(error)
}

function add(sum: TaskMetrics, metrics: TaskMetrics): void {
  for (const name of Object.keys(sum) as (keyof TaskMetrics)[]) sum[name] += metrics[name]
}
