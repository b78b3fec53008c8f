import { spawn } from 'node:child_process'

/** What of a failure is printed at the most: a class path has thousands of characters, an output millions. */
const maxCommandChars = 1_000
const maxComplaintChars = 8_000

export interface Finished {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** On standard input. Default none. */
  readonly input?: string
  /** Default 0; `undefined` takes any. Another one throws, with what was printed. */
  readonly status?: number | undefined
  /** Default 60,000. */
  readonly timeoutMs?: number
}

/** Runs a program to its end without blocking the event loop: the broker under test lives in this process. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { input = '', timeoutMs = 60_000 } = options
  // A script's own children hold its streams: all go together when time is up.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  let [stdout, stderr, late] = ['', '', false]
  child.stdout.setEncoding('utf8').on('data', text => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const timer = setTimeout(() => {
    late = true
    process.kill(-child.pid!, 'SIGKILL')
  }, timeoutMs)
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? (signal ? 128 : 1)))
  }).finally(() => clearTimeout(timer))
  const complaint = late ? `did not end in ${timeoutMs} ms` : `ended with status ${status}`
  const expected = 'status' in options ? options.status : 0
  if (late || (expected !== undefined && status !== expected))
    throw new Error(
      `${[command, ...args].join(' ').slice(0, maxCommandChars)} ${complaint}\n${stderr.slice(-maxComplaintChars)}${stdout.slice(-maxComplaintChars)}`,
    )
  return { status, stdout, stderr }
}

/** The lines of what a program has printed, without those that are blank. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter(line => line.trim() !== '')
}

/** Asks again until `check` has an answer other than null, undefined and false. Throws when there is none in time. */
export async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await check()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`timed out: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
