import { Consumer, Producer } from '@millrace/client'
import { messageOf, type World } from '@millrace/runtime'
import type { History, SendOperation } from '../check/history.ts'
import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'

export const topic = 'ledger'
export const group = 'readers'
const keyOf = (partition: number) => `${topic}-${partition}`

/** What the clients of a run share. */
export interface WorkloadContext {
  readonly universe: SimulatedUniverse
  readonly options: SimulationOptions
  readonly history: History
  readonly bootstrapServers: string
  /** The next value: unique in the run. */
  readonly nextValue: () => number
  readonly log: (line: string) => void
}

/** A producer process that sends numbered values until it is told to stop; after a crash a new one takes its place under a new name. */
export class ProducerProcess {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  readonly #random: SeededRandom
  readonly #name: string
  #incarnation = 0
  #unfinished = 0
  #stopping = false

  constructor(context: WorkloadContext, name: string) {
    this.#context = context
    this.#name = name
    this.#random = context.universe.random.fork(`workload/${name}`)
    this.machine = context.universe.machine(name)
  }

  start(): void {
    const world = this.machine.boot()
    const { options, bootstrapServers } = this.#context
    const process = `${this.#name}#${++this.#incarnation}`
    this.#unfinished = 0
    const producer = new Producer({
      world,
      bootstrapServers,
      clientId: process,
      enableIdempotence: options.idempotent,
      // Without sequences a retry may overtake: Kafka's own advice for order is one request in flight.
      ...(options.idempotent ? {} : { maxInFlight: 1 }),
      acks: 'all',
      lingerMs: options.lingerMs,
      batchBytes: options.batchBytes,
      compression: options.compression,
      requestTimeoutMs: 2000,
      deliveryTimeoutMs: 60_000,
    })
    this.#loop(world, producer, process)
  }

  kill(): void {
    this.machine.kill()
  }

  stop(): void {
    this.#stopping = true
  }

  /** No send waits for its outcome. */
  get isDrained(): boolean {
    return !this.machine.isRunning || this.#unfinished === 0
  }

  #loop(world: World, producer: Producer, process: string): void {
    if (this.#stopping) return
    const burst = this.#random.chance(0.2) ? this.#random.between(2, 20) : 1
    for (let i = 0; i < burst; i++) this.#send(producer, process)
    world.clock.timer(this.#random.exponential(this.#context.options.sendEveryMs), () => this.#loop(world, producer, process))
  }

  #send(producer: Producer, process: string): void {
    const { history, options, nextValue } = this.#context
    const value = nextValue()
    const partition = this.#random.below(options.partitions)
    const operation = history.send(process, keyOf(partition), value)
    this.#unfinished++
    producer
      .send({ topic, partition, key: null, value: String(value).padEnd(options.valueBytes, '.') })
      .then(({ offset }) => settle(operation, 'ok', offset))
      // A failure after retries says nothing about what the broker did.
      .catch(error => {
        this.#context.log(`${process} send of ${value} failed: ${messageOf(error)}`)
        settle(operation, 'info')
      })
      .finally(() => this.#unfinished--)
  }
}

/** A member of the group: reads, commits, and now and then begins anew. */
export class ConsumerProcess {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  readonly #name: string
  #incarnation = 0

  constructor(context: WorkloadContext, name: string) {
    this.#context = context
    this.#name = name
    this.machine = context.universe.machine(name)
  }

  start(): void {
    const world = this.machine.boot()
    const { bootstrapServers, history } = this.#context
    const process = `${this.#name}#${++this.#incarnation}`
    const consumer = new Consumer({
      world,
      bootstrapServers,
      clientId: process,
      groupId: group,
      autoOffsetReset: 'earliest',
      enableAutoCommit: false,
      sessionTimeoutMs: 6000,
      requestTimeoutMs: 2000,
    })
    consumer.subscribe([topic], {
      assigned: partitions =>
        history.assign(
          process,
          partitions.map(({ partition }) => keyOf(partition)),
        ),
    })
    void this.#read(consumer, process)
  }

  kill(): void {
    this.machine.kill()
  }

  async #read(consumer: Consumer, process: string): Promise<void> {
    const { history, log } = this.#context
    for (;;) {
      try {
        const batches = await consumer.poll(500)
        for (const batch of batches) history.poll(process, readBatch(batch))
        if (batches.length > 0) await consumer.commit()
      } catch (error) {
        log(`${process} poll failed: ${messageOf(error)}`)
      }
    }
  }
}

/** Reads all partitions from the beginning to the end that is there now. Resolves when it is reached. */
export async function readAll(context: WorkloadContext, world: World): Promise<void> {
  const { bootstrapServers, history, options } = context
  const consumer = new Consumer({
    world,
    bootstrapServers,
    clientId: 'final',
    autoOffsetReset: 'earliest',
    requestTimeoutMs: 5000,
  })
  const partitions = Array.from({ length: options.partitions }, (_, partition) => ({ topic, partition }))
  consumer.assign(partitions)
  for (const partition of partitions) consumer.seek(partition, 0)
  history.assign(
    'final',
    partitions.map(({ partition }) => keyOf(partition)),
  )
  const ends = await consumer.endOffsets(partitions)
  while (partitions.some((partition, i) => (consumer.position(partition) ?? 0) < ends[i]!)) {
    for (const batch of await consumer.poll(500)) history.poll('final', readBatch(batch))
  }
  await consumer.close()
}

function readBatch(batch: Awaited<ReturnType<Consumer['poll']>>[number]) {
  const read: { key: string; offset: number; value: number }[] = []
  const records = batch.records()
  while (records.next()) {
    read.push({
      key: keyOf(batch.partition),
      offset: records.offset,
      value: Number.parseInt(Buffer.from(records.value()!).toString(), 10),
    })
  }
  return read
}

function settle(operation: SendOperation, outcome: SendOperation['outcome'], offset?: number): void {
  operation.outcome = outcome
  if (offset !== undefined) operation.offset = offset
}
