import type { SeededRandom } from '../world/random.ts'
import type { SimulatedUniverse } from '../world/world.ts'
import type { FaultKind, SimulationOptions } from './options.ts'
import type { SimulatedBroker } from './simulated-broker.ts'
import type { ConsumerProcess, ProducerProcess } from './workload.ts'

export interface Targets {
  readonly broker: SimulatedBroker
  readonly producers: readonly ProducerProcess[]
  readonly consumers: readonly ConsumerProcess[]
}

/** Makes faults happen, each undone after a while; counts them by kind. */
export class Nemesis {
  readonly counts = new Map<FaultKind, number>()
  readonly #universe: SimulatedUniverse
  readonly #options: SimulationOptions
  readonly #targets: Targets
  readonly #random: SeededRandom
  readonly #log: (line: string) => void
  #active = true

  constructor(universe: SimulatedUniverse, options: SimulationOptions, targets: Targets, log: (line: string) => void) {
    this.#universe = universe
    this.#options = options
    this.#targets = targets
    this.#random = universe.random.fork('nemesis')
    this.#log = log
    universe.net.faults.latencyMs = options.latencyMs
  }

  start(): void {
    this.#universe.net.faults.cutProbability = this.#options.cutProbability
    if (this.#options.faults.length > 0) this.#next()
  }

  /** No more faults; the network is whole and everything that should run runs. */
  heal(): void {
    this.#active = false
    const { net } = this.#universe
    net.faults.cutProbability = 0
    net.faults.latencyMs = Math.min(1, this.#options.latencyMs)
    net.heal()
    const { broker, producers, consumers } = this.#targets
    for (const target of [broker, ...producers, ...consumers]) if (!target.machine.isRunning) target.start()
  }

  #next(): void {
    this.#universe.scheduler.after(this.#random.exponential(this.#options.faultEveryMs), () => {
      if (!this.#active) return
      // A quarter of the time is free of faults.
      if (!this.#random.chance(0.25)) this.#strike(this.#random.pick(this.#options.faults))
      this.#next()
    })
  }

  #strike(kind: FaultKind): void {
    const { broker, producers, consumers } = this.#targets
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    this.#log(`${this.#universe.scheduler.nowMs.toFixed(2)} nemesis ${kind}`)
    switch (kind) {
      case 'kill-broker':
        if (broker.machine.isRunning) this.#killAndRestart(broker, () => broker.kill())
        break
      case 'lose-power':
        if (broker.machine.isRunning) this.#killAndRestart(broker, () => broker.losePower())
        break
      case 'pause-broker':
        broker.machine.pause(this.#random.between(50, 8000))
        break
      case 'cut-connections':
        this.#universe.net.cut('broker')
        break
      case 'block-link':
        this.#block(this.#random.pick([...producers, ...consumers]).machine.name)
        break
      case 'kill-producer': {
        const producer = this.#random.pick(producers)
        if (producer.machine.isRunning) this.#killAndRestart(producer, () => producer.kill())
        break
      }
      case 'kill-consumer': {
        const consumer = this.#random.pick(consumers)
        if (consumer.machine.isRunning) this.#killAndRestart(consumer, () => consumer.kill())
        break
      }
    }
  }

  #killAndRestart(target: { start(): void; machine: { isRunning: boolean } }, kill: () => void): void {
    kill()
    this.#universe.scheduler.after(this.#random.between(10, 3000), () => {
      if (!target.machine.isRunning) target.start()
    })
  }

  /** One direction or both, for a while. */
  #block(client: string): void {
    const { net, scheduler } = this.#universe
    const direction = this.#random.below(3)
    if (direction !== 0) net.block(client, 'broker')
    if (direction !== 1) net.block('broker', client)
    scheduler.after(this.#random.between(100, 5000), () => net.unblock(client, 'broker'))
  }
}
