/**
 * `npm run sim -- --seeds N [--from K]`: runs N seeds, prints each failing one and how to replay it. `--seed K --trace` replays one with its log.
 * One seed in twenty is run twice: the traces must be equal. `--mutant NAME` plants a bug first, to see what finding one looks like.
 */
import { parseArgs } from 'node:util'
import { mutants } from '../mutants/mutants.ts'
import { type SimulationResult, simulate } from '../simulation/run.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutant: { type: 'string' },
  },
})
const from = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
const mutant = mutants.find(({ name }) => name === values.mutant)
if (values.mutant !== undefined && mutant === undefined) {
  console.log(`there is no mutant ${values.mutant}: there are ${mutants.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
mutant?.plant()
const play = (seed: number) => simulate(seed, mutant?.options)
const repeatEvery = 20
const maxShown = 5

const started = performance.now()
const failed: SimulationResult[] = []
let virtualMs = 0
let acknowledged = 0
let events = 0
const faults = new Map<string, number>()
for (let seed = from; seed < from + count; seed++) {
  const result = await play(seed)
  const failures = [...result.failures]
  if (seed % repeatEvery === 0 || values.seed !== undefined) {
    const again = await play(seed)
    if (again.traceHash !== result.traceHash)
      failures.push(`not deterministic: trace ${result.traceHash}, then ${again.traceHash}`)
  }
  virtualMs += result.virtualMs
  acknowledged += result.acknowledged
  events += result.events
  for (const [kind, number] of result.faults) faults.set(kind, (faults.get(kind) ?? 0) + number)
  if (values.trace) for (const line of result.log) console.log(line)
  if (failures.length > 0) {
    failed.push(result)
    console.log(`seed ${seed} failed:`)
    for (const failure of failures.slice(0, maxShown)) console.log(`  ${failure}`)
    if (failures.length > maxShown) console.log(`  and ${failures.length - maxShown} more`)
    console.log(`  options ${JSON.stringify(result.options)}`)
    console.log(`  replay: npm run sim -- --seed ${seed} --trace${mutant ? ` --mutant ${mutant.name}` : ''}`)
  } else if (values.seed !== undefined) {
    console.log(`seed ${seed} is clean, trace ${result.traceHash}, options ${JSON.stringify(result.options)}`)
  }
}
const seconds = (performance.now() - started) / 1000
const faultText = [...faults].map(([kind, number]) => `${kind} ${number}`).join(', ')
console.log(
  `${count - failed.length} of ${count} seeds clean; ${(virtualMs / 3_600_000).toFixed(2)} virtual hours in ${seconds.toFixed(0)} s (${(virtualMs / 1000 / seconds).toFixed(1)} × real time), ` +
    `${acknowledged.toLocaleString('en-US')} acknowledged records, ${events.toLocaleString('en-US')} events; faults: ${faultText || 'none'}`,
)
process.exit(failed.length === 0 ? 0 : 1)
