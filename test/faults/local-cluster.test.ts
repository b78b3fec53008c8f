import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Producer } from '@millrace/client'
import { RegistryClient } from '@millrace/schema-registry'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { until } from '../conformance/process-harness.ts'
import { repository } from './job-under-test.ts'

const command = join(repository, 'packages/cli/bin/millrace.mjs')
const directory = mkdtempSync(join(tmpdir(), 'millrace-local-cluster-'))
const children = new Set<Run>()

afterEach(async () => {
  // Nodes end with the process that has started them.
  await Promise.all([...children].map(child => child.kill('SIGKILL')))
  children.clear()
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

class Run {
  output = ''
  readonly exit: Promise<number | string>
  readonly #child: ChildProcess

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory })
    children.add(this)
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', text => (this.output += text))
    this.exit = once(this.#child, 'close').then(([code, signal]) => code ?? signal)
  }

  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false
    void this.exit.then(() => (ended = true))
    return await until(`${pattern}`, () => {
      const match = pattern.exec(this.output)
      if (match === null && ended) throw new Error(`ended without ${pattern}:\n${this.output}`)
      return match
    }).catch(error => {
      throw new Error(`${(error as Error).message}\n${this.output}`)
    })
  }

  async kill(signal: NodeJS.Signals): Promise<number | string> {
    this.#child.kill(signal)
    return await this.exit
  }
}

const args = ['start', '--brokers', '3', '--port', '0', '--registry-port', '0', '--data', 'local']
const timeoutMs = 120_000

async function ready(url: string): Promise<boolean> {
  return await fetch(`${url}/ready`).then(
    ({ status }) => status === 200,
    () => false,
  )
}

/** Processes that run a node of this test's folder. */
function nodesRunning(): number {
  const list = execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' })
  return list.split('\n').filter(line => line.includes(' broker ') && line.includes(join(directory, 'local'))).length
}

describe('millrace start --brokers 3', () => {
  it(
    'a node that is killed is named with the command that starts it; started so, it is ready and in sync again; Ctrl-C ends the rest',
    async () => {
      const run = new Run(...args)
      const [, bootstrapServers] = await run.printed(/^brokers +(\S+)$/m)
      const [, registryUrl] = await run.printed(/^schema registry +(\S+)$/m)
      await run.printed(/^ready in \d+ ms/m)
      const [, pid, http] = await run.printed(/^node 2 +broker and controller, process (\d+), (http:\S+)\/metrics$/m)
      expect(await ready(http!)).toBe(true)
      const admin = new Admin({ bootstrapServers: bootstrapServers! })
      await admin.createTopics([{ topic: 't', partitions: 3, replicationFactor: 3 }])
      const registry = new RegistryClient({ url: registryUrl! })
      await registry.register('s-value', '"string"')

      process.kill(Number(pid), 'SIGKILL')
      const [, file] = await run.printed(/^node 2 ended \(SIGKILL\); to start it again: npx millrace broker (\S+)$/m)
      expect(await ready(http!)).toBe(false)
      const byHand = new Run('broker', file!)
      await byHand.printed(/broker\.started/)
      await until('node 2 is ready', () => ready(http!))
      await until('all replicas in sync', async () => {
        const [described] = await admin.describeTopics(['t'])
        return described!.partitions.every(({ inSyncReplicas }) => inSyncReplicas.length === 3)
      })
      const producer = new Producer({ bootstrapServers: bootstrapServers! })
      expect((await producer.send({ topic: 't', partition: 0, value: 'v' })).offset).toBe(0)
      await producer.close()
      expect(await registry.subjects()).toEqual(['s-value'])
      await admin.close()

      expect(await byHand.kill('SIGTERM')).toBe(0)
      expect(await run.kill('SIGINT')).toBe(0)
      expect(nodesRunning()).toBe(0)
      expect(existsSync(join(directory, 'local/node-2/data/t-0'))).toBe(true)
    },
    timeoutMs,
  )

  it(
    'started again it is the same cluster, whatever number is left out; another number is refused, and no node outlives a start that is killed',
    async () => {
      const again = new Run('start', '--registry-port', '0', '--data', 'local')
      const [, bootstrapServers] = await again.printed(/^brokers +(\S+)$/m)
      const admin = new Admin({ bootstrapServers: bootstrapServers! })
      expect((await admin.listTopics()).map(({ topic }) => topic)).toContain('t')
      await admin.close()
      expect(nodesRunning()).toBe(3)
      await again.kill('SIGKILL')
      await until('no node is left', () => nodesRunning() === 0)
      const other = new Run('start', '--brokers', '2', '--data', 'local')
      expect(await other.exit).toBe(1)
      expect(other.output).toMatch(/holds a cluster of 3 nodes, not of 2 \(leave --brokers out/)
    },
    timeoutMs,
  )

  it(
    'one of its nodes alone is alive and not ready, says why, and ends when it is told to though it never started',
    async () => {
      const alone = new Run('broker', join(directory, 'local/node-2/server.properties'))
      const [, http] = await alone.printed(/http\.started url=(\S+)/)
      expect((await fetch(`${http}/health`)).status).toBe(200)
      const answer = await fetch(`${http}/ready`)
      expect(answer.status).toBe(503)
      expect(await answer.json()).toEqual({ ready: false, nodeId: 2, reason: expect.stringMatching(/\w{4}/) })
      expect(await alone.kill('SIGTERM')).toBe(0)
    },
    timeoutMs,
  )
})
