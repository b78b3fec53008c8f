import { type Clock, MillraceError, messageOf } from '@millrace/runtime'
import type { StreamRecord } from '../record.ts'
import { RxSection } from '../rx/section.ts'
import type { CacheBudget } from '../store/cache.ts'
import type { StoreEnvironment } from '../store/environment.ts'
import { KeyValueStore } from '../store/key-value-store.ts'
import { StoreNotReadyError } from '../store/not-ready.ts'
import type { StateStore, StoreContext } from '../store/state-store.ts'
import { WindowStore } from '../store/window-store.ts'
import type { StreamObserver } from '../topology/graph.ts'
import type { GraphNode } from '../topology/node.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { Subtopology } from '../topology/topology.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { ErrorHandlers } from './error-handlers.ts'
import type { InputBatch } from './input.ts'
import type { Outlet } from './outlet.ts'
import { PartitionQueue } from './partition-queue.ts'
import { Processor } from './processor.ts'
import type { ObservedTime, TaskContext } from './task-context.ts'
import { newTaskMetrics } from './task-metrics.ts'

export interface TaskOptions {
  readonly subtopology: Subtopology
  readonly partition: number
  readonly environment: StoreEnvironment
  readonly outlet: Outlet
  readonly clock: Clock
  readonly budget: CacheBudget
  readonly handlers: ErrorHandlers
  /** Where the task stands: what its stores contain, and from where it reads. */
  readonly start: Checkpoint
  /** The ends of the input partitions, by topic, as of now. */
  readonly endOffsets: ReadonlyMap<string, number>
  /** See StreamsOptions. */
  readonly maxTaskIdleMs: number
  readonly maxInFlightRecords: number
}

/**
 * One partition of a subtopology at work: the machine of the streams engine. Batches go in, records come out at the outlet, and a commit turns what
 * happened in between into one change of state. Synchronous but for what plain rxjs operators and serdes wait for; reads no clock but for `maxTaskIdleMs`.
 */
export class Task implements TaskContext {
  readonly id: string
  readonly partition: number
  readonly subtopology: Subtopology
  readonly outlet: Outlet
  readonly clock: Clock
  readonly metrics = newTaskMetrics()
  readonly queues: readonly PartitionQueue[]
  current: StreamRecord<any, any> | null = null
  readonly #options: TaskOptions
  readonly #environment: StoreEnvironment
  readonly #processors = new Map<GraphNode, Processor>()
  readonly #inOrder: Processor[] = []
  readonly #sources: Processor[] = []
  readonly #sections: RxSection[] = []
  readonly #stores = new Map<string, StateStore>()
  readonly #times = new Map<string, ObservedTime>()
  #idleSinceMs = -1
  #draining: Promise<void> | null = null

  constructor(options: TaskOptions) {
    const { subtopology, partition, start, endOffsets } = options
    this.#options = options
    this.id = `${subtopology.id}_${partition}`
    this.partition = partition
    this.subtopology = subtopology
    this.outlet = options.outlet
    this.clock = options.clock
    this.#environment = options.environment
    for (const store of subtopology.stores) this.#openStore(store)
    for (const node of subtopology.nodes) {
      const processor = node.create(this)
      this.#processors.set(node, processor)
      this.#inOrder.push(processor)
      for (const parent of node.parents) this.#processors.get(parent)!.children.push(processor)
    }
    this.queues = subtopology.sources
      .filter(({ topic }) => topic in start.inputs)
      .map(
        source =>
          new PartitionQueue(
            source.topic,
            partition,
            source,
            start.inputs[source.topic]!,
            endOffsets.get(source.topic) ?? 0,
            this,
          ),
      )
    for (const { source } of this.queues) this.#sources.push(this.#processors.get(source)!)
  }

  add(batch: InputBatch): void {
    const queue = this.queues.find(({ topic }) => topic === batch.topic)
    queue?.add(batch)
  }

