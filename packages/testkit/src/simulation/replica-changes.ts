import { AlterPartitionReassignments, ElectLeaders } from '@millrace/protocol'
import { messageOf, type World } from '@millrace/runtime'
import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine } from '../world/world.ts'
import { keyOf, type WorkloadContext } from './context.ts'
import { request } from './raw-requests.ts'
import type { Sight } from './sight.ts'

const everyMs = 600
const timeoutMs = 5000
const preferred = 0

/** Moves replicas, breaks such moves off, and asks for preferred leaders: any broker is asked, which passes it on to the active controller. */
export class ReplicaChanges {
  readonly machine: SimulatedMachine
  readonly #context: WorkloadContext
  readonly #sight: Sight
  readonly #random: SeededRandom
  #stopping = false
  #stopped: Promise<void> = Promise.resolve()

  constructor(context: WorkloadContext, sight: Sight) {
    this.#context = context
    this.#sight = sight
    this.#random = context.universe.random.fork('workload/replicas')
    this.machine = context.universe.machine('replicas')
  }

  start(): void {
    this.#stopped = this.#live(this.machine.boot())
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#stopped
  }

  async #live(world: World): Promise<void> {
    while (!this.#stopping) {
      await new Promise<void>(resolve => world.clock.timer(this.#random.exponential(everyMs), resolve))
      try {
        await (this.#random.chance(0.25) ? this.#elect(world) : this.#move(world))
      } catch (error) {
        this.#context.log(`change of replicas failed: ${messageOf(error)}`)
      }
    }
  }

  #server(): string {
    return this.#random.pick(this.#context.bootstrapServers.split(','))
  }

  async #elect(world: World): Promise<void> {
    const body = { electionType: preferred, topicPartitions: null, timeoutMs }
    await request(world, this.#server(), { api: ElectLeaders, version: 2, body, timeoutMs })
  }

  /** A partition gets as many replicas as it has, elsewhere; or what was begun is broken off. */
  async #move(world: World): Promise<void> {
    const partitions = this.#sight.partitions() ?? []
    if (partitions.length === 0) return
    const { topic, partition } = this.#random.pick(partitions)
    const { brokers, replicationFactor } = this.#context.options
    const rest = Array.from({ length: brokers }, (_, index) => index + 1)
    const chosen = Array.from({ length: replicationFactor }, () => rest.splice(this.#random.below(rest.length), 1)[0]!)
    const replicas = this.#random.chance(0.2) ? null : chosen
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, replicas }] }]
    const body = { timeoutMs, topics }
    const { responses, errorMessage } = await request(world, this.#server(), {
      api: AlterPartitionReassignments,
      version: 0,
      body,
      timeoutMs,
    })
    const answer = responses[0]?.partitions[0]
    const outcome = answer === undefined ? errorMessage : `${answer.errorCode} ${answer.errorMessage ?? ''}`
    this.#context.log(
      `${this.#context.universe.scheduler.nowMs.toFixed(2)} ${keyOf(topic, partition)} to ${replicas ?? 'stay'}: ${outcome}`,
    )
  }
}
