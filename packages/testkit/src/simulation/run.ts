import { Admin } from '@millrace/client'
import { messageOf, sleep } from '@millrace/runtime'
import { History } from '../check/history.ts'
import { type Anomaly, checkHistory } from '../check/history-checker.ts'
import { SimulatedUniverse } from '../world/world.ts'
import { AdminProcess } from './admin-process.ts'
import { consistent } from './cluster-options.ts'
import { ConsumerProcess } from './consumer-process.ts'
import { dataPartitions, group, keyOf, ledgerTopic, shortPartitions, shortTopic, type WorkloadContext } from './context.ts'
import { MetadataObserver } from './metadata-observer.ts'
import { Nemesis } from './nemesis.ts'
import { type Draw, drawOptions, type FaultKind, type SimulationOptions } from './options.ts'
import { keyCount, ProducerProcess } from './producer-process.ts'
import { QuorumObserver } from './quorum-observer.ts'
import { readAll } from './reading.ts'
import { ReplicaChanges } from './replica-changes.ts'
import { ReplicaObserver } from './replica-observer.ts'
import { Sight } from './sight.ts'
import { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { countsPartitions, countsTopic, StreamsProcess, verifyCounts } from './streams-process.ts'

export interface SimulationResult {
  readonly seed: number
  readonly options: SimulationOptions
  /** Why the run failed; empty when it is clean. */
  readonly failures: readonly string[]
  /** Equal for two runs of one seed. */
  readonly traceHash: string
  readonly virtualMs: number
  readonly events: number
  readonly acknowledged: number
  readonly faults: ReadonlyMap<FaultKind, number>
  /** The last lines of what happened. */
  readonly log: readonly string[]
}

/** Virtual time in which a healed cluster must finish what it owes. */
const livenessMs = 150_000
/** Virtual time in which every broker has applied what was acknowledged. */
const settleMs = 2000
const warmUpMs = 30_000
/** Virtual time in which a healed cluster must have its leaders, and all replicas in sync. */
const wholeMs = 60_000
/** Virtual time after which closed programs must hold nothing any more. */
const restMs = 2000
const maxEvents = 1_000_000
const keptLogLines = 300
const maxFailures = 50
const observedEvery = 100

/** One run from one seed: warm up, faults under load, heal and drain, read everything, close everything, judge. */
export async function simulate(
  seed: number,
  override: Partial<SimulationOptions> = {},
  draw: Draw = 'any',
): Promise<SimulationResult> {
  const run = new Run(seed, override, draw)
  await run.play()
  return run.result()
}

class Run {
  readonly #seed: number
  readonly #options: SimulationOptions
  readonly #universe: SimulatedUniverse
  readonly #context: WorkloadContext
  readonly #cluster: SimulatedCluster
  readonly #sight: Sight
  readonly #producers: ProducerProcess[]
  readonly #consumers: ConsumerProcess[]
  readonly #admin: AdminProcess | null
  readonly #replicaChanges: ReplicaChanges | null
  readonly #streams: StreamsProcess | null
  readonly #nemesis: Nemesis
  readonly #replicas: ReplicaObserver
  readonly #quorum: QuorumObserver
  readonly #metadata: MetadataObserver
  /** The node that nothing needs and that stayed dead after the faults, and the partitions that there were then. */
  #left: { readonly spare: SimulatedNode; readonly partitions: ReadonlySet<string> } | null = null
  readonly #history = new History()
  readonly #lines: string[] = []
  readonly #failures: string[] = []
  #hasReadAll = false

  constructor(seed: number, override: Partial<SimulationOptions>, draw: Draw) {
    const universe = new SimulatedUniverse(seed)
    const options = consistent({ ...drawOptions(universe.random.fork('options'), draw), ...override })
    const log = (line: string) => {
      this.#lines.push(line)
      if (this.#lines.length > keptLogLines) this.#lines.shift()
    }
    const fail = (failure: string) => {
      if (this.#failures.length === maxFailures || this.#failures.includes(failure)) return
      this.#failures.push(failure)
      log(`${universe.scheduler.nowMs.toFixed(2)} FAILURE ${failure}`)
    }
    const cluster = new SimulatedCluster(universe, options, { log, fail })
    let values = 0
    const context: WorkloadContext = {
      universe,
      options,
      history: this.#history,
      bootstrapServers: cluster.bootstrapServers,
      nextValue: () => values++,
      log,
      fail,
      groupEnds: new Map(),
    }
    this.#seed = seed
    this.#options = options
    this.#universe = universe
    this.#context = context
    this.#cluster = cluster
    this.#sight = new Sight(cluster)
    this.#producers = Array.from({ length: options.producers }, (_, i) => new ProducerProcess(context, `producer${i}`))
    this.#consumers = Array.from({ length: options.consumers }, (_, i) => new ConsumerProcess(context, i))
    this.#admin = options.topicChanges ? new AdminProcess(context) : null
    this.#replicaChanges = options.replicaChanges ? new ReplicaChanges(context, this.#sight) : null
    this.#streams = options.streams ? new StreamsProcess(context) : null
    const targets = {
      cluster,
      sight: this.#sight,
      producers: this.#producers,
      consumers: this.#consumers,
      streams: this.#streams,
      admin: this.#admin,
      fail,
    }
    this.#nemesis = new Nemesis(universe, options, targets, log)
    this.#replicas = new ReplicaObserver(cluster, options.minIsr, fail)
    this.#quorum = new QuorumObserver(fail)
    this.#metadata = new MetadataObserver(cluster, fail)
  }

  async play(): Promise<void> {
    this.#cluster.start()
    if (!(await this.#becomesWhole('warm-up'))) return
    if (!(await this.#finish('warm-up', warmUpMs, this.#createTopics()))) return
    for (const program of [...this.#producers, ...this.#consumers, this.#admin, this.#replicaChanges, this.#streams])
      program?.start()
    this.#nemesis.start()
    await this.#runFor(this.#options.safetyMs)
    if (this.#hasFailed) return
    const spare = this.#nemesis.heal()
    if (spare !== null) this.#left = { spare, partitions: this.#sight.partitionNames() }
    for (const producer of this.#producers) producer.stop()
    if (!(await this.#finish('last change of replicas', livenessMs, this.#replicaChanges?.stop() ?? Promise.resolve()))) return
    if (!(await this.#becomesWhole('liveness'))) return
    if (!(await this.#drain())) return
    this.#hasReadAll = await this.#finish('final read', livenessMs, this.#verify())
    this.#left?.spare.start()
    this.#left = null
    if (!this.#hasReadAll || !(await this.#becomesWhole('return of the last node'))) return
    if (await this.#finish('closing', livenessMs, this.#close())) await this.#rest()
  }

  result(): SimulationResult {
    const { scheduler, net } = this.#universe
    const anomalies = checkHistory(this.#history.operations, {
      idempotent: this.#options.idempotent,
      readToTheEnd: this.#hasReadAll,
      expiring: new Set(Array.from({ length: shortPartitions }, (_, partition) => keyOf(shortTopic, partition))),
    })
    for (const machine of this.#universe.machines()) machine.kill()
    return {
      seed: this.#seed,
      options: this.#options,
      failures: [...this.#failures, ...anomalies.map(describe)],
      traceHash: net.traceHash,
      virtualMs: scheduler.nowMs,
      events: scheduler.executed,
      acknowledged: this.#history.operations.filter(operation => operation.kind === 'send' && operation.outcome === 'ok').length,
      faults: this.#nemesis.counts,
      log: this.#lines,
    }
  }

  async #createTopics(): Promise<void> {
    const { bootstrapServers, options } = this.#context
    const admin = new Admin({ world: this.#universe.machine('admin').boot(), bootstrapServers, clientId: 'admin' })
    await admin.createTopics([
      { topic: ledgerTopic, partitions: options.partitions, replicationFactor: options.replicationFactor },
      ...(options.retention
        ? [
            {
              topic: shortTopic,
              partitions: shortPartitions,
              replicationFactor: options.replicationFactor,
              configs: { 'retention.ms': '700', 'segment.ms': '150' },
            },
          ]
        : []),
      ...(options.streams
        ? [{ topic: countsTopic, partitions: countsPartitions, replicationFactor: options.replicationFactor }]
        : []),
    ])
    await admin.close()
  }

  /** Leaders are elected, and every replica that can be is in sync. */
  async #becomesWhole(phase: string): Promise<boolean> {
    const nodes = this.#cluster.nodes.filter(node => node !== this.#left?.spare)
    const whatIsMissing = () => this.#sight.whatIsMissing(nodes, this.#left?.partitions)
    if (await this.#until(() => whatIsMissing() === null, wholeMs)) return true
    if (!this.#hasFailed) this.#context.fail(`${phase}: not whole within ${wholeMs} virtual ms: ${whatIsMissing()}`)
    return false
  }

  /** Producers have their answers, and the group has read all of them. */
  async #drain(): Promise<boolean> {
    const isDrained = () => this.#producers.every(producer => producer.isDrained)
    if (!(await this.#until(isDrained))) {
      if (this.#hasFailed) return false
      this.#context.fail(`liveness: producers did not drain within ${livenessMs} virtual ms after the healing`)
      return false
    }
    const ends = new Map<string, number>()
    for (const operation of this.#history.operations)
      if (operation.kind === 'send' && operation.outcome === 'ok' && operation.key.startsWith(ledgerTopic))
        ends.set(operation.key, Math.max(operation.offset! + 1, ends.get(operation.key) ?? 0))
    const hasRead = () => [...ends].every(([key, end]) => (this.#context.groupEnds.get(key) ?? 0) >= end)
    if ((await this.#until(hasRead)) || this.#hasFailed) return !this.#hasFailed
    const read = [...ends.keys()].map(key => `${key} ${this.#context.groupEnds.get(key) ?? 0} of ${ends.get(key)}`)
    this.#context.fail(`liveness: the group did not read to the end within ${livenessMs} virtual ms: ${read.join(', ')}`)
    return false
  }

  async #verify(): Promise<void> {
    const { bootstrapServers } = this.#context
    await this.#admin?.stop()
    const world = this.#universe.machine('final').boot()
    // A broker may lag behind what another one has answered.
    await sleep(world.clock, settleMs)
    await readAll(this.#context, world)
    const admin = new Admin({ world, bootstrapServers, clientId: 'final' })
    await this.#readCommits(admin)
    if (this.#streams) await verifyCounts(this.#context, world, this.#countsOfLedger())
    await this.#admin?.verify(admin)
    await admin.close()
  }

  /** What the group has committed; with automatic commits nobody knows when they were made, but what was committed must have been read. */
  async #readCommits(admin: Admin): Promise<void> {
    const { history, options } = this.#context
    const mark = history.mark()
    const partitions = dataPartitions(options)
    const committed = await admin.fetchOffsets(group, partitions)
    for (const [i, { topic, partition }] of partitions.entries()) {
      const key = keyOf(topic, partition)
      const offset = committed[i]?.offset
      if (!options.autoCommit) history.committed(group, key, offset ?? null, mark)
      else if (offset !== undefined) history.settle(history.commit(group, key, offset))
    }
  }

  /** Records by key as the last reader saw them. */
  #countsOfLedger(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const operation of this.#history.operations) {
      if (operation.kind !== 'poll' || operation.process !== 'final') continue
      for (const { key, value } of operation.records) {
        if (!key.startsWith(ledgerTopic)) continue
        const name = `k${value % keyCount}`
        counts.set(name, (counts.get(name) ?? 0) + 1)
      }
    }
    return counts
  }

  async #close(): Promise<void> {
    for (const program of [...this.#producers, ...this.#consumers, this.#streams]) await program?.close()
    await this.#cluster.close()
  }

  /** Everything is closed: nobody holds a timer or a connection. */
  async #rest(): Promise<void> {
    const { net, scheduler } = this.#universe
    // A process that is stopped keeps its timers until it goes on.
    const pausedUntilMs = Math.max(...[...this.#universe.machines()].map(machine => machine.pausedUntilMs))
    await this.#runFor(Math.max(0, pausedUntilMs - scheduler.nowMs) + restMs)
    if (net.openConnections > 0) this.#context.fail(`leak: connections are open at rest: ${net.describeConnections().join(', ')}`)
    for (const machine of this.#universe.machines())
      if (machine.pendingTimers > 0)
        this.#context.fail(`leak: ${machine.pendingTimers} timers of ${machine.name} are armed at rest`)
  }

  /** Runs until `task` is done; false (and a failure) when it takes too long or fails. */
  async #finish(what: string, limitMs: number, task: Promise<void>): Promise<boolean> {
    let ended = false
    let failed = false
    void task
      .catch(error => {
        failed = true
        this.#context.fail(`${what}: ${messageOf(error)}`)
      })
      .finally(() => {
        ended = true
      })
    const inTime = await this.#until(() => ended, limitMs)
    if (!inTime && !this.#hasFailed) this.#context.fail(`${what}: not done within ${limitMs} virtual ms`)
    return inTime && !failed && !this.#hasFailed
  }

  get #hasFailed(): boolean {
    return this.#failures.length > 0
  }

  /** Runs until it is done, the time is over, or something has failed: what comes after says nothing. True: done. */
  async #until(done: () => boolean, limitMs = livenessMs): Promise<boolean> {
    const { scheduler } = this.#universe
    const isOver = () => this.#hasFailed || done()
    await scheduler.run({ untilMs: scheduler.nowMs + limitMs, done: isOver, maxEvents, afterEach: this.#observe })
    this.#lookCloser()
    return !this.#hasFailed && done()
  }

  async #runFor(timeMs: number): Promise<void> {
    await this.#until(() => false, timeMs)
  }

  readonly #observe = () => {
    const { executed, touched } = this.#universe.scheduler
    const nodes = this.#cluster.on(touched)
    this.#replicas.lookAtOffsets(nodes)
    this.#quorum.look(nodes)
    this.#metadata.look(nodes)
    if (executed % observedEvery === 0) this.#lookCloser()
  }

  #lookCloser(): void {
    this.#replicas.lookAtBatches()
    this.#metadata.compare()
    if (!this.#nemesis.isRecovering) this.#replicas.lookAtInSync()
  }
}

function describe({ kind, key, message }: Anomaly): string {
  return `${kind} in ${key}: ${message}`
}
