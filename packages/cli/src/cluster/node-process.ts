import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ClusterNode } from './cluster-plan.ts'

export interface NodeProcessOptions {
  readonly node: Pick<ClusterNode, 'nodeId' | 'file'>
  /** Options of Node, such as bounds of its heap. Default: what the command gives itself. */
  readonly flags?: readonly string[]
  /** Further environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Gets each line that the node writes. */
  readonly line: (text: string) => void
}

/** What `millrace broker` sends to the process that has started it. */
export const readyMessage = 'ready'

const command = fileURLToPath(new URL('../../bin/millrace.mjs', import.meta.url))
/** What the command would otherwise begin itself anew for, losing its channel. */
const allocator = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TRIM_THRESHOLD_: '131072' }
const heap = ['--max-semi-space-size=8']
/** Longer than a controlled shutdown takes at the most. */
const stopTimeoutMs = 30_000

/** `millrace broker FILE` as a child: it ends with this process, however that ends. */
export class NodeProcess {
  readonly nodeId: number
  /** Resolves with how it ended: a signal's name or `exit code N`. */
  readonly ended: Promise<string>
  /** Resolves when the node serves, rejects with its last line when it ends before. */
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  #hasEnded = false
  #lastLine = ''

  constructor({ node, flags = heap, environment = {}, line }: NodeProcessOptions) {
    this.nodeId = node.nodeId
    const child = spawn(process.execPath, [...flags, command, 'broker', node.file], {
      env: { ...process.env, ...allocator, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C reaches the whole process group: the parent alone decides how its nodes end.
      detached: true,
    })
    this.#child = child
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', text => {
        this.#lastLine = text
        line(text)
      })
    this.ended = new Promise(resolve => {
      // `close` comes after the last line.
      child.once('close', (code, signal) => {
        this.#hasEnded = true
        resolve(signal ?? `exit code ${code}`)
      })
      child.once('error', error => resolve(error.message))
    })
    this.ready = new Promise((resolve, reject) => {
      child.once('message', message => {
        if (message === readyMessage) resolve()
      })
      void this.ended.then(reason =>
        reject(new Error(`node ${node.nodeId} ended before it was ready (${reason}): ${this.#lastLine}`)),
      )
    })
    this.ready.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid!
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** A controlled shutdown; a node that does not end in time is killed. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs)
    await this.ended
    clearTimeout(timer)
  }
}
