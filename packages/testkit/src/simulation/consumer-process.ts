import { type ConsumedBatch, Consumer, type TopicPartition } from '@millrace/client'
import { messageOf, sleep, type World } from '@millrace/runtime'
import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine } from '../world/world.ts'
import { group, keyOf, ledgerTopic, shortTopic, type WorkloadContext } from './context.ts'
import { readBatch } from './reading.ts'
import { rackOf } from './topology.ts'

const names = (partitions: readonly TopicPartition[]) => partitions.map(({ topic, partition }) => keyOf(topic, partition))

/** A member of the group: reads, commits, reads back what is committed; pauses partitions and leaves now and then, if the seed says so. */
export class ConsumerProcess {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  readonly #random: SeededRandom
  readonly #number: number
  readonly #name: string
  #incarnation = 0
  #assignments = 0
  #closing = false
  #closed: Promise<void> = Promise.resolve()

  constructor(context: WorkloadContext, number: number) {
    this.#context = context
    this.#number = number
    this.#name = `consumer${number}`
    this.#random = context.universe.random.fork(`workload/${this.#name}`)
    this.machine = context.universe.machine(this.#name)
  }

  start(): void {
    const world = this.machine.boot()
    this.#closed = this.#live(world).catch(error => this.#context.fail(`${this.#name} ended: ${messageOf(error)}`))
  }

  kill(): void {
    this.machine.kill()
  }

  /** Leaves the group in good order. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.machine.isRunning) await this.#closed
  }

  /** One consumer after the other, until it is time to go. */
  async #live(world: World): Promise<void> {
    while (!this.#closing) {
      const process = `${this.#name}#${++this.#incarnation}`
      const consumer = this.#open(world, process)
      const untilMs = this.#context.options.restartsMembers ? world.clock.monotonic() + this.#random.exponential(5000) : Infinity
      while (!this.#closing && world.clock.monotonic() < untilMs) await this.#turn(world, consumer, process)
      await this.#quietly(process, 'close', () => consumer.close())
    }
  }

  #open(world: World, process: string): Consumer {
    const { bootstrapServers, history, options } = this.#context
    const consumer = new Consumer({
      world,
      bootstrapServers,
      clientId: process,
      groupId: group,
      ...(options.staticMembers ? { groupInstanceId: this.#name } : {}),
      assignors: [options.assignor],
      autoOffsetReset: 'earliest',
      enableAutoCommit: options.autoCommit,
      autoCommitIntervalMs: 200,
      maxPollRecords: options.maxPollRecords,
      fetchMaxBytes: options.fetchMaxBytes,
      maxPartitionFetchBytes: options.partitionFetchBytes,
      prefetchBytes: options.prefetchBytes,
      fetchMinBytes: options.fetchMinBytes,
      fetchMaxWaitMs: options.fetchMaxWaitMs,
      isolationLevel: options.isolationLevel,
      ...(options.racks ? { clientRack: rackOf(this.#number) } : {}),
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 1000,
      maxPollIntervalMs: 20_000,
      requestTimeoutMs: 2000,
      defaultApiTimeoutMs: 10_000,
    })
    consumer.subscribe(options.retention ? [ledgerTopic, shortTopic] : [ledgerTopic], {
      assigned: async (partitions, { generationId, memberId }) => {
        this.#assignments++
        // A static member that comes back takes over from itself, in the same generation.
        const member = options.staticMembers ? this.#name : memberId
        history.assign(process, names(partitions), { group, generation: generationId, memberId: member })
        if (this.#random.chance(0.3)) await this.#readBack(consumer, process, partitions)
      },
    })
    return consumer
  }

  async #turn(world: World, consumer: Consumer, process: string): Promise<void> {
    const { options } = this.#context
    await this.#quietly(process, 'poll', async () => {
      const batches = await consumer.poll(500)
      this.#took(process, batches)
      if (options.processingMs > 0 && batches.length > 0) await sleep(world.clock, this.#random.exponential(options.processingMs))
      if (options.pausesPartitions && this.#random.chance(0.1)) await this.#pause(consumer, process)
      if (batches.length > 0 && !options.autoCommit) await this.#commit(consumer)
      if (this.#random.chance(0.02)) await this.#readBack(consumer, process, consumer.assignment())
    })
  }

  async #commit(consumer: Consumer): Promise<void> {
    const { history } = this.#context
    const positions = consumer.assignment().flatMap(partition => {
      const offset = consumer.position(partition)
      return offset === null ? [] : [{ ...partition, offset }]
    })
    const commits = positions.map(({ topic, partition, offset }) => history.commit(group, keyOf(topic, partition), offset))
    // Both forms say the same.
    await (this.#random.chance(0.5) ? consumer.commit() : consumer.commit(positions))
    for (const commit of commits) history.settle(commit)
  }

  async #readBack(consumer: Consumer, process: string, partitions: readonly TopicPartition[]): Promise<void> {
    const { history, options } = this.#context
    if (options.autoCommit || partitions.length === 0) return
    await this.#quietly(process, 'reading of commits', async () => {
      const mark = history.mark()
      const committed = await consumer.committed(partitions)
      for (const [i, { topic, partition }] of partitions.entries())
        history.committed(group, keyOf(topic, partition), committed[i]?.offset ?? null, mark)
    })
  }

  async #pause(consumer: Consumer, process: string): Promise<void> {
    const { options } = this.#context
    const paused = consumer.assignment().filter(() => this.#random.chance(0.5))
    const assignments = this.#assignments
    consumer.pause(paused)
    let batches: ConsumedBatch[] = []
    try {
      batches = await consumer.poll(this.#random.below(200))
    } finally {
      const assigned = new Set(names(consumer.assignment()))
      consumer.resume(paused.filter(({ topic, partition }) => assigned.has(keyOf(topic, partition))))
    }
    const isPaused = new Set(names(paused))
    for (const batch of batches) {
      const key = keyOf(batch.topic, batch.partition)
      // A new assignment is not paused.
      if (isPaused.has(key) && assignments === this.#assignments)
        this.#context.fail(`${process} was given records of ${key}, which it has paused`)
    }
    this.#took(process, batches)
    if (!options.autoCommit && batches.length > 0) await this.#commit(consumer)
  }

  #took(process: string, batches: readonly ConsumedBatch[]): void {
    const { history, groupEnds } = this.#context
    for (const batch of batches) {
      history.poll(process, readBatch(batch), group)
      const key = keyOf(batch.topic, batch.partition)
      groupEnds.set(key, Math.max(batch.nextOffset, groupEnds.get(key) ?? 0))
    }
  }

  /** What fails is a line in the log: the history judges. */
  async #quietly(process: string, what: string, task: () => Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.#context.log(`${process} ${what} failed: ${messageOf(error)}`)
      // Some failures come at once, again and again.
      if (this.machine.isRunning) await this.#breath()
    }
  }

  #breath(): Promise<void> {
    return new Promise(resolve => this.#context.universe.scheduler.after(10, resolve))
  }
}
