import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BrokersKilled } from './brokers-killed.ts'
import { JobUnderTest } from './job-under-test.ts'

const brokers = 3
const everyMs = 5000
const timeoutMs = 170_000

let root: string
let job: JobUnderTest
let killing: BrokersKilled | undefined

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-faults-cluster-'))
})
afterEach(() => {
  killing?.close()
  job?.kill()
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

describe('the flights job on three brokers', () => {
  it(
    'of which one after the other is killed and started again by hand: it ends verified',
    async () => {
      const flights = 300_000
      job = JobUnderTest.start(path.join(root, 'killed'), '--once', '--flights', String(flights), '--brokers', String(brokers))
      killing = new BrokersKilled(job, brokers)
      await killing.untilEnd(everyMs)
      expect(await job.end(), String(job)).toEqual({ code: 0, signal: null })
      expect(job.output).toMatch(/^Verified: every row is right/m)
      expect(job.output.match(/ equal$/gm)).toHaveLength(3)
      expect(killing.kills).toBeGreaterThan(1)
      expect(job.output).toMatch(/^Broker \d, started by hand, goes on/m)
      expect(job.errors).toContain('To start it again, in another terminal: npx millrace broker')
    },
    timeoutMs,
  )

  it(
    'stopped by Ctrl-C and started again without a number goes on with all three',
    async () => {
      const folder = path.join(root, 'again')
      job = JobUnderTest.start(folder, '--flights', '2000', '--brokers', String(brokers))
      await job.printed(/^The page stays/m)
      job.signal('SIGINT')
      expect(await job.end()).toEqual({ code: 130, signal: null })
      await job.isGone()
      job = JobUnderTest.start(folder, '--once', '--flights', '2000')
      expect(await job.end(), String(job)).toEqual({ code: 0, signal: null })
      expect(job.output).toMatch(/^Broker 3 /m)
      expect(job.output).toContain('continues after 2,000 flights, 0 changes')
      const other = JobUnderTest.start(folder, '--once', '--brokers', '1')
      expect(await other.end()).toEqual({ code: 1, signal: null })
      expect(other.errors).toMatch(/was made for 3 brokers, not 1: leave --brokers out, or choose another with --data DIR/)
    },
    timeoutMs,
  )
})
