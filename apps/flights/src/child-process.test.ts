import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Child } from './child-process.ts'

let root: string
let file: string
const children: Child<number>[] = []
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-child-'))
  file = path.join(root, 'steps')
})
afterEach(async () => {
  for (const child of children.splice(0)) await child.close()
  fs.rmSync(root, { recursive: true, force: true })
})

function newChild(behaviour: string) {
  const pids: number[] = []
  const reasons: string[] = []
  const child = new Child<number>({
    name: 'child',
    module: new URL('./testing/child.ts', import.meta.url),
    arguments: () => [file, behaviour],
    flags: [],
    started: (_, pid) => void pids.push(pid),
    restarted: reason => void reasons.push(reason),
    restartDelayMs: 5,
  })
  children.push(child)
  return { child, pids, reasons }
}

const steps = () => fs.readFileSync(file, 'utf8')

describe('a child process', () => {
  it('tells when it is ready, and closes when it is asked to', async () => {
    const { child, pids } = newChild('lives')
    expect(await child.start()).toBe(pids[0])
    await child.close()
    expect(steps()).toBe('sc')
    expect(() => process.kill(pids[0]!, 0)).toThrow('ESRCH')
  })

  it.each([
    ['fails', 'one clear line'],
    ['dies early', 'The child ended before it was ready (exit code 7)'],
  ])('that %s at its start rejects with one line and is not started again', async (behaviour, line) => {
    const { child, reasons } = newChild(behaviour)
    await expect(child.start()).rejects.toThrow(line)
    expect(reasons).toEqual([])
  })

  it('that is killed is started again', async () => {
    const { child, pids, reasons } = newChild('lives')
    await child.start()
    process.kill(pids[0]!, 'SIGKILL')
    await vi.waitFor(() => expect(pids).toHaveLength(2), 10_000)
    expect(reasons).toEqual(['SIGKILL'])
    await child.close()
    expect(steps()).toBe('ssc')
  })

  it('that never stays up is given up', async () => {
    const { child, pids, reasons } = newChild('dies')
    await child.start()
    await expect(child.lost).rejects.toThrow('The child does not stay up (exit code 3): after 6 restarts the job ends')
    expect(pids).toHaveLength(7)
    expect(reasons).toHaveLength(6)
  })
})
