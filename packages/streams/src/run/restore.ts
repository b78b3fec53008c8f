import type { TopicPartition } from '@millrace/client'
import type { Logger } from '@millrace/runtime'
import { noHeaders } from '../record.ts'
import { CacheBudget } from '../store/cache.ts'
import type { StoreEnvironment, StoreWrites } from '../store/environment.ts'
import { KeyValueStore } from '../store/key-value-store.ts'
import { valueBytesOf } from '../store/stamped.ts'
import type { StateStore } from '../store/state-store.ts'
import { WindowStore } from '../store/window-store.ts'
import type { Checkpoint } from '../task/checkpoint.ts'
import type { InputBatch, InputCursor } from '../task/input.ts'
import type { Outlet } from '../task/outlet.ts'
import type { StoreSpec } from '../topology/store-spec.ts'
import type { ResumePlan } from './resume.ts'

/** What is needed of a consumer. */
export interface ChangelogReader {
  beginningOffsets(partitions: readonly TopicPartition[]): Promise<number[]>
  endOffsets(partitions: readonly TopicPartition[]): Promise<number[]>
  assign(partitions: readonly TopicPartition[]): void
  seek(partition: TopicPartition, offset: number): void
  position(partition: TopicPartition): number | null
  poll(maxWaitMs: number): Promise<readonly InputBatch[]>
}

/** What is to be done for one store. Offsets of its changelog partition. */
interface StoreRestore extends TopicPartition {
  readonly environment: StoreEnvironment
  readonly store: StateStore
  readonly spec: StoreSpec
  /** Next to read. */
  position: number
  /** Belongs to the state up to here, exclusive. */
  readonly target: number
  /** The changelog ends here: between target and end lies what was never committed. */
  readonly end: number
  /** The local store began empty: what compaction took away can't be told from what never was. */
  readonly isFromBeginning: boolean
  hasGaps: boolean
  expected: number
  /** Read and not yet written, by key. */
  readonly latest: Map<string, Entry>
  /** Keys beyond the target, with the first value that they have there. */
  readonly tail: Map<string, { key: Uint8Array; value: Uint8Array | null; timestamp: number }>
  greatestTimestamp: number
}

export interface RestoreTask {
  readonly taskId: string
  readonly partition: number
  readonly stores: readonly StoreSpec[]
  readonly environment: StoreEnvironment
  readonly plan: ResumePlan
  /** Where the inputs begin: a table whose topic is its changelog is read up to there. */
  readonly inputs: Checkpoint['inputs']
}

/**
 * Brings stores to the state that belongs to the offsets from which their tasks go on, from the changelogs, in sorted batches: one job for all tasks of an
 * assignment, a step at a time, so that the main loop keeps polling. A change in a changelog beyond that state is taken back there: the next reader must find
 * what we have.
 */
export class RestoreJob {
  readonly #consumer: ChangelogReader
  readonly #tasks: readonly RestoreTask[]
  readonly #outlet: Outlet
  readonly #logger: Logger
  readonly #open = new Map<string, StoreRestore>()
  readonly #all: StoreRestore[] = []
  #isPrepared = false
  /** Records read so far. */
  restored = 0

  /** `consumer`: without a group, used by nobody else meanwhile. */
  constructor(consumer: ChangelogReader, tasks: readonly RestoreTask[], outlet: Outlet, logger: Logger) {
    this.#consumer = consumer
    this.#tasks = tasks
    this.#outlet = outlet
    this.#logger = logger
  }

