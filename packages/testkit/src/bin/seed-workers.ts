import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type SeedPlan, type SeedReport, SeedRunner } from './seed-runner.ts'

const workerFile = fileURLToPath(new URL('seed-worker.ts', import.meta.url))

/** Runs the seeds in so many processes (1: in this one); gives each report to `done` as it comes. Rejects when a worker dies. */
export async function runSeeds(
  seeds: readonly number[],
  plan: SeedPlan,
  { workers, done }: { readonly workers: number; readonly done: (report: SeedReport) => void },
): Promise<void> {
  if (workers <= 1 || seeds.length === 1) {
    const runner = new SeedRunner(plan)
    for (const seed of seeds) done(await runner.report(seed))
    return
  }
  const rest = [...seeds]
  const work = (worker: ChildProcess) =>
    new Promise<void>((resolve, reject) => {
      let isOver = false
      const next = () => {
        const seed = rest.shift()
        if (seed !== undefined) {
          worker.send(seed)
          return
        }
        isOver = true
        worker.disconnect()
        resolve()
      }
      worker.on('message', report => {
        done(report as SeedReport)
        next()
      })
      worker.on('exit', code => {
        if (!isOver) reject(new Error(`a worker ended with code ${code}`))
      })
      next()
    })
  const count = Math.min(workers, seeds.length)
  const started = Array.from({ length: count }, () => fork(workerFile, [JSON.stringify(plan)]))
  try {
    await Promise.all(started.map(work))
  } finally {
    for (const worker of started) worker.kill()
  }
}
