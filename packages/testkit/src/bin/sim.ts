/**
 * `npm run sim -- --seeds N [--from K]`: runs N seeds, prints each failing one and how to replay it. `--seed K --trace` replays one with its log.
 * One seed in twenty is run twice: the traces must be equal. `--workers W` processes share the seeds (default: one a core).
 * `--draw single|cluster` narrows what a seed may draw, `--options JSON` fixes some of it. The first seed that fails is made smaller, unless `--no-shrink`.
 * `--mutant NAME` plants a bug first, to see what finding one looks like.
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Draw, SimulationOptions } from '../simulation/options.ts'
import { shrink } from '../simulation/shrink.ts'
import { type SeedPlan, type SeedReport, SeedRunner } from './seed-runner.ts'
import { runSeeds } from './seed-workers.ts'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    draw: { type: 'string', default: 'any' },
    options: { type: 'string', default: '{}' },
    shrink: { type: 'boolean', default: true },
  },
})
const isReplay = values.seed !== undefined
const from = Number(values.seed ?? values.from)
const count = isReplay ? 1 : Number(values.seeds)
const maxShown = 5
const shownLogLines = 15
const progressEvery = 50
const plan: SeedPlan = {
  draw: values.draw as Draw,
  options: JSON.parse(values.options) as Partial<SimulationOptions>,
  mutant: values.mutant ?? null,
  repeatEvery: isReplay ? 1 : 20,
}
const fixed = [
  ...(values.draw === 'any' ? [] : [`--draw ${values.draw}`]),
  ...(values.mutant === undefined ? [] : [`--mutant ${values.mutant}`]),
].join(' ')
if (!['any', 'single', 'cluster'].includes(values.draw)) fatal(`--draw is any, single or cluster, not ${values.draw}`)

const started = performance.now()
const failed: SeedReport[] = []
let ended = 0
let virtualMs = 0
let acknowledged = 0
let events = 0
const faults = new Map<string, number>()
try {
  const seeds = Array.from({ length: count }, (_, i) => from + i)
  await runSeeds(seeds, plan, { workers: Number(values.workers), done: take })
} catch (error) {
  fatal((error as Error).message)
}
const seconds = (performance.now() - started) / 1000
const [first] = failed.sort((a, b) => a.seed - b.seed)
if (first !== undefined && values.shrink && values.mutant === undefined) await makeSmaller(first)
const faultText = [...faults].map(([kind, number]) => `${kind} ${number}`).join(', ')
console.log(
  `${count - failed.length} of ${count} seeds clean; ${(virtualMs / 3_600_000).toFixed(2)} virtual hours in ${seconds.toFixed(0)} s (${(virtualMs / 1000 / seconds).toFixed(1)} × real time), ` +
    `${acknowledged.toLocaleString('en-US')} acknowledged records, ${events.toLocaleString('en-US')} events; faults: ${faultText || 'none'}`,
)
process.exit(failed.length === 0 ? 0 : 1)

function take(report: SeedReport): void {
  ended++
  if (ended % progressEvery === 0 && ended < count) console.error(`${ended} of ${count} seeds, ${failed.length} failed`)
  virtualMs += report.virtualMs
  acknowledged += report.acknowledged
  events += report.events
  for (const [kind, number] of report.faults) faults.set(kind, (faults.get(kind) ?? 0) + number)
  if (values.trace) for (const line of report.log) console.log(line)
  if (report.failures.length > 0) {
    failed.push(report)
    show(report, `--seed ${report.seed} ${fixed}`)
  } else if (isReplay) {
    console.log(`seed ${report.seed} is clean, trace ${report.traceHash}, options ${JSON.stringify(report.options)}`)
  }
}

function show({ seed, failures, options, log }: Pick<SeedReport, 'seed' | 'failures' | 'options' | 'log'>, replay: string): void {
  console.log(`seed ${seed} failed:`)
  for (const failure of failures.slice(0, maxShown)) console.log(`  ${failure}`)
  if (failures.length > maxShown) console.log(`  and ${failures.length - maxShown} more`)
  console.log(`  commit ${commit()}, options ${JSON.stringify(options)}`)
  if (!values.trace) for (const line of log.slice(-shownLogLines)) console.log(`  | ${line}`)
  console.log(`  replay: npm run sim -- ${replay.trim()} --trace`)
}

async function makeSmaller({ seed, faults: _, ...failing }: SeedReport): Promise<void> {
  const runner = new SeedRunner(plan)
  const { override, result, runs } = await shrink({ ...failing, seed, faults: new Map() }, more => runner.play(seed, more))
  console.log(`made smaller in ${runs} runs:`)
  show(result, `--seed ${seed} ${fixed} --options '${JSON.stringify({ ...plan.options, ...override })}'`)
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}

function fatal(message: string): never {
  console.log(message)
  process.exit(2)
}
