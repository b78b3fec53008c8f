import type { Clock, Timer } from '@millrace/runtime'
import { MillraceError } from '@millrace/runtime'
import type { RecordHeader } from './record.ts'
import { noHeaders } from './record.ts'
import { type Committed, committedOf } from './run/commit-metadata.ts'
import { RestoreJob } from './run/restore.ts'
import { resumePlan } from './run/resume.ts'
import type { AppMetrics } from './run/status.ts'
import { StoreView } from './run/store-view.ts'
import type { Serde } from './serde/serde.ts'
import { CacheBudget } from './store/cache.ts'
import { MemoryEnvironment } from './store/memory.ts'
import type { BuiltApplication, Streams } from './streams.ts'
import type { Checkpoint } from './task/checkpoint.ts'
import { errorHandlers } from './task/error-handlers.ts'
import { MemoryBatch, type MemoryRecord } from './task/memory-batch.ts'
import type { Outlet } from './task/outlet.ts'
import { Task } from './task/task.ts'
import { newTaskMetrics, type TaskMetrics } from './task/task-metrics.ts'
import { TopicReader } from './task/topic-reader.ts'
import type { Subtopology } from './topology/topology.ts'

export interface TestDriverOptions {
  /** Commit after every input record (default), so that each intermediate result shows; or only when `commit()` says so, as a cache does. */
  readonly commits?: 'each record' | 'on demand'
  /** Virtual wall clock at the start, milliseconds. Default 0. */
  readonly nowMs?: number
}

/** A record as it arrived in a topic. */
export interface OutputRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
}

export interface InputOptions {
  /** Default: the virtual clock. */
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
}

/**
 * Runs an application's topology without a broker, synchronously, on virtual time, with the engine's own tasks: topics are lists with one partition.
 * Plain asynchronous operators and serdes need `await driver.settled()`.
 */
export class TestDriver {
  readonly #app: BuiltApplication
  readonly #topics = new Map<string, MemoryRecord[]>()
  readonly #read = new Map<string, number>()
  readonly #clock: VirtualClock
  readonly #commitsEach: boolean
  readonly #budget: CacheBudget
  readonly #environments = new Map<number, MemoryEnvironment>()
  /** What the group has committed, by subtopology. */
  readonly #committed = new Map<number, Committed[]>()
  #tasks: Task[] = []
  #restored = 0
  readonly #delivered = new Map<string, number>()
  readonly #total: TaskMetrics = newTaskMetrics()

  constructor(app: Streams, options: TestDriverOptions = {}) {
    this.#app = app.build()
    this.#clock = new VirtualClock(options.nowMs ?? 0)
    this.#commitsEach = (options.commits ?? 'each record') === 'each record'
    this.#budget = new CacheBudget(this.#app.settings.cacheMaxEntries)
    this.#start()
    this.#app.graph.whenObserved = (node, observers) => {
      for (const task of this.#tasks) task.tap(node, observers)
    }
  }

  /** Lets serdes prepare themselves for the topics, as `app.start()` does. Only for serdes that have to. */
  async prepare(): Promise<void> {
    for (const { sources, sinks, stores } of this.#app.topology.subtopologies) {
      for (const { topic, key, value } of [
        ...sources,
        ...sinks,
        ...stores.map(store => ({ ...store, topic: store.serdeTopic })),
      ]) {
        await key.prepare?.(topic, 'key')
        await value.prepare?.(topic, 'value')
      }
    }
  }

  /** Puts a record into an input topic and lets the application work it off. A null key or value stays null. */
  pipe<K, V>(topic: string, key: K, value: V, options: InputOptions = {}): void {
    const source = this.#app.topology.subtopologies.flatMap(({ sources }) => sources).find(each => each.topic === topic)
    if (!source) throw new MillraceError('UNKNOWN_TOPIC', `The application does not read ${topic}`)
    this.pipeBytes(topic, bytesOf(source.key, topic, key), bytesOf(source.value, topic, value), options)
  }

