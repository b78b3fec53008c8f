import type { SeededRandom } from '../world/random.ts'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import type { FaultKind, SimulationOptions } from './options.ts'
import { logDirectories, type SimulatedBroker } from './simulated-broker.ts'

/** A client program on a machine of its own. */
export interface Program {
  readonly machine: SimulatedMachine
  start(): void
  kill(): void
}

export interface Targets {
  readonly broker: SimulatedBroker
  readonly producers: readonly Program[]
  readonly consumers: readonly Program[]
  readonly streams: Program | null
}

/** Clocks stay so close to one another: records from further in the future are refused, as in Kafka. */
const maxSkewMs = 600_000

/** Makes faults happen, each undone after a while; counts them by kind. */
export class Nemesis {
  readonly counts = new Map<FaultKind, number>()
  readonly #universe: SimulatedUniverse
  readonly #options: SimulationOptions
  readonly #targets: Targets
  readonly #random: SeededRandom
  readonly #log: (line: string) => void
  #active = true
  /** The broker's disk fails at present: undone before the next one. */
  #endDiskFault: (() => void) | null = null

  constructor(universe: SimulatedUniverse, options: SimulationOptions, targets: Targets, log: (line: string) => void) {
    this.#universe = universe
    this.#options = options
    this.#targets = targets
    this.#random = universe.random.fork('nemesis')
    this.#log = log
    universe.net.faults.latencyMs = options.latencyMs
    universe.net.faults.maxChunkBytes = options.maxChunkBytes
    targets.broker.machine.disk.faults.syncMs = options.syncMs
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
    // Pieces travel one after the other: small ones make a link slow.
    net.faults.maxChunkBytes = 65_536
    net.heal()
    const { broker } = this.#targets
    this.#endDiskFault?.()
    broker.machine.disk.dieAfter(Infinity, () => {})
    broker.machine.disk.faults.syncMs = this.#options.syncMs
    for (const target of [broker, ...this.#clients()]) if (!target.machine.isRunning) target.start()
  }

  #clients(): Program[] {
    const { producers, consumers, streams } = this.#targets
    return [...producers, ...consumers, ...(streams ? [streams] : [])]
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
    const { broker, producers, consumers, streams } = this.#targets
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    this.#log(`${this.#universe.scheduler.nowMs.toFixed(2)} nemesis ${kind}`)
    switch (kind) {
      case 'kill-broker':
        if (broker.machine.isRunning) this.#killAndRestart(broker, () => broker.kill())
        break
      case 'lose-power':
        if (broker.machine.isRunning) this.#killAndRestart(broker, () => broker.losePower())
        break
      case 'stop-broker':
        if (broker.machine.isRunning) broker.stop(() => this.#restart(broker))
        break
      case 'pause-broker':
        broker.machine.pause(this.#random.between(50, 8000))
        break
      case 'cut-connections':
        this.#universe.net.cut('broker')
        break
      case 'block-link':
        this.#block(this.#random.pick(this.#clients()).machine.name)
        break
      case 'slow-host':
        this.#slow(this.#random.pick([broker, ...this.#clients()]).machine.name)
        break
      case 'kill-producer':
        this.#killProgram(this.#random.pick(producers))
        break
      case 'kill-consumer':
        this.#killProgram(this.#random.pick(consumers))
        break
      case 'kill-streams':
        if (streams) this.#killProgram(streams)
        break
      case 'pause-client':
        this.#random.pick(this.#clients()).machine.pause(this.#random.between(50, 12_000))
        break
      case 'clock-step':
        this.#random.pick([broker, ...this.#clients()]).machine.clockSkewMs = this.#random.between(-maxSkewMs, maxSkewMs)
        break
      case 'slow-disk':
        this.#slowDisk()
        break
      case 'full-disk':
      case 'failing-disk':
        if (broker.machine.isRunning && this.#endDiskFault === null) this.#failDisk(kind)
        break
    }
  }

  #killProgram(program: Program): void {
    if (program.machine.isRunning) this.#killAndRestart(program, () => program.kill())
  }

  /** Half of the time in the middle of what it writes. */
  #killAndRestart(target: Program, kill: () => void): void {
    const end = () => {
      // Healed meanwhile.
      if (!this.#active && target.machine.isRunning) return
      kill()
      this.#restart(target)
    }
    if (target === this.#targets.broker && this.#random.chance(0.5))
      target.machine.dieAtOperation(this.#random.below(this.#random.pick([5, 50, 500])), this.#random.between(100, 2000), end)
    else end()
    // A start is as good a moment to die as any.
    if (target !== this.#targets.broker || !this.#random.chance(0.2)) return
    this.#universe.scheduler.after(this.#random.between(10, 200), () => {
      if (!this.#active || !target.machine.isRunning) return
      target.machine.dieAtOperation(this.#random.below(50), this.#random.between(1, 100), end)
    })
  }

  #restart(target: Program): void {
    const delayMs = this.#random.chance(0.3) ? this.#random.between(0, 10) : this.#random.between(10, 3000)
    this.#universe.scheduler.after(delayMs, () => {
      if (!target.machine.isRunning) target.start()
    })
  }

  /** One direction or both, for a while. */
  #block(client: string): void {
    const { net, scheduler } = this.#universe
    const direction = this.#random.below(3)
    if (direction !== 0) net.block(client, 'broker')
    if (direction !== 1) net.block('broker', client)
    scheduler.after(this.#random.between(100, 9000), () => net.unblock(client, 'broker'))
  }

  #slow(host: string): void {
    const { net, scheduler } = this.#universe
    net.slow(host, this.#random.pick([20, 200, 1500]))
    scheduler.after(this.#random.between(100, 5000), () => net.slow(host, 0))
  }

  #slowDisk(): void {
    const { faults } = this.#targets.broker.machine.disk
    faults.syncMs = this.#random.pick([50, 1000])
    this.#universe.scheduler.after(this.#random.between(100, 4000), () => {
      faults.syncMs = this.#options.syncMs
    })
  }

  /**
   * The disk takes no more, or fails, until somebody has seen to it and starts the broker again. After failed syncs nobody knows what the cache and
   * the device have in common, so the machine is started anew as well where that is survivable.
   */
  #failDisk(kind: 'full-disk' | 'failing-disk'): void {
    const { broker } = this.#targets
    const { faults } = broker.machine.disk
    broker.diskFails()
    if (this.#options.logDirectories > 1) faults.under = this.#random.pick(['/', ...logDirectories])
    if (kind === 'full-disk') faults.freeBytes = this.#random.below(4000)
    else faults.failWith = 'EIO'
    const end = () => {
      if (this.#endDiskFault !== end) return
      this.#endDiskFault = null
      faults.freeBytes = Infinity
      faults.failWith = null
      faults.under = '/'
      if (kind === 'failing-disk' && this.#options.flush === 'ack') broker.losePower()
      else broker.kill()
      broker.start()
    }
    this.#endDiskFault = end
    this.#universe.scheduler.after(this.#random.between(100, 5000), end)
  }
}
