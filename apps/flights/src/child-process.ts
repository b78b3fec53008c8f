import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface ChildOptions<Ready> {
  readonly name: string
  /** Module that calls `serveParent`. */
  readonly module: URL
  readonly arguments: (previous: Ready | undefined) => readonly string[]
  /** Of Node: bounds of the heap. */
  readonly flags: readonly string[]
  /** It is ready, for the first time or again. */
  readonly started: (ready: Ready, pid: number) => void
  /** It ended without being asked and is started again: tells the user. */
  readonly restarted: (reason: string) => void
  /** Before the first restart in a row, default 200; each further one waits twice as long, up to 25 times that. */
  readonly restartDelayMs?: number
}

type ChildMessage<Ready> = { kind: 'ready'; ready: Ready } | { kind: 'failed'; message: string }

/** Of glibc's allocator: few arenas, and freed memory goes back. An arena a thread held some 30 MiB a process that nobody used. */
const childEnvironment = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' }

/** How long a child may take to close before it is killed. */
const closeTimeoutMs = 15_000
/** How long it may take when its parent is gone: what it needs for that may be gone too. */
const orphanCloseTimeoutMs = 5_000
const maxDelayFactor = 25
/** A child that ends again within this time has not recovered. */
const recoveredAfterMs = 10_000
const maxRestartsInRow = 6

/** A process of the job: started, waited for, started again when it dies, closed in order. */
export class Child<Ready> {
  /** Rejects when the child does not stay up whatever is done. */
  readonly lost: Promise<never>
  readonly #options: ChildOptions<Ready>
  #process: ChildProcess | undefined
  #ready: Ready | undefined
  #closing = false
  #restartsInRow = 0
  #readyAtMs = 0
  #giveUp!: (error: Error) => void

  constructor(options: ChildOptions<Ready>) {
    this.#options = options
    this.lost = new Promise((_, reject) => (this.#giveUp = reject))
    this.lost.catch(() => {})
  }

  /** Starts the child; resolves with what it says when it is ready, rejects with its own one line when it cannot start. */
  async start(): Promise<Ready> {
    const { name, module, flags, started } = this.#options
    const child = fork(fileURLToPath(module), [...this.#options.arguments(this.#ready)], {
      execArgv: [...flags],
      env: { ...process.env, ...childEnvironment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // Ctrl-C reaches the whole process group: the parent alone decides in which order its children close.
      detached: true,
    })
    this.#process = child
    this.#ready = await new Promise<Ready>((resolve, reject) => {
      child.once('message', (message: ChildMessage<Ready>) =>
        message.kind === 'ready' ? resolve(message.ready) : reject(new Error(message.message)),
      )
      child.once('error', reject)
      child.once('exit', (code, signal) => reject(new Error(`The ${name} ended before it was ready (${howEnded(code, signal)})`)))
    })
    this.#readyAtMs = performance.now()
    child.once('exit', (code, signal) => {
      if (!this.#closing) void this.#restart(howEnded(code, signal))
    })
    started(this.#ready, child.pid!)
    return this.#ready
  }

  /** Asks the child to close and waits for it. */
  async close(): Promise<void> {
    this.#closing = true
    const child = this.#process
    if (!child || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), closeTimeoutMs)
    await ended
    clearTimeout(timer)
  }

  async #restart(reason: string): Promise<void> {
    if (performance.now() - this.#readyAtMs > recoveredAfterMs) this.#restartsInRow = 0
    for (let because = reason; ; ) {
      if (this.#restartsInRow++ >= maxRestartsInRow)
        return this.#giveUp(
          new Error(`The ${this.#options.name} does not stay up (${because}): after ${maxRestartsInRow} restarts the job ends`),
        )
      this.#options.restarted(because)
      const { restartDelayMs = 200 } = this.#options
      const factor = Math.min(maxDelayFactor, 2 ** (this.#restartsInRow - 1))
      await new Promise(resolve => setTimeout(resolve, restartDelayMs * factor))
      if (this.#closing) return
      try {
        await this.start()
        return
      } catch (error) {
        if (this.#closing) return
        because = (error as Error).message
      }
    }
  }
}

function howEnded(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ?? `exit code ${code}`
}

/** The child's side: `start` opens everything and gives what the parent should know, and how to close. The child ends with its parent, however that ends. */
export async function serveParent<Ready>(start: () => Promise<{ ready: Ready; close: () => Promise<void> }>): Promise<void> {
  const tell = (message: ChildMessage<Ready>) => new Promise<void>(resolve => process.send!(message, () => resolve()))
  let end = async (): Promise<void> => process.exit(1)
  process.on('SIGTERM', () => end())
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), orphanCloseTimeoutMs)
    void end()
  })
  try {
    const { ready, close } = await start()
    let closing = false
    end = async () => {
      if (closing) return
      closing = true
      try {
        await close()
        process.exit(0)
      } catch (error) {
        console.error((error as Error).message)
        process.exit(1)
      }
    }
    await tell({ kind: 'ready', ready })
  } catch (error) {
    await tell({ kind: 'failed', message: (error as Error).message })
    process.exit(1)
  }
}
