import { ensureInstalled, runPinned } from './workspace.mjs'

ensureInstalled()
// Small young generation: the job's garbage dies at once, and resident memory stays low.
runPinned(['--max-semi-space-size=4', '--max-old-space-size=192', 'apps/flights/src/main.ts', ...process.argv.slice(2)])
