import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parseProperties } from '@millrace/runtime'
import { eventually, type JobUnderTest, repository } from './job-under-test.ts'

const command = path.join(repository, 'packages/cli/bin/millrace.mjs')
/** Until a killed broker is started again. */
const downMs = 2000

/** Kills the brokers of a job one after the other, and starts each again with the command that the job prints, as a person in another terminal does. */
export class BrokersKilled {
  kills = 0
  readonly #job: JobUnderTest
  readonly #brokers: number
  readonly #pids = new Map<number, number>()
  readonly #byHand = new Set<ChildProcess>()

  constructor(job: JobUnderTest, brokers: number) {
    this.#job = job
    this.#brokers = brokers
  }

  /** Goes on until the job ends: a kill every `everyMs`, or when the last one is ready again, if that takes longer. */
  async untilEnd(everyMs: number): Promise<void> {
    const job = this.#job
    for (let id = 1; id <= this.#brokers; id++)
      this.#pids.set(id, Number((await job.printed(new RegExp(`^Broker ${id} .*process (\\d+)`, 'm')))[1]))
    await job.printed(/^Pipeline /m)
    let isOver = false
    const ended = job.ended.then(() => {
      isOver = true
    })
    const sleep = (ms: number) => Promise.race([ended, new Promise(resolve => setTimeout(resolve, ms))])
    while (!isOver) {
      const startedMs = performance.now()
      const nodeId = (this.kills % this.#brokers) + 1
      process.kill(this.#pids.get(nodeId)!, 'SIGKILL')
      // Of those that were started by hand the job knows nothing.
      if (this.kills++ < this.#brokers)
        await eventually(
          'the message',
          job,
          () => isOver || job.errors.includes(`Broker ${nodeId} ended (SIGKILL), the job goes on`),
        )
      await sleep(downMs)
      if (isOver) return
      const file = path.join(job.dataDirectory, 'cluster', `node-${nodeId}`, 'server.properties')
      this.#startByHand(nodeId, file)
      await eventually(`broker ${nodeId} is ready again`, job, async () => isOver || (await isReady(file)))
      await sleep(Math.max(0, everyMs - (performance.now() - startedMs)))
    }
  }

  /** Ends what was started by hand. */
  close(): void {
    for (const child of this.#byHand) child.kill('SIGKILL')
  }

  #startByHand(nodeId: number, file: string): void {
    const child = spawn(process.execPath, [command, 'broker', file], { stdio: ['ignore', 'ignore', 'ignore'] })
    this.#byHand.add(child)
    child.once('exit', () => this.#byHand.delete(child))
    this.#pids.set(nodeId, child.pid!)
  }
}

async function isReady(file: string): Promise<boolean> {
  const url = parseProperties(fs.readFileSync(file, 'utf8')).get('millrace.http.listener')
  return await fetch(`${url}/ready`, { signal: AbortSignal.timeout(1000) }).then(
    ({ status }) => status === 200,
    () => false,
  )
}