  /** The same with bytes, to show what the application makes of any. */
  pipeBytes(topic: string, key: Uint8Array | null, value: Uint8Array | null, options: InputOptions = {}): void {
    const { timestamp = this.#clock.now(), headers = noHeaders } = options
    this.#append(topic, { key, value, timestamp, headers })
    this.#work()
  }

  /** Records that have come into a topic since it was last read; without serdes those that the topology writes it with. */
  read<K = any, V = any>(topic: string, serdes: { key?: Serde<K>; value?: Serde<V> } = {}): OutputRecord<K, V | null>[] {
    const sink = this.#app.topology.subtopologies.flatMap(({ sinks }) => sinks).find(each => each.topic === topic)
    const key: Serde<any> = serdes.key ?? sink?.key ?? this.#app.graph.defaults.key
    const value: Serde<any> = serdes.value ?? sink?.value ?? this.#app.graph.defaults.value
    const records = this.#topics.get(topic) ?? []
    const from = this.#read.get(topic) ?? 0
    this.#read.set(topic, records.length)
    return records.slice(from).map(record => ({
      key: record.key === null ? null : key.deserialize(topic, record.key),
      value: record.value === null ? null : value.deserialize(topic, record.value),
      timestamp: record.timestamp,
      headers: record.headers,
    })) as OutputRecord<K, V | null>[]
  }

  /** The records of a topic as they are, from the beginning: changelogs, for instance. */
  log(topic: string): readonly MemoryRecord[] {
    return this.#topics.get(topic) ?? []
  }

  /** Moves the virtual wall clock on. */
  advance(durationMs: number): void {
    this.#clock.advance(durationMs)
    this.#work()
  }

  /** What a commit does. Throws when something asynchronous is under way: `await settled()` then. */
  commit(): void {
    for (let again = true; again; again = this.#pump() > 0) {
      for (const task of this.#tasks) {
        if (task.settle() !== null)
          throw new MillraceError('ASYNCHRONOUS', 'A plain operator is waiting for something', { hint: 'await driver.settled()' })
        this.#seal(task)
      }
    }
  }

  /** Waits for everything asynchronous, and commits. */
  async settled(): Promise<void> {
    for (;;) {
      const waiting = this.#tasks.map(task => task.waitsFor).filter(promise => promise !== null)
      if (waiting.length > 0) await Promise.all(waiting)
      const pumped = this.#pump()
      if (pumped > 0 || this.#tasks.some(task => task.waitsFor !== null)) continue
      let hasCommitted = false
      for (const task of this.#tasks) {
        await task.settle()
        this.#seal(task)
        hasCommitted = true
      }
      if (!hasCommitted || this.#pump() === 0) return
    }
  }

  /**
   * Ends all tasks as `kill -9` does and starts them again as an instance does. `after`: what of a commit had been reached: nothing; its output (results and
   * changelogs are written); or the group's offsets, and only the local state is behind. `state`: whether the new instance finds the local state.
   */
  async crash(options: { after?: 'nothing' | 'output' | 'offsets'; state?: 'kept' | 'lost' } = {}): Promise<void> {
    const { after = 'nothing', state = 'kept' } = options
    if (after !== 'nothing') for (const task of this.#tasks) await task.settle()
    if (after === 'offsets')
      for (const task of this.#tasks) this.#committed.set(task.subtopology.id, committedOf(this.#checkpointOf(task)))
    for (const task of this.#tasks) {
      this.#count(task)
      task.close()
    }
    this.#tasks = []
    if (state === 'lost') this.#environments.clear()
    await this.#restart()
    this.#work()
  }

  /** The store, over all tasks. */
  store<K = any, V = any>(name: string): StoreView<K, V> {
    const spec = this.#app.topology.subtopologies.flatMap(({ stores }) => stores).find(store => store.name === name)
    if (!spec) throw new MillraceError('UNKNOWN_STORE', `There is no store ${name}`)
    return new StoreView<K, V>(spec, () => this.#tasks)
  }

  metrics(): AppMetrics {
    const sum = { ...this.#total }
    for (const { metrics } of this.#tasks)
      for (const name of Object.keys(sum) as (keyof TaskMetrics)[]) sum[name] += metrics[name]
    return { ...sum, tasks: this.#tasks.length, restored: this.#restored }
  }

  async close(): Promise<void> {
    for (const task of this.#tasks) task.close()
    for (const environment of this.#environments.values()) await environment.close()
    this.#app.graph.end()
  }

  #start(): void {
    for (const subtopology of this.#app.topology.subtopologies) {
      const inputs = Object.fromEntries(subtopology.sources.map(({ topic }) => [topic, { offset: 0, timeMs: -1 }]))
      this.#begin(subtopology, this.#environmentOf(subtopology), { inputs, changelogs: {}, times: {} })
    }
    for (const task of this.#tasks) this.#seal(task)
  }

  async #restart(): Promise<void> {
    const restores = this.#app.topology.subtopologies.map(subtopology => {
      const environment = this.#environmentOf(subtopology)
      const plan = resumePlan(environment.checkpoint, this.#committed.get(subtopology.id) ?? [])
      const inputs = Object.fromEntries(
        subtopology.sources.map(({ topic }) => [topic, plan.inputs[topic] ?? { offset: 0, timeMs: -1 }]),
      )
      return { subtopology, taskId: `${subtopology.id}_0`, partition: 0, stores: subtopology.stores, environment, plan, inputs }
    })
    const job = new RestoreJob(new TopicReader(this.#topics), restores, this.#outlet, this.#app.logger)
    while (!(await job.step(0)));
    this.#restored += job.restored
    for (const { subtopology, environment, inputs, taskId } of restores)
      this.#begin(subtopology, environment, { inputs, ...job.result(taskId) })
    for (const task of this.#tasks) this.#seal(task)
  }

  #environmentOf({ id }: Subtopology): MemoryEnvironment {
    let environment = this.#environments.get(id)
    if (!environment) this.#environments.set(id, (environment = new MemoryEnvironment()))
    return environment
  }

  #begin(subtopology: Subtopology, environment: MemoryEnvironment, start: Checkpoint): void {
    const { options, logger, settings, graph } = this.#app
    const { deserializationHandler = 'fail', processingHandler = 'fail', productionHandler = 'fail' } = options
    const handlers = errorHandlers(
      { deserialization: deserializationHandler, processing: processingHandler, production: productionHandler },
      logger,
    )
    for (const { topic } of subtopology.sources) this.#delivered.set(topic, start.inputs[topic]!.offset)
    const task = new Task({
      subtopology,
      partition: 0,
      environment,
      outlet: this.#outlet,
      clock: this.#clock,
      budget: this.#budget,
      handlers,
      start,
      endOffsets: new Map(),
      maxTaskIdleMs: settings.maxTaskIdleMs,
      maxInFlightRecords: settings.maxInFlightRecords,
    })
    for (const [node, observers] of graph.observers) task.tap(node, observers)
    this.#tasks.push(task)
  }

  readonly #outlet: Outlet = {
    isFull: false,
    partitionOf: () => 0,
    send: (topic, _partition, key, value, timestamp, headers) =>
      void this.#append(topic, {
        key: copied(key),
        value: copied(value),
        timestamp,
        headers: headers.map(header => ({ key: header.key, value: copied(header.value) })),
      }),
  }

  #append(topic: string, record: MemoryRecord): void {
    const records = this.#topics.get(topic)
    if (records) records.push(record)
    else this.#topics.set(topic, [record])
  }

  #work(): void {
    while (this.#pump() > 0) if (this.#commitsEach && this.#tasks.every(task => task.waitsFor === null)) this.#tryCommit()
  }

  /** A commit that asynchronous work does not allow yet is left to `settled()`. */
  #tryCommit(): void {
    for (const task of this.#tasks) {
      const pending = task.settle()
      if (pending === null) this.#seal(task)
      else pending.catch(() => {})
    }
  }

  #seal(task: Task): void {
    const checkpoint = this.#checkpointOf(task)
    this.#committed.set(task.subtopology.id, committedOf(checkpoint))
    void task.commit(checkpoint)
    task.evict()
  }

  #checkpointOf(task: Task): Checkpoint {
    return task.checkpoint(
      new Map(task.subtopology.stores.map(({ changelog }) => [changelog, this.#topics.get(changelog)?.length ?? 0])),
    )
  }

  /** Delivers what is new in the topics and processes it; the number of records taken. */
  #pump(): number {
    let taken = 0
    for (const task of this.#tasks) {
      for (const { topic } of task.queues) {
        const records = this.#topics.get(topic) ?? []
        const from = this.#delivered.get(topic)!
        if (from >= records.length) continue
        task.add(new MemoryBatch(topic, 0, from, records.slice(from)))
        this.#delivered.set(topic, records.length)
      }
      taken += task.process(Number.MAX_SAFE_INTEGER)
    }
    return taken
  }

  #count({ metrics }: Task): void {
    for (const name of Object.keys(this.#total) as (keyof TaskMetrics)[]) this.#total[name] += metrics[name]
  }
}

class VirtualClock implements Clock {
  #nowMs: number

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs
  }

  timer(): Timer {
    throw new MillraceError('NO_TIMERS', 'Nothing in a task waits for the clock')
  }

  defer(run: () => void): void {
    queueMicrotask(run)
  }
}

function bytesOf(serde: Serde<any>, topic: string, value: unknown): Uint8Array | null {
  return value === null || value === undefined ? null : copied(serde.serialize(topic, value))
}

function copied(bytes: Uint8Array | string): Uint8Array
function copied(bytes: Uint8Array | string | null): Uint8Array | null
function copied(bytes: Uint8Array | string | null): Uint8Array | null {
  if (bytes === null) return null
  return typeof bytes === 'string' ? Buffer.from(bytes) : Uint8Array.prototype.slice.call(bytes)
}
