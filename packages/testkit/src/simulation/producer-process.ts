import { Producer } from '@millrace/client'
import { messageOf, type World } from '@millrace/runtime'
import type { SendOperation } from '../check/history.ts'
import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine } from '../world/world.ts'
import { keyOf, ledgerTopic, shortPartitions, shortTopic, type WorkloadContext } from './context.ts'

/** As many keys have the records of the ledger: for the streams application, which counts by them. */
export const keyCount = 5

/** A producer process that sends numbered values until it is told to stop; after a crash a new one takes its place under a new name. */
export class ProducerProcess {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  readonly #random: SeededRandom
  readonly #name: string
  #incarnation = 0
  #unfinished = 0
  #stopping = false
  #reported = ''
  #producer: Producer | undefined

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
      maxInFlight: options.idempotent ? options.maxInFlight : 1,
      acks: options.acks,
      lingerMs: options.lingerMs,
      batchBytes: options.batchBytes,
      compression: options.compression,
      requestTimeoutMs: 2000,
      deliveryTimeoutMs: 60_000,
    })
    this.#producer = producer
    this.#loop(world, producer, process)
  }

  kill(): void {
    this.machine.kill()
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopping = true
  }

  /** No send waits for its outcome. */
  get isDrained(): boolean {
    return !this.machine.isRunning || this.#unfinished === 0
  }

  async close(): Promise<void> {
    if (this.machine.isRunning) await this.#producer?.close()
  }

  #loop(world: World, producer: Producer, process: string): void {
    if (this.#stopping) return
    const burst = this.#random.chance(0.2) ? this.#random.between(2, 20) : 1
    for (let i = 0; i < burst; i++) this.#send(producer, process)
    world.clock.timer(this.#random.exponential(this.#context.options.sendEveryMs), () => this.#loop(world, producer, process))
  }

  /** Many records fail for one reason. */
  #report(failure: string): void {
    if (failure !== this.#reported) this.#context.log(failure)
    this.#reported = failure
  }

  #send(producer: Producer, process: string): void {
    const { history, options, nextValue } = this.#context
    const value = nextValue()
    const topic = options.retention && this.#random.chance(0.25) ? shortTopic : ledgerTopic
    const partition = this.#random.below(topic === ledgerTopic ? options.partitions : shortPartitions)
    const operation = history.send(process, keyOf(topic, partition), value)
    // What only the leader has it may take with it.
    const isKept = options.acks === 'all' || (options.replicationFactor === 1 && !options.replicaChanges)
    this.#unfinished++
    producer
      .send({ topic, partition, key: `k${value % keyCount}`, value: String(value).padEnd(options.valueBytes, '.') })
      .then(({ offset }) => (isKept ? settle(operation, 'ok', offset) : settle(operation, 'info')))
      // A failure after retries says nothing about what the broker did.
      .catch(error => {
        this.#report(`${process} failed to send: ${messageOf(error)}`)
        settle(operation, 'info')
      })
      .finally(() => this.#unfinished--)
  }
}

function settle(operation: SendOperation, outcome: SendOperation['outcome'], offset?: number): void {
  operation.outcome = outcome
  if (offset !== undefined) operation.offset = offset
}