  /** Reads for at most about `maxWaitMs`. True: done. */
  async step(maxWaitMs: number): Promise<boolean> {
    if (!this.#isPrepared) {
      await this.#prepare()
      if (this.#open.size === 0) await this.#finish()
    }
    if (this.#open.size === 0) return true
    for (const batch of await this.#consumer.poll(maxWaitMs)) this.#apply(batch)
    await this.#write()
    for (const [name, restore] of this.#open) {
      const position = this.#consumer.position(restore) ?? -1
      if (position > restore.position) restore.position = position
      if (restore.position >= restore.end) this.#open.delete(name)
    }
    if (this.#open.size > 0) return false
    await this.#finish()
    return true
  }

  async #finish(): Promise<void> {
    for (const restore of this.#all) {
      await this.#takeBackTail(restore)
      await warmUp(restore)
    }
  }

  /** Where a task's changelogs stand now, and the times that they tell. */
  result(taskId: string): { changelogs: Record<string, number>; times: Record<string, number> } {
    const task = this.#tasks.find(each => each.taskId === taskId)!
    const changelogs: Record<string, number> = {}
    const times: Record<string, number> = { ...task.plan.times }
    for (const restore of this.#all.filter(({ environment }) => environment === task.environment)) {
      changelogs[restore.spec.name] = restore.end
      if (restore.spec.windows !== null)
        times[restore.spec.name] = Math.max(times[restore.spec.name] ?? -1, restore.greatestTimestamp)
    }
    return { changelogs, times }
  }

  async #prepare(): Promise<void> {
    this.#isPrepared = true
    const wanted = this.#tasks.flatMap(task =>
      task.stores
        .filter(spec => !spec.isSourceTopic || spec.changelog in task.inputs)
        .map(spec => ({ task, spec, topic: spec.changelog, partition: task.partition })),
    )
    if (wanted.length === 0) return
    const [begins, ends] = await Promise.all([this.#consumer.beginningOffsets(wanted), this.#consumer.endOffsets(wanted)])
    for (const [index, { task, spec }] of wanted.entries()) await this.#prepareStore(task, spec, begins[index]!, ends[index]!)
    for (const restore of this.#all)
      if (restore.position < restore.end) this.#open.set(`${restore.topic}-${restore.partition}`, restore)
    const open = [...this.#open.values()]
    if (open.length === 0) return
    // Until it is finished the state belongs to no offsets.
    for (const environment of new Set(open.map(restore => restore.environment))) await commitPart(environment, [])
    this.#consumer.assign(open.map(({ topic, partition }) => ({ topic, partition })))
    for (const restore of open) this.#consumer.seek(restore, restore.position)
    const records = open.reduce((sum, { position, end }) => sum + end - position, 0)
    this.#logger.info('restoring state', { stores: open.length, records })
  }

  async #prepareStore(task: RestoreTask, spec: StoreSpec, begin: number, changelogEnd: number): Promise<void> {
    const { environment, partition, plan, inputs, taskId } = task
    const end = spec.isSourceTopic ? Math.min(changelogEnd, inputs[spec.changelog]?.offset ?? 0) : changelogEnd
    const target = spec.isSourceTopic ? end : Math.min(end, plan.changelogs[spec.name] ?? end)
    const local = plan.local[spec.name]
    const isUsable = local !== undefined && local >= begin && local <= changelogEnd
    if (local !== undefined && !isUsable)
      this.#logger.warn('local state does not belong to its changelog: rebuilt', {
        task: taskId,
        store: spec.name,
        local,
        begin,
        end,
      })
    if (!isUsable) await environment.clear(spec.name)
    const position = isUsable ? local : begin
    this.#all.push({
      topic: spec.changelog,
      partition,
      environment,
      store: storeOf(spec, environment),
      spec,
      position,
      // Local state that is beyond what the group knows is not taken back: see resumePlan.
      target: Math.max(target, isUsable ? local : 0),
      end: Math.max(end, position),
      isFromBeginning: !isUsable,
      hasGaps: false,
      expected: position,
      latest: new Map(),
      tail: new Map(),
      greatestTimestamp: -1,
    })
  }

