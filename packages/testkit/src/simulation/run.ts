import { Admin } from '@millrace/client'
import { messageOf } from '@millrace/runtime'
import { History } from '../check/history.ts'
import { type Anomaly, checkHistory } from '../check/history-checker.ts'
import { SimulatedUniverse } from '../world/world.ts'
import { Nemesis } from './nemesis.ts'
import { drawOptions, type FaultKind, type SimulationOptions } from './options.ts'
import { SimulatedBroker } from './simulated-broker.ts'
import { ConsumerProcess, ProducerProcess, readAll, topic, type WorkloadContext } from './workload.ts'

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
const warmUpMs = 30_000
const maxEvents = 3_000_000
const keptLogLines = 200

/** One run from one seed: warm up, faults under load, heal and drain, read everything, judge the history. */
export async function simulate(seed: number, override: Partial<SimulationOptions> = {}): Promise<SimulationResult> {
  const universe = new SimulatedUniverse(seed)
  const { scheduler } = universe
  const options = { ...drawOptions(universe.random.fork('options')), ...override }
  const lines: string[] = []
  const log = (line: string) => {
    lines.push(line)
    if (lines.length > keptLogLines) lines.shift()
  }
  const failures: string[] = []
  const history = new History()
  const broker = new SimulatedBroker(universe, options, log)
  let values = 0
  const context: WorkloadContext = {
    universe,
    options,
    history,
    bootstrapServers: broker.bootstrapServers,
    nextValue: () => values++,
    log,
  }
  const producers = Array.from({ length: options.producers }, (_, i) => new ProducerProcess(context, `producer${i}`))
  const consumers = Array.from({ length: options.consumers }, (_, i) => new ConsumerProcess(context, `consumer${i}`))
  const nemesis = new Nemesis(universe, options, { broker, producers, consumers }, log)

  /** Runs until `task` is done; false (and a failure) when it takes too long. */
  const finish = async (what: string, limitMs: number, task: Promise<void>): Promise<boolean> => {
    let ended = false
    const failed = (error: unknown) => void failures.push(`${what}: ${messageOf(error)}`)
    void task.catch(failed).finally(() => {
      ended = true
    })
    const inTime = await scheduler.run({ untilMs: scheduler.nowMs + limitMs, done: () => ended, maxEvents })
    if (!inTime) failures.push(`${what}: not done within ${limitMs} virtual ms`)
    return inTime && failures.length === 0
  }

  broker.start()
  if (await finish('warm-up', warmUpMs, createTopic(context))) {
    for (const target of [...producers, ...consumers]) target.start()
    nemesis.start()
    await scheduler.run({ untilMs: scheduler.nowMs + options.safetyMs, maxEvents })
    nemesis.heal()
    for (const producer of producers) producer.stop()
    const drained = await scheduler.run({
      untilMs: scheduler.nowMs + livenessMs,
      done: () => broker.isUp && producers.every(producer => producer.isDrained),
      maxEvents,
    })
    if (!drained) failures.push(`liveness: producers did not drain within ${livenessMs} virtual ms after the healing`)
    else await finish('final read', livenessMs, readAll(context, universe.machine('final').boot()))
  }
  failures.push(...broker.failures)
  const anomalies = checkHistory(history.operations, { idempotent: options.idempotent, readToTheEnd: failures.length === 0 })
  failures.push(...anomalies.map(describe))
  for (const machine of universe.machines()) machine.kill()
  return {
    seed,
    options,
    failures,
    traceHash: universe.net.traceHash,
    virtualMs: scheduler.nowMs,
    events: scheduler.executed,
    acknowledged: history.operations.filter(operation => operation.kind === 'send' && operation.outcome === 'ok').length,
    faults: nemesis.counts,
    log: lines,
  }
}

async function createTopic({ universe, bootstrapServers, options }: WorkloadContext): Promise<void> {
  const admin = new Admin({ world: universe.machine('admin').boot(), bootstrapServers, clientId: 'admin' })
  await admin.createTopics([{ topic, partitions: options.partitions, replicationFactor: 1 }])
  await admin.close()
}

function describe({ kind, key, message }: Anomaly): string {
  return `${kind} in ${key}: ${message}`
}
