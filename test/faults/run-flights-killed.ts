/** `node test/faults/run-flights-killed.ts [--every SECONDS] [--flights N]`: the whole flights job on three brokers, one of them killed every so often and started again by hand. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BrokersKilled } from './brokers-killed.ts'
import { JobUnderTest } from './job-under-test.ts'

const { values } = parseArgs({
  options: { every: { type: 'string', default: '10' }, flights: { type: 'string', default: '3000000' } },
})
const msPerSecond = 1000
const brokers = 3
const directory = mkdtempSync(join(tmpdir(), 'millrace-flights-killed-'))
const job = JobUnderTest.start(join(directory, 'data'), '--once', '--flights', values.flights, '--brokers', String(brokers))
const killing = new BrokersKilled(job, brokers)
try {
  await killing.untilEnd(Number(values.every) * msPerSecond)
  const { code } = await job.end()
  console.log(job.output.split('\n').slice(-10).join('\n'))
  console.log(`${killing.kills} brokers were killed; exit code ${code}`)
  if (code !== 0) console.error(job.errors)
  process.exitCode = code ?? 1
} finally {
  killing.close()
  job.kill()
  rmSync(directory, { recursive: true, force: true })
}
