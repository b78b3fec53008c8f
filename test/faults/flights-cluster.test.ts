import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseProperties } from '@millrace/runtime'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually, JobUnderTest, repository } from './job-under-test.ts'

const brokers = 3
/** Between two kills, at least. */
const restMs = 2000
const timeoutMs = 170_000
const command = path.join(repository, 'packages/cli/bin/millrace.mjs')

let root: string
let job: JobUnderTest
const byHand = new Set<ChildProcess>()

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-faults-cluster-'))
})
afterEach(() => {
  for (const child of byHand) child.kill('SIGKILL')
  byHand.clear()
  job?.kill()
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

/** What a person does after the message in another terminal: the command that it gives. */
function startByHand(nodeId: number, file: string): ChildProcess {
  const child = spawn(process.execPath, [command, 'broker', file], { stdio: ['ignore', 'ignore', 'ignore'] })
  byHand.add(child)
  child.once('exit', () => byHand.delete(child))
  pids.set(nodeId, child.pid!)
  return child
}
const pids = new Map<number, number>()

async function isReady(file: string): Promise<boolean> {
  const url = parseProperties(fs.readFileSync(file, 'utf8')).get('millrace.http.listener')
  return await fetch(`${url}/ready`, { signal: AbortSignal.timeout(1000) }).then(
    ({ status }) => status === 200,
    () => false,
  )
}

describe('the flights job on three brokers', () => {
  it(
    'of which one after the other is killed and started again by hand: it ends verified',
    async () => {
      const flights = 400_000
      job = JobUnderTest.start(path.join(root, 'killed'), '--once', '--flights', String(flights), '--brokers', String(brokers))
      for (let id = 1; id <= brokers; id++)
        pids.set(id, Number((await job.printed(new RegExp(`^Broker ${id} .*process (\\d+)`, 'm')))[1]))
      await job.printed(/^Pipeline /m)
      let isOver = false
      void job.ended.then(() => (isOver = true))
      let kills = 0
      while (!isOver) {
        const nodeId = (kills % brokers) + 1
        const file = path.join(job.dataDirectory, 'cluster', `node-${nodeId}`, 'server.properties')
        process.kill(pids.get(nodeId)!, 'SIGKILL')
        if (kills++ < brokers)
          await eventually(
            'the message',
            job,
            () => isOver || job.errors.includes(`Broker ${nodeId} ended (SIGKILL), the job goes on`),
          )
        await new Promise(resolve => setTimeout(resolve, restMs))
        if (isOver) break
        startByHand(nodeId, file)
        await eventually(`broker ${nodeId} is ready again`, job, async () => isOver || (await isReady(file)))
        await new Promise(resolve => setTimeout(resolve, restMs))
      }
      expect(await job.end(), String(job)).toEqual({ code: 0, signal: null })
      expect(job.output).toMatch(/^Verified: every row is right/m)
      expect(job.output.match(/ equal$/gm)).toHaveLength(3)
      expect(kills).toBeGreaterThan(1)
      expect(job.errors).toContain(`To start it again, in another terminal: npx millrace broker`)
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
