import { type Broker, formatStorage, startBroker } from '@millrace/broker'
import { type Logger, messageOf } from '@millrace/runtime'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'

const port = 9092
export const clusterId = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** The broker under test on a machine of its own: started, killed and started again over the same disk. */
export class SimulatedBroker {
  readonly machine: SimulatedMachine
  readonly bootstrapServers: string
  readonly #universe: SimulatedUniverse
  readonly #properties: ReadonlyMap<string, string>
  readonly #log: (line: string) => void
  #formatted = false
  #broker: Broker | undefined
  /** Failures to start: a broker that can't come up again is a bug. */
  readonly failures: string[] = []

  constructor(universe: SimulatedUniverse, options: SimulationOptions, log: (line: string) => void) {
    this.#universe = universe
    this.#log = log
    this.machine = universe.machine('broker')
    this.bootstrapServers = `broker:${port}`
    this.#properties = new Map(
      Object.entries({
        'process.roles': 'broker,controller',
        'node.id': '1',
        listeners: `PLAINTEXT://broker:${port},CONTROLLER://broker:9093`,
        'advertised.listeners': `PLAINTEXT://broker:${port}`,
        'controller.listener.names': 'CONTROLLER',
        'controller.quorum.voters': '1@broker:9093',
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        'log.dirs': '/data',
        'offsets.topic.num.partitions': '2',
        'offsets.topic.replication.factor': '1',
        'group.initial.rebalance.delay.ms': '0',
        'log.roll.ms': String(options.segmentMs),
        'log.index.interval.bytes': String(options.indexIntervalBytes),
        ...(options.flush === 'ack' ? { 'log.flush.interval.messages': '1' } : {}),
      }),
    )
  }

  /** Boots the machine and begins to start the broker; clients find it when it is up. */
  start(): void {
    const world = this.machine.boot()
    const alive = this.machine.processId
    const current = () => this.machine.processId === alive
    const logger: Logger = {
      info: () => {},
      warn: (event, facts) => this.#line('WARN', event, facts),
      error: (event, facts) => this.#line('ERROR', event, facts),
    }
    void (async () => {
      try {
        if (!this.#formatted) {
          await formatStorage(world, { properties: this.#properties, clusterId })
          this.#formatted = true
        }
        const broker = await startBroker({
          world,
          properties: this.#properties,
          logger,
          failed: error => {
            if (current()) this.failures.push(`broker gave up: ${messageOf(error)}`)
          },
        })
        if (current()) this.#broker = broker
      } catch (error) {
        if (current()) this.failures.push(`broker did not start: ${messageOf(error)}`)
      }
    })()
  }

  get isUp(): boolean {
    return this.#broker !== undefined
  }

  kill(): void {
    this.#broker = undefined
    this.machine.kill()
  }

  losePower(): void {
    this.#broker = undefined
    this.machine.losePower()
  }

  #line(level: string, event: string, facts: object = {}): void {
    this.#log(`${this.#universe.scheduler.nowMs.toFixed(2)} broker ${level} ${event} ${JSON.stringify(facts)}`)
  }
}
