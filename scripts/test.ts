/**
 * Everything that must hold, in one command (`npm test`). Prints a line a stage and last, alone, `N passed, N failed`.
 *
 * `npm test -- --only unit,types` runs the named stages; `peers` runs when it is named alone: suites of ours on Apache Kafka's nodes. Checks against peers (Apache Kafka, kcat) need `.ci/run`'s packages; where they
 * are missing, they fail in CI and elsewhere are reported as left out.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const only = values.only?.split(',')
const inContinuousIntegration = process.env.CI !== undefined && process.env.CI !== ''
const kafka = resolve(process.env.MILLRACE_KAFKA ?? '../shared/peers/kafka')
/** Kafka's message definitions as data, to hold ours against; a digest is checked in for where they are not. */
const protocolFacts = resolve(process.env.MILLRACE_PROTOCOL_FACTS ?? '../shared/kafka-protocol')
const scratch = mkdtempSync(join(tmpdir(), 'millrace-test-'))

interface Tally {
  passed: number
  failed: number
}
const total: Tally = { passed: 0, failed: 0 }

function run(command: string, args: string[], extra: Record<string, string> = {}): boolean {
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(existsSync(protocolFacts) ? { MILLRACE_PROTOCOL_FACTS: protocolFacts } : {}), ...extra },
  })
  return result.status === 0
}

/** Suites that prove the tests rather than Millrace: they run when they are named. */
const onRequest = new Set(['peers'])

function stage(name: string, action: () => Tally): void {
  if (only ? !only.includes(name) : onRequest.has(name)) return
  const started = performance.now()
  console.log(`\n── ${name}`)
  const tally = action()
  total.passed += tally.passed
  total.failed += tally.failed
  console.log(
    `── ${name}: ${tally.passed} passed, ${tally.failed} failed in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  )
}

/** A stage that is one check. */
function check(name: string, command: string, args: string[]): void {
  stage(name, () => (run(command, args) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }))
}

function vitest(project: string, extra: Record<string, string> = {}): Tally {
  const report = join(scratch, `${project}.json`)
  const green = run(
    'vitest',
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    extra,
  )
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
  if (numPendingTests > 0) console.log(`${numPendingTests} tests of ${project} did not run`)
  // A file that fails to load has no failed test of its own: the run is red all the same.
  const failed = numFailedTests + (inContinuousIntegration ? numPendingTests : 0)
  return { passed: numPassedTests, failed: !green && failed === 0 ? 1 : failed }
}

function withKafka(project: string, extra: Record<string, string> = {}): Tally {
  if (!existsSync(kafka)) {
    console.log(`Apache Kafka is not here (${kafka}): set MILLRACE_KAFKA to a script that runs it`)
    return inContinuousIntegration ? { passed: 0, failed: 1 } : { passed: 0, failed: 0 }
  }
  run(kafka, ['install'])
  const port = process.env.MILLRACE_KAFKA_PORT ?? '19092'
  const start = () => run(kafka, ['start', '1', port], { KAFKA_HEAP: '-Xmx512m -Xms256m' })
  const answers = () => run('bash', ['-c', `: 2>/dev/null </dev/tcp/127.0.0.1/${port}`])
  // One that answers already is used and left running; what an earlier run left behind without an end is cleared away.
  const started = !answers() && (start() || (run(kafka, ['stop']) && start()))
  try {
    return vitest(project, { MILLRACE_KAFKA: kafka, MILLRACE_KAFKA_BOOTSTRAP: `127.0.0.1:${port}`, ...extra })
  } finally {
    if (started) run(kafka, ['stop'])
  }
}

check('types', 'tsc', ['-p', 'tsconfig.json'])
check('lint', 'biome', ['check', '.'])
check('docs', 'node', ['scripts/generate-docs.ts', '--check'])
stage('unit', () => vitest('unit'))
check('simulation', 'node', ['packages/testkit/src/bin/sim.ts', '--seeds', '200'])
stage('system', () => withKafka('system'))
stage('peers', () => withKafka('peers', { MILLRACE_PEER_SUITES: '1' }))
check('flights', 'node', [
  'apps/flights/src/main.ts',
  '--once',
  '--flights',
  '100000',
  '--port',
  '0',
  '--data',
  join(scratch, 'flights'),
])

rmSync(scratch, { recursive: true, force: true })
console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1)
