import type { ConsumedBatch, Consumer, TopicPartition } from '@millrace/client'
import { CacheBudget } from '../store/cache.ts'
import type { StateDirectory, StoreEnvironment } from '../store/environment.ts'
import type { BuiltApplication } from '../streams.ts'
import type { Checkpoint, InputCheckpoint } from '../task/checkpoint.ts'
import { type ErrorHandlers, errorHandlers } from '../task/error-handlers.ts'
import type { PartitionQueue } from '../task/partition-queue.ts'
import { Task } from '../task/task.ts'
import type { TaskMetrics } from '../task/task-metrics.ts'
import type { StreamObserver } from '../topology/graph.ts'
import type { GraphNode } from '../topology/node.ts'
import type { ProducerOutlet } from './outlet.ts'
import { RestoreJob } from './restore.ts'
import { type ResumePlan, resumePlan } from './resume.ts'
import type { MemberState } from './task-assignor.ts'
import { TimeAlignment } from './time-alignment.ts'

/** Records of a task before another has its turn, where the order of time between tasks is not asked for. */
const unalignedRecords = 1_000

export interface TaskSetOptions {
  readonly app: BuiltApplication
  readonly directory: StateDirectory
  readonly consumer: Consumer
  readonly restoreConsumer: Consumer
  readonly outlet: ProducerOutlet
  /** A task has ended: what it counted. */
  readonly ended: (metrics: TaskMetrics) => void
}

/** A task that is assigned, with or without its state. */
interface Slot {
  readonly id: string
  readonly subtopology: number
  readonly partition: number
  readonly partitions: readonly TopicPartition[]
  environment: StoreEnvironment | null
  task: Task | null
  /** Has taken records since its last commit, or never had one. */
  isDirty: boolean
  processedAtCommit: number
  /** The last committed positions, by topic. */
  committed: Readonly<Record<string, InputCheckpoint>>
}

