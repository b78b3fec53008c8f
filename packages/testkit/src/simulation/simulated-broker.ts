import { type Broker, formatStorage, startBroker } from '@millrace/broker'
import { type Logger, messageOf } from '@millrace/runtime'
import type { SimulatedMachine, SimulatedUniverse } from '../world/world.ts'
import type { SimulationOptions } from './options.ts'

const port = 9092
/** The first one has the metadata. */
export const logDirectories = ['/data', '/more']
export const clusterId = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** Virtual time that a controlled shutdown may take. */
const maxStopMs = 60_000

/** The broker under test on a machine of its own: started, stopped, killed and started again over the same disk. */
export class SimulatedBroker {
  readonly machine: SimulatedMachine
  readonly bootstrapServers: string
  readonly #universe: SimulatedUniverse
  readonly #properties: ReadonlyMap<string, string>
  readonly #log: (line: string) => void
  readonly #fail: (failure: string) => void
  #formatted = false
  #broker: Broker | undefined
  /** Its disk has failed in the life of this process: it may give up. */
  #hadDiskFault = false
  #isStopping = false

  constructor(
    universe: SimulatedUniverse,
    options: SimulationOptions,
    { log, fail }: { readonly log: (line: string) => void; readonly fail: (failure: string) => void },
  ) {
    this.#universe = universe
    this.#log = log
    this.#fail = fail
    this.machine = universe.machine('broker')
    this.bootstrapServers = `broker:${port}`
    const checkpointMs = String(options.checkpointEveryMs)
    this.#properties = new Map(
      Object.entries({
        'process.roles': 'broker,controller',
        'node.id': '1',
        listeners: `PLAINTEXT://broker:${port},CONTROLLER://broker:9093`,
        'advertised.listeners': `PLAINTEXT://broker:${port}`,
        'controller.listener.names': 'CONTROLLER',
        'controller.quorum.voters': '1@broker:9093',
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        'log.dirs': logDirectories.slice(0, options.logDirectories).join(),
        'offsets.topic.num.partitions': String(options.offsetsPartitions),
        'offsets.topic.replication.factor': '1',
        'group.initial.rebalance.delay.ms': '0',
        'log.roll.ms': String(options.segmentMs),
        'log.index.interval.bytes': String(options.indexIntervalBytes),
        'log.initial.task.delay.ms': '100',
        'log.retention.check.interval.ms': '300',
        'log.segment.delete.delay.ms': '500',
        'log.flush.offset.checkpoint.interval.ms': checkpointMs,
        'log.flush.start.offset.checkpoint.interval.ms': checkpointMs,
        'replica.high.watermark.checkpoint.interval.ms': checkpointMs,
        ...(options.flush === 'ack' ? { 'log.flush.interval.messages': '1' } : {}),
      }),
    )
  }

  /** The running broker, if it is up. */
  get current(): Broker | undefined {
    return this.machine.isRunning ? this.#broker : undefined
  }

  get isUp(): boolean {
    return this.current !== undefined
  }

  /** Boots the machine and begins to start the broker; clients find it when it is up. */
  start(): void {
    const world = this.machine.boot()
    const process = this.machine.processId
    this.#broker = undefined
    this.#isStopping = false
    const { faults } = this.machine.disk
    this.#hadDiskFault = faults.failWith !== null || faults.freeBytes !== Infinity
    const logger: Logger = {
      info: () => {},
      warn: (event, facts) => this.#line('WARN', event, facts),
      error: (event, facts) => this.#line('ERROR', event, facts),
    }
    const gaveUp = (what: string, error: unknown) => {
      if (this.machine.processId !== process || !this.machine.isRunning) return
      this.#log(`${this.#universe.scheduler.nowMs.toFixed(2)} broker ${what}: ${messageOf(error)}`)
      if (!this.#hadDiskFault) this.#fail(`broker ${what}: ${messageOf(error)}`)
      this.kill()
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
      if (failure !== null && !this.#hadDiskFault) this.#fail(`broker did not stop: ${failure}`)
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

  #line(level: string, event: string, facts: object = {}): void {
    this.#log(`${this.#universe.scheduler.nowMs.toFixed(2)} broker ${level} ${event} ${JSON.stringify(facts)}`)
  }
}
