import { type Broker, formatStorage, startBroker } from '@millrace/broker'
import { insidesOf, type NodeInsides } from '@millrace/broker/internal'
import { type Logger, messageOf, type World } from '@millrace/runtime'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import { clusterId, type NodePlan } from './topology.ts'

/** Virtual time that a controlled shutdown may take. */
const maxStopMs = 60_000

export interface NodeEvents {
  /** What must never happen did. */
  readonly fail: (failure: string) => void
  readonly log: (line: string) => void
}

/** A node under test on a machine of its own: formatted, started, stopped, killed and started again over the same disk. */
export class SimulatedNode {
  readonly plan: NodePlan
  readonly machine: SimulatedMachine
  readonly #universe: SimulatedUniverse
  readonly #events: NodeEvents
  #formatted = false
  #disks = 1
  #world: World | undefined
  #broker: Broker | undefined
  /** Its disk has failed in the life of this process: it may give up. */
  #hadDiskFault = false
  #isStopping = false

  constructor(universe: SimulatedUniverse, plan: NodePlan, events: NodeEvents) {
    this.plan = plan
    this.machine = universe.machine(plan.host)
    this.#universe = universe
    this.#events = events
  }

  /** The running broker, if it is up. */
  get current(): Broker | undefined {
    return this.machine.isRunning ? this.#broker : undefined
  }

  /** How many disks it has had: one more after each that it lost. */
  get disks(): number {
    return this.#disks
  }

  /** The parts of the running process, as far as they are there. */
  get insides(): NodeInsides {
    return this.machine.isRunning ? insidesOf(this.world) : {}
  }

  /** Of the process that runs or ran last. */
  get world(): World {
    return this.#world!
  }

  /** Its start has come to its end. */
  get isUp(): boolean {
    return this.current !== undefined
  }

  get isRunning(): boolean {
    return this.machine.isRunning
  }

  /** Boots the machine and begins to start the broker; clients find it when it is up. */
  start(): void {
    const world = this.machine.boot()
    this.#world = world
    const process = this.machine.processId
    this.#broker = undefined
    this.#isStopping = false
    const { faults } = this.machine.disk
    this.#hadDiskFault = faults.failWith !== null || faults.freeBytes !== Infinity
    const logger: Logger = {
      info: () => {},
      warn: (event, facts) => this.#line(`WARN ${event}`, facts),
      error: (event, facts) => this.#line(`ERROR ${event}`, facts),
    }
    const gaveUp = (what: string, error: unknown) => {
      if (this.machine.processId !== process || !this.machine.isRunning) return
      this.#line(what, messageOf(error))
      if (!this.#hadDiskFault) this.#events.fail(`${this.plan.host} ${what}: ${messageOf(error)}`)
      this.kill()
    }
    void (async () => {
      try {
        if (!this.#formatted) {
          const { properties, format, formatAnew } = this.plan
          formatStorage(world, { properties, clusterId, ignoreFormatted: true, ...(this.#disks === 1 ? format : formatAnew) })
          this.#formatted = true
        }
        const broker = await startBroker({
          world,
          properties: this.plan.properties,
          logger,
          failed: error => gaveUp('gave up', error),
        })
        if (this.machine.processId === process) this.#broker = broker
      } catch (error) {
        gaveUp('did not start', error)
      }
    })()
  }

  kill(): void {
    this.#broker = undefined
    this.machine.kill()
  }

  losePower(): void {
    this.#broker = undefined
    this.machine.losePower()
  }

  /** The machine is dead and its disks are empty: the next start is that of a new machine under the old name. */
  loseDisk(): void {
    this.kill()
    this.machine.disk.wipe()
    this.#disks++
    this.#formatted = false
  }

  /** The disk begins to fail: what the broker gives up from now on in this process is no bug. */
  diskFails(): void {
    this.#hadDiskFault = true
  }

  /** A controlled shutdown; calls `stopped` when the process has ended. A broker that is not up is killed. */
  stop(stopped: () => void): void {
    const broker = this.#broker
    if (broker === undefined || this.#isStopping) {
      this.kill()
      stopped()
      return
    }
    this.#isStopping = true
    const process = this.machine.processId
    const ended = (failure: string | null) => {
      if (this.machine.processId !== process || !this.machine.isRunning) return
      if (failure !== null && !this.#hadDiskFault) this.#events.fail(`${this.plan.host} did not stop: ${failure}`)
      limit.cancel()
      this.kill()
      stopped()
    }
    const limit = this.#universe.scheduler.after(maxStopMs, () => ended(`not within ${maxStopMs} virtual ms`))
    broker.close().then(
      () => ended(null),
      error => ended(messageOf(error)),
    )
  }

  /** A controlled shutdown that leaves the process, to look at what it still holds. */
  async close(): Promise<void> {
    this.#isStopping = true
    await this.#broker?.close()
  }

  #line(event: string, facts: unknown = {}): void {
    this.#events.log(`${this.#universe.scheduler.nowMs.toFixed(2)} ${this.plan.host} ${event} ${JSON.stringify(facts)}`)
  }
}
