import { enableCompileCache } from 'node:module'
import { type Arguments, readArguments, usage } from './arguments.ts'

enableCompileCache()

let options: Arguments | 'help'
try {
  options = readArguments(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`)
  process.exit(2)
}
if (options === 'help') {
  console.log(usage)
} else {
  const { runJob } = await import('./job.ts')
  process.exit(await runJob(options))
}