/** The tasks of this instance, from assignment over restore to the end. */
export class TaskSet {
  readonly budget: CacheBudget
  readonly #options: TaskSetOptions
  readonly #handlers: ErrorHandlers
  #slots = new Map<string, Slot>()
  /** Given up by a rebalance, with their state open, in case they come back. */
  #suspended = new Map<string, Slot>()
  #restoring: {
    job: RestoreJob
    slots: Slot[]
    plans: Map<Slot, ResumePlan>
    inputs: Map<Slot, Record<string, InputCheckpoint>>
    ends: Map<string, number>
  } | null = null
  #paused = new Set<PartitionQueue>()
  readonly #alignments = new Map<number, TimeAlignment>()
  #restoredBefore = 0
  /** The group has said which tasks this instance has, be it none. */
  isAssigned = false

  constructor(options: TaskSetOptions) {
    this.#options = options
    const { deserializationHandler = 'fail', processingHandler = 'fail', productionHandler = 'fail' } = options.app.options
    this.#handlers = errorHandlers(
      { deserialization: deserializationHandler, processing: processingHandler, production: productionHandler },
      options.app.logger,
    )
    this.budget = new CacheBudget(options.app.settings.cacheMaxEntries)
  }

  get isRestoring(): boolean {
    return this.#restoring !== null
  }

  get restored(): number {
    return this.#restoredBefore + (this.#restoring?.job.restored ?? 0)
  }

  *active(): Generator<Task> {
    for (const { task } of this.#slots.values()) if (task !== null) yield task
  }

  /** Tasks whose commit would say something new. */
  dirty(): Task[] {
    const dirty: Task[] = []
    for (const slot of this.#slots.values())
      if (slot.task !== null && (slot.isDirty || slot.task.metrics.processed !== slot.processedAtCommit || hasMoved(slot)))
        dirty.push(slot.task)
    return dirty
  }

  committed(task: Task): void {
    const slot = this.#slots.get(task.id)!
    slot.isDirty = false
    slot.processedAtCommit = task.metrics.processed
    slot.committed = Object.fromEntries(task.queues.map(({ topic, checkpoint }) => [topic, checkpoint]))
  }

  add(batch: ConsumedBatch): void {
    for (const { task } of this.#slots.values())
      if (task?.partition === batch.partition && task.subtopology.sources.some(({ topic }) => topic === batch.topic)) {
        task.add(batch)
        return
      }
  }

  /** Gives the tasks their turns. Returns the number of records taken. */
  process(): number {
    const { app, outlet } = this.#options
    const nowMs = app.world.clock.monotonic()
    const isFull = () => outlet.isFull
    let taken = 0
    for (const [subtopology, tasks] of this.#bySubtopology()) {
      let alignment = this.#alignments.get(subtopology)
      if (!alignment) this.#alignments.set(subtopology, (alignment = new TimeAlignment()))
      taken +=
        app.settings.maxTaskIdleMs < 0
          ? tasks.reduce((sum, task) => sum + task.process(unalignedRecords), 0)
          : alignment.turn(tasks, nowMs, isFull)
    }
    return taken
  }

  waiting(): Promise<unknown>[] {
    return [...this.active()].map(task => task.waitsFor).filter(promise => promise !== null)
  }

  /** The caches hold too much: clean entries go; true: what is left must be committed. */
  hasFullCaches(): boolean {
    if (!this.budget.isExceeded) return false
    for (const task of this.active()) task.evict()
    return this.budget.isExceeded
  }

  /** Pauses partitions that have enough waiting and resumes those that have worked it off. */
  balanceFetching(): void {
    const { consumer, app } = this.#options
    const limit = app.settings.bufferedRecordsPerPartition
    for (const task of this.active())
      for (const queue of task.queues) {
        const lag = consumer.lag(queue)
        if (lag !== null) queue.endOffset = Math.max(queue.endOffset, (consumer.position(queue) ?? 0) + lag)
        if (queue.buffered >= limit && !this.#paused.has(queue)) {
          this.#paused.add(queue)
          consumer.pause([queue])
        } else if (queue.buffered <= limit / 2 && this.#paused.delete(queue)) {
          consumer.resume([queue])
        }
      }
  }

  memberState(): MemberState {
    const held = [...this.#slots.keys(), ...this.#suspended.keys()]
    return { active: held, local: this.#options.directory.taskIds() }
  }

  /** The group's word: tasks that stay go on, new ones are brought up to date by `restore` first, others are closed. */
  async assign(partitions: readonly TopicPartition[]): Promise<void> {
    const { consumer } = this.#options
    this.isAssigned = true
    this.#paused.clear()
    const wanted = this.#slotsOf(partitions)
    const fresh: Slot[] = []
    for (const slot of wanted) {
      const before = this.#suspended.get(slot.id)
      const isSame = before?.task && before.partitions.length === slot.partitions.length
      if (!isSame) {
        fresh.push(slot)
        continue
      }
      this.#suspended.delete(slot.id)
      this.#slots.set(slot.id, before)
      for (const queue of before.task!.queues) consumer.seek(queue, queue.position)
    }
    await this.#closeAll(this.#suspended)
    for (const slot of fresh) this.#slots.set(slot.id, slot)
    if (fresh.length > 0) await this.#prepareRestore(fresh)
  }

  /** After a commit, in a rebalance: tasks keep their state, forget what was fetched, and wait for the next assignment. */
  suspend(): void {
    this.#abortRestore()
    for (const [id, slot] of this.#slots) {
      slot.task?.clearInputs()
      this.#suspended.set(id, slot)
    }
    this.#slots = new Map()
    this.isAssigned = false
  }

  /** Without a commit: all tasks are closed. */
  async drop(): Promise<void> {
    this.#abortRestore()
    await this.#closeAll(this.#slots)
    await this.#closeAll(this.#suspended)
    this.isAssigned = false
  }

  /** All tasks go back to their last commit. */
  async revive(): Promise<void> {
    const slots = [...this.#slots.values()]
    this.#abortRestore()
    await this.#closeAll(this.#slots)
    const fresh = slots.map(slot => ({ ...slot, environment: null, task: null, isDirty: true, processedAtCommit: 0 }))
    for (const slot of fresh) this.#slots.set(slot.id, slot)
    if (fresh.length > 0) await this.#prepareRestore(fresh)
  }

  /** One step of bringing new tasks up to date. True: they run. */
  async restore(maxWaitMs: number): Promise<boolean> {
    const restoring = this.#restoring!
    const isDone = await restoring.job.step(maxWaitMs)
    if (!isDone || this.#restoring !== restoring) return false
    this.#restoring = null
    this.#restoredBefore += restoring.job.restored
    for (const slot of restoring.slots)
      this.#begin(slot, restoring.inputs.get(slot)!, restoring.job.result(slot.id), restoring.ends)
    return true
  }

  tap(node: GraphNode, observers: ReadonlySet<StreamObserver>): void {
    for (const task of this.active()) task.tap(node, observers)
  }

  /** Repartition topics up to where they are committed. */
  purgeable(): (TopicPartition & { beforeOffset: number })[] {
    return [...this.#slots.values()].flatMap(({ task, committed }) =>
      (task?.queues ?? [])
        .filter(({ topic, source }) => source.repartition && (committed[topic]?.offset ?? 0) > 0)
        .map(({ topic, partition }) => ({ topic, partition, beforeOffset: committed[topic]!.offset })),
    )
  }

  async close(): Promise<void> {
    await this.drop()
  }

  #bySubtopology(): Map<number, Task[]> {
    const tasks = new Map<number, Task[]>()
    for (const task of this.active()) {
      const list = tasks.get(task.subtopology.id)
      if (list) list.push(task)
      else tasks.set(task.subtopology.id, [task])
    }
    return tasks
  }

  #slotsOf(partitions: readonly TopicPartition[]): Slot[] {
    const slots = new Map<string, Slot & { partitions: TopicPartition[] }>()
    for (const { topic, partition } of partitions) {
      const subtopology = this.#options.app.topology.subtopologies.find(({ sources }) =>
        sources.some(source => source.topic === topic),
      )
      if (!subtopology) continue
      const id = `${subtopology.id}_${partition}`
      let slot = slots.get(id)
      if (!slot) {
        slot = {
          id,
          subtopology: subtopology.id,
          partition,
          partitions: [],
          environment: null,
          task: null,
          isDirty: true,
          processedAtCommit: 0,
          committed: {},
        }
        slots.set(id, slot)
      }
      slot.partitions.push({ topic, partition })
    }
    return [...slots.values()]
  }

  /** Decides for each task from where it goes on, and what its stores need. */
  async #prepareRestore(slots: Slot[]): Promise<void> {
    const { consumer, restoreConsumer, directory, app, outlet } = this.#options
    const all = slots.flatMap(({ partitions }) => partitions)
    consumer.pause(all)
    const committed = await consumer.committed(all)
    const [begins, ends] = await Promise.all([restoreConsumer.beginningOffsets(all), restoreConsumer.endOffsets(all)])
    const limits = new Map(
      all.map(({ topic, partition }, index) => [`${topic}-${partition}`, { begin: begins[index]!, end: ends[index]! }]),
    )
    const plans = new Map<Slot, ResumePlan>()
    const inputs = new Map<Slot, Record<string, InputCheckpoint>>()
    for (const slot of slots) {
      slot.environment = directory.open(slot.id)
      const offsets = slot.partitions.flatMap(
        ({ topic, partition }) => committed.find(found => found?.topic === topic && found.partition === partition) ?? [],
      )
      const plan = resumePlan(slot.environment.checkpoint, offsets)
      if (plan.warning !== null) app.logger.warn(plan.warning, { task: slot.id })
      plans.set(slot, plan)
      inputs.set(slot, this.#inputsOf(slot, plan, limits))
    }
    const job = new RestoreJob(
      restoreConsumer,
      slots.map(slot => ({
        taskId: slot.id,
        partition: slot.partition,
        stores: app.topology.subtopologies[slot.subtopology]!.stores,
        environment: slot.environment!,
        plan: plans.get(slot)!,
        inputs: inputs.get(slot)!,
      })),
      outlet,
      app.logger,
    )
    this.#restoring = { job, slots, plans, inputs, ends: new Map([...limits].map(([name, { end }]) => [name, end])) }
  }

  #inputsOf(
    slot: Slot,
    plan: ResumePlan,
    limits: ReadonlyMap<string, { begin: number; end: number }>,
  ): Record<string, InputCheckpoint> {
    const { app } = this.#options
    const isEarliest = (app.options.autoOffsetReset ?? 'earliest') === 'earliest'
    return Object.fromEntries(
      slot.partitions.map(({ topic, partition }) => {
        const { begin, end } = limits.get(`${topic}-${partition}`)!
        const known = plan.inputs[topic]
        if (known !== undefined && known.offset >= begin && known.offset <= end) return [topic, known]
        const offset = isEarliest ? begin : end
        if (known !== undefined)
          app.logger.warn('committed offset out of range', {
            topic,
            partition,
            committed: known.offset,
            begin,
            end,
            next: offset,
          })
        return [topic, { offset, timeMs: known?.timeMs ?? -1 }]
      }),
    )
  }

  #begin(
    slot: Slot,
    inputs: Record<string, InputCheckpoint>,
    restored: { changelogs: Record<string, number>; times: Record<string, number> },
    ends: ReadonlyMap<string, number>,
  ): void {
    const { app, consumer, outlet } = this.#options
    const start: Checkpoint = { inputs, ...restored }
    slot.task = new Task({
      subtopology: app.topology.subtopologies[slot.subtopology]!,
      partition: slot.partition,
      environment: slot.environment!,
      outlet,
      clock: app.world.clock,
      budget: this.budget,
      handlers: this.#handlers,
      start,
      endOffsets: new Map(slot.partitions.map(({ topic, partition }) => [topic, ends.get(`${topic}-${partition}`)!])),
      maxTaskIdleMs: app.settings.maxTaskIdleMs,
      maxInFlightRecords: app.settings.maxInFlightRecords,
    })
    slot.isDirty = true
    for (const [node, observers] of app.graph.observers) slot.task.tap(node, observers)
    for (const queue of slot.task.queues) consumer.seek(queue, queue.position)
    consumer.resume(slot.partitions)
  }

  #abortRestore(): void {
    if (this.#restoring === null) return
    this.#restoredBefore += this.#restoring.job.restored
    this.#restoring = null
  }

  async #closeAll(slots: Map<string, Slot>): Promise<void> {
    const closing = [...slots.values()]
    slots.clear()
    for (const { task } of closing) {
      if (task === null) continue
      task.close()
      this.#options.ended(task.metrics)
    }
    for (const { environment } of closing) await environment?.close()
  }
}

/** Offsets without records (of compaction, of transactions) have been passed. */
function hasMoved({ task, committed }: Slot): boolean {
  return task!.queues.some(({ topic, position }) => position !== committed[topic]?.offset)
}
