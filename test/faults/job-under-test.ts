import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
const main = path.join(repository, 'apps/flights/src/main.ts')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The flights job as a user runs it, in a process of its own, watched by what it prints. */
export class JobUnderTest {
  readonly ended: Promise<Ended>
  readonly dataDirectory: string
  output = ''
  errors = ''
  readonly #process: ChildProcess
  #hasEnded = false

  constructor(dataDirectory: string, args: readonly string[]) {
    this.dataDirectory = dataDirectory
    this.#process = spawn(process.execPath, [main, '--data', dataDirectory, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stdout!.setEncoding('utf8').on('data', text => (this.output += text))
    this.#process.stderr!.setEncoding('utf8').on('data', text => (this.errors += text))
    this.ended = new Promise(resolve =>
      this.#process.on('exit', (code, signal) => {
        this.#hasEnded = true
        resolve({ code, signal })
      }),
    )
  }

  /** On free ports. */
  static start(dataDirectory: string, ...args: readonly string[]): JobUnderTest {
    return new JobUnderTest(dataDirectory, ['--port', '0', '--broker-port', '0', '--registry-port', '0', ...args])
  }

  /** The `occurrence`-th match of a pattern in what it has printed, waited for. Throws when it ends before or takes too long. */
  async printed(pattern: RegExp, occurrence = 1): Promise<RegExpExecArray> {
    return await eventually(`${pattern} (${occurrence}.)`, this, () => {
      const matches = [...this.output.matchAll(new RegExp(pattern, `${pattern.flags}g`))]
      const match = matches[occurrence - 1]
      if (match === undefined && this.#hasEnded) throw new Error(`ended without printing ${pattern}\n${this}`)
      return match
    })
  }

  /** The address that clients use. */
  async bootstrapServers(): Promise<string> {
    return (await this.printed(/Broker +(\S+)/))[1]!
  }

  /** The process id of its `occurrence`-th broker or pipeline. */
  async pidOf(name: 'Broker' | 'Pipeline', occurrence = 1): Promise<number> {
    return Number((await this.printed(new RegExp(`^${name} .*process (\\d+)`, 'm'), occurrence))[1])
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Waits for the end. */
  async end(timeoutMs = 120_000): Promise<Ended> {
    const late = new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error(`did not end in ${timeoutMs} ms\n${this}`)), timeoutMs).unref(),
    )
    return await Promise.race([this.ended, late])
  }

  /** Processes that know its data folder: itself and its children, wherever they are in the tree. */
  running(): number[] {
    return execFileSync('ps', ['-A', '-ww', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(([, state = '', ...args]) => !state.startsWith('Z') && args.some(arg => arg.startsWith(this.dataDirectory)))
      .map(([pid]) => Number(pid))
      .filter(pid => pid !== process.pid)
  }

  /** Resolves when none of its processes is left. */
  async isGone(): Promise<void> {
    await eventually('no process of it is left', this, () => this.running().length === 0)
  }

  /** Ends what a failed test has left. */
  kill(): void {
    for (const pid of this.running()) process.kill(pid, 'SIGKILL')
  }

  toString(): string {
    return `--- output\n${this.output}\n--- errors\n${this.errors}`
  }
}

/** Asks again until there is an answer other than null, undefined and false. */
export async function eventually<T>(
  what: string,
  job: JobUnderTest,
  check: () => T | Promise<T>,
  timeoutMs = 90_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await check()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`timed out: ${what}\n${job}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
