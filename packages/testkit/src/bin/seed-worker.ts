/** A process of `sim.ts` that runs the seeds it is sent, one after the other. */
import { type SeedPlan, SeedRunner } from './seed-runner.ts'

const runner = new SeedRunner(JSON.parse(process.argv[2]!) as SeedPlan)
process.on('message', async (seed: number) => process.send!(await runner.report(seed)))
process.on('disconnect', () => process.exit())
