import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface ChildOptions<Ready> {
  readonly name: string
  /** Module beside this one that calls `serveParent`. */
  readonly module: string
  readonly arguments: (previous: Ready | undefined) => readonly string[]
  /** Upper bound of the heap in MiB. */
  readonly heapMiB: number
  /** A child that ended without being asked is started again: tells the user. */
  readonly restarted: (reason: string) => void
}

type ChildMessage<Ready> = { kind: 'ready'; ready: Ready } | { kind: 'failed'; message: string }

/** How long a child may take to close before it is killed. */
const closeTimeoutMs = 15_000
const restartDelayMs = 200

/** A process of the job: started, waited for, started again when it dies, closed in order. */
export class Child<Ready> {
  readonly #options: ChildOptions<Ready>
  #process: ChildProcess | undefined
  #ready: Ready | undefined
  #closing = false

  constructor(options: ChildOptions<Ready>) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts the child; resolves with what it says when it is ready, rejects with its own one line when it cannot start. */
  async start(): Promise<Ready> {
    const { module, heapMiB } = this.#options
    const child = fork(fileURLToPath(new URL(module, import.meta.url)), [...this.#options.arguments(this.#ready)], {
      execArgv: [`--max-old-space-size=${heapMiB}`, '--max-semi-space-size=8'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // Ctrl-C reaches the whole process group: the parent alone decides in which order its children close.
      detached: true,
    })
    this.#process = child
    this.#ready = await new Promise<Ready>((resolve, reject) => {
      child.once('message', (message: ChildMessage<Ready>) =>
        message.kind === 'ready' ? resolve(message.ready) : reject(new Error(message.message)),
      )
      child.once('exit', (code, signal) =>
        reject(new Error(`The ${this.#options.name} ended before it was ready (${signal ?? `exit code ${code}`})`)),
      )
    })
    child.once('exit', (code, signal) => {
      if (!this.#closing) void this.#restart(signal ?? `exit code ${code}`)
    })
    return this.#ready
  }

  /** Asks the child to close and waits for it. */
  async close(): Promise<void> {
    this.#closing = true
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), closeTimeoutMs)
    await ended
    clearTimeout(timer)
  }

  async #restart(reason: string): Promise<void> {
    this.#options.restarted(reason)
    for (;;) {
      await new Promise(resolve => setTimeout(resolve, restartDelayMs))
      if (this.#closing) return
      try {
        await this.start()
        return
      } catch (error) {
        this.#options.restarted((error as Error).message)
      }
    }
  }
}

/** The child's side: `start` opens everything and gives what the parent should know, and how to close. The child ends with its parent. */
export async function serveParent<Ready>(start: () => Promise<{ ready: Ready; close: () => Promise<void> }>): Promise<void> {
  const tell = (message: ChildMessage<Ready>) => new Promise<void>(resolve => process.send!(message, () => resolve()))
  try {
    const { ready, close } = await start()
    let closing = false
    const end = async () => {
      if (closing) return
      closing = true
      await close()
      process.exit(0)
    }
    process.on('SIGTERM', end)
    process.on('disconnect', end)
    await tell({ kind: 'ready', ready })
  } catch (error) {
    await tell({ kind: 'failed', message: (error as Error).message })
    process.exit(1)
  }
}
