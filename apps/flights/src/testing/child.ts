import { appendFileSync } from 'node:fs'
import { serveParent } from '../child-process.ts'

/** A child that does what its arguments say: a file that gets a letter for each step, and a way to end. */
const [file, behaviour] = process.argv.slice(2) as [string, string]

await serveParent(async () => {
  if (behaviour === 'fails') throw new Error('one clear line')
  if (behaviour === 'dies early') process.exit(7)
  appendFileSync(file, 's')
  if (behaviour === 'dies') setTimeout(() => process.exit(3), 10)
  return {
    ready: process.pid,
    close: async () => appendFileSync(file, 'c'),
  }
})