  /**
   * Pushes records through the pipeline: up to `maxRecords`, and after the first `leastRecords` only such with event times up to `untilMs`. Returns how many it
   * took: 0 means that it waits for something.
   */
  process(maxRecords: number, untilMs = Infinity, leastRecords = 0): number {
    let taken = 0
    const { metrics } = this
    for (const section of this.#sections) section.check()
    while (taken < maxRecords && this.#draining === null && !this.outlet.isFull) {
      const index = this.#choose()
      if (index < 0) break
      const queue = this.queues[index]!
      if (taken >= leastRecords && queue.headTimestamp > untilMs) break
      const record = queue.take()
      if (record === null) {
        if (queue.pending === null) continue
        break
      }
      taken++
      metrics.processed++
      this.current = record
      try {
        this.#sources[index]!.process(record)
      } finally {
        this.current = null
      }
      queue.position = record.offset + 1
      if (this.#sections.length > 0) this.#holdBack()
    }
    return taken
  }

  /** Where it can go on by itself, when something arrives: the promise of a serde or of operators that are being drained. */
  get waitsFor(): Promise<unknown> | null {
    return this.#draining ?? this.queues.find(queue => queue.pending !== null)?.pending ?? null
  }

  /**
   * Before a commit: everything that plain operators hold comes out, and stores log and hand on what has changed, parents first. The outlet has then all
   * that the commit covers. Null: done; a promise: done when it resolves, and nothing may be processed before.
   */
  settle(): Promise<void> | null {
    const from = (index: number): Promise<void> | null => {
      for (let i = index; i < this.#inOrder.length; i++) {
        const processor = this.#inOrder[i]!
        processor.flush()
        const drained = processor instanceof RxSection ? processor.drain() : null
        if (drained !== null) return drained.then(() => from(i + 1) ?? undefined)
      }
      return null
    }
    const settling = this.#draining === null ? from(0) : this.#draining.then(() => from(0) ?? undefined)
    return settling === null ? null : this.#hold(settling)
  }

  /**
   * The last step of a commit: what was flushed becomes state. `changelogEnds`: by changelog topic, the offset after what this task has logged.
   */
  commit(checkpoint: Checkpoint): void | Promise<void> {
    const writes = [...this.#stores.values()].map(store => store.takeWrites()).filter(write => write !== null)
    this.metrics.commits++
    if (this.#stores.size > 0) return this.#environment.commit(writes, checkpoint)
  }

  /** What a commit now says. `changelogEnds` as above; a changelog that is an input topic stands where the input stands. */
  checkpoint(changelogEnds: ReadonlyMap<string, number>): Checkpoint {
    const inputs = Object.fromEntries(this.queues.map(queue => [queue.topic, queue.checkpoint]))
    const changelogs: Record<string, number> = {}
    for (const { spec } of this.#stores.values()) {
      const position = spec.isSourceTopic ? inputs[spec.changelog]?.offset : changelogEnds.get(spec.changelog)
      if (position !== undefined) changelogs[spec.name] = position
    }
    return { inputs, changelogs, times: Object.fromEntries([...this.#times].map(([name, { valueMs }]) => [name, valueMs])) }
  }

  /** Drops clean entries from the caches. */
  evict(): void {
    for (const store of this.#stores.values()) store.evict()
  }

  store(name: string): StateStore | undefined {
    return this.#stores.get(name)
  }

  /** The event time of the record that it would process next; Infinity while there is none at hand or it waits. */
  get nextTimestamp(): number {
    if (this.#draining !== null) return Infinity
    const index = this.#choose()
    return index < 0 ? Infinity : this.queues[index]!.headTimestamp
  }

  /** It has nothing to process, though there are records for it on the broker. */
  get isBehind(): boolean {
    return this.queues.some(queue => queue.buffered === 0 && queue.isBehind) && this.nextTimestamp === Infinity
  }

  /** Forgets what was fetched and not processed. */
  clearInputs(): void {
    for (const queue of this.queues) queue.clear()
  }

  /** Gives what a node hands on to observers too. */
  tap(node: GraphNode, observers: ReadonlySet<StreamObserver>): void {
    this.#processors.get(node)?.children.push(new Tap(observers))
  }

  /** Without a commit: what happened since the last one is forgotten. The environment stays open: its owner closes it. */
  close(): void {
    for (const processor of this.#inOrder) processor.close()
    for (const store of this.#stores.values()) store.close()
  }

  keyValueStore<K, V>(spec: StoreSpec<K, V>): KeyValueStore<K, V> {
    return this.#stores.get(spec.name) as KeyValueStore<K, V>
  }

  windowStore<K, V>(spec: StoreSpec<K, V>): WindowStore<K, V> {
    return this.#stores.get(spec.name) as WindowStore<K, V>
  }

  observedTime(store: string): ObservedTime {
    let observed = this.#times.get(store)
    if (!observed) this.#times.set(store, (observed = { valueMs: this.#options.start.times[store] ?? -1 }))
    return observed
  }

  addSection(section: RxSection): void {
    this.#sections.push(section)
  }

  processingFailed(error: unknown, node: GraphNode, record: StreamRecord<any, any>): void {
    if (error instanceof StoreNotReadyError) throw error
    this.metrics.dropped++
    const { topic, partition, offset } = record.offset >= 0 || this.current === null ? record : this.current
    this.#options.handlers.processing(error, { taskId: this.id, node: node.name, topic, partition, offset })
  }

  productionFailed(error: unknown, node: GraphNode, record: StreamRecord<any, any>): void {
    if (error instanceof StoreNotReadyError) throw error
    this.metrics.dropped++
    const { topic, partition, offset } = record
    this.#options.handlers.production(error, { taskId: this.id, node: node.name, topic, partition, offset })
  }

  deserializationFailed(error: unknown, queue: PartitionQueue, part: 'key' | 'value', offset: number): void {
    // The registry is away for the moment, for instance: the task goes back to its last commit and tries again.
    if (error instanceof MillraceError && error.retriable) throw error
    this.metrics.dropped++
    this.#options.handlers.deserialization(
      new MillraceError('DESERIALIZATION', `The ${part} can't be read: ${messageOf(error)}`, { cause: error }),
      {
        taskId: this.id,
        node: queue.source.name,
        topic: queue.topic,
        partition: queue.partition,
        offset,
      },
    )
  }

  #openStore(spec: StoreSpec): void {
    const context: StoreContext = { partition: this.partition, outlet: this.outlet, budget: this.#options.budget }
    const bytes = this.#environment.store(spec.name)
    this.#stores.set(
      spec.name,
      spec.windows === null ? new KeyValueStore(spec, bytes, context) : new WindowStore(spec, bytes, context),
    )
  }

  /** The queue whose head is the oldest; -1 while one that is empty has records on the broker. */
  #choose(): number {
    const queues = this.queues
    if (queues.length === 1) return queues[0]!.hasHead() ? 0 : -1
    let chosen = -1
    let oldest = Infinity
    let isSomeEmpty = false
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[i]!
      if (queue.hasHead()) {
        if (queue.headTimestamp < oldest) {
          oldest = queue.headTimestamp
          chosen = i
        }
      } else {
        if (queue.pending !== null || (queue.isBehind && this.#options.maxTaskIdleMs >= 0)) return -1
        isSomeEmpty = true
      }
    }
    if (this.#options.maxTaskIdleMs > 0 && chosen >= 0 && isSomeEmpty) {
      const nowMs = this.clock.monotonic()
      if (this.#idleSinceMs < 0) this.#idleSinceMs = nowMs
      return nowMs - this.#idleSinceMs >= this.#options.maxTaskIdleMs ? chosen : -1
    }
    this.#idleSinceMs = -1
    return chosen
  }

  /** An asynchronous section has taken its fill: everything waits until it is empty. */
  #holdBack(): void {
    for (const section of this.#sections) {
      if (section.pushed < this.#options.maxInFlightRecords || !section.isAsynchronous) {
        // How a section behaves shows when it is first emptied.
        if (section.pushed !== this.#options.maxInFlightRecords) continue
      }
      const drained = section.drain()
      if (drained === null) continue
      this.#hold(drained)
      return
    }
  }

  /** Nothing is processed before the promise has settled. */
  #hold(draining: Promise<void>): Promise<void> {
    const held: Promise<void> = draining.finally(() => {
      if (this.#draining === held) this.#draining = null
    })
    this.#draining = held
    held.catch(() => {})
    return held
  }
}

class Tap extends Processor {
  readonly #observers: ReadonlySet<StreamObserver>

  constructor(observers: ReadonlySet<StreamObserver>) {
    super()
    this.#observers = observers
  }

  process(record: StreamRecord<any, any>): void {
    for (const observer of this.#observers) observer.next(record)
  }
}