  #apply(batch: InputBatch): void {
    const restore = this.#open.get(`${batch.topic}-${batch.partition}`)
    if (!restore) return
    const cursor = batch.records()
    while (cursor.next()) {
      if (cursor.offset < restore.position || cursor.offset >= restore.end) continue
      this.restored++
      if (cursor.offset !== restore.expected) restore.hasGaps = true
      restore.expected = cursor.offset + 1
      const key = slice(cursor, cursor.keyStart, cursor.keyLength)
      if (key === null) continue
      const name = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
      const value = slice(cursor, cursor.valueStart, cursor.valueLength)
      if (cursor.offset >= restore.target) {
        if (!restore.tail.has(name))
          restore.tail.set(name, { key: key.slice(), value: value?.slice() ?? null, timestamp: cursor.timestamp })
        continue
      }
      if (restore.spec.isSourceTopic && !isReadable(restore.spec, key, value)) continue
      if (cursor.timestamp > restore.greatestTimestamp) restore.greatestTimestamp = cursor.timestamp
      restore.latest.set(name, restore.store.restored(key, value, cursor.timestamp))
    }
    restore.position = Math.max(restore.position, batch.nextOffset)
  }

  /** Writes what was read, one transaction a task. */
  async #write(): Promise<void> {
    const byEnvironment = new Map<StoreEnvironment, Part[]>()
    for (const restore of this.#open.values()) {
      if (restore.latest.size === 0) continue
      const part = {
        store: restore.spec.name,
        entries: [...restore.latest.values()],
        position: Math.min(restore.position, restore.target),
      }
      restore.latest.clear()
      const parts = byEnvironment.get(restore.environment)
      if (parts) parts.push(part)
      else byEnvironment.set(restore.environment, [part])
    }
    await Promise.all([...byEnvironment].map(([environment, parts]) => commitPart(environment, parts)))
  }

  /** The changelog has, from an interval that was never committed, changes of keys: it gets the values back that the store has. */
  async #takeBackTail({ store, spec, environment, partition, tail, isFromBeginning, hasGaps, end }: StoreRestore): Promise<void> {
    if (tail.size === 0) return
    const kept: Entry[] = []
    for (const { key, value, timestamp } of tail.values()) {
      const before = store.changelogValue(key)
      if (before.value === null && isFromBeginning && hasGaps) {
        // Compaction may have removed the value before the target in favour of this one: to count some records twice is better than to lose all.
        kept.push(store.restored(key, value, timestamp))
      } else {
        this.#outlet.send(
          spec.changelog,
          partition,
          key,
          before.value,
          before.value === null ? timestamp : before.timestamp,
          noHeaders,
        )
      }
    }
    if (kept.length > 0) await commitPart(environment, [{ store: spec.name, entries: kept, position: end }])
    this.#logger.info('uncommitted changes taken back', {
      store: spec.name,
      partition,
      keys: tail.size - kept.length,
      kept: kept.length,
    })
  }
}

/** A view; null for a length of -1. */
function slice({ bytes }: InputCursor, start: number, length: number): Uint8Array | null {
  return length < 0 ? null : bytes.subarray(start, start + length)
}

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** What is new in one store, which is then at `position` of its changelog. */
interface Part {
  readonly store: string
  readonly entries: Entry[]
  readonly position: number
}

function commitPart(environment: StoreEnvironment, parts: readonly Part[]): void | Promise<void> {
  const { changelogs = {}, times = {} } = environment.checkpoint ?? {}
  const writes = parts.map(({ store, entries }): StoreWrites => {
    // LMDB takes sorted keys fastest.
    entries.sort((a, b) => Buffer.compare(a.key, b.key))
    return { store, removeBelow: null, keys: entries.map(({ key }) => key), values: entries.map(({ value }) => value) }
  })
  const positions = Object.fromEntries(parts.map(({ store, position }) => [store, position]))
  return environment.commit(writes, { inputs: {}, changelogs: { ...changelogs, ...positions }, times })
}

/** What a serde has to fetch to read the store is fetched here, where there is time, as far as its first entry tells. */
async function warmUp({ store, spec }: StoreRestore): Promise<void> {
  for (const { value } of store.bytes.range(null, null)) {
    try {
      await spec.value.deserialize(spec.changelog, valueBytesOf(value))
    } catch {
      // Whoever needs the entry says so.
    }
    return
  }
}

/** Only for the layouts of keys and values: no cache, nothing is sent. */
function storeOf(spec: StoreSpec, environment: StoreEnvironment): StateStore {
  const context = { partition: 0, outlet: noOutlet, budget: new CacheBudget(0) }
  const bytes = environment.store(spec.name)
  return spec.windows === null ? new KeyValueStore(spec, bytes, context) : new WindowStore(spec, bytes, context)
}

const noOutlet: Outlet = { isFull: false, partitionOf: () => 0, send: () => {} }

/** An input topic may hold what a handler let go when it was processed. */
function isReadable(spec: StoreSpec, key: Uint8Array, value: Uint8Array | null): boolean {
  try {
    for (const decoded of [
      spec.key.deserialize(spec.changelog, key),
      value === null ? null : spec.value.deserialize(spec.changelog, value),
    ])
      if (decoded instanceof Promise) decoded.catch(() => {})
    return true
  } catch {
    return false
  }
}
