import { ensureInstalled, runPinned } from './workspace.mjs'

ensureInstalled()
runPinned(['apps/flights/src/main.ts', ...process.argv.slice(2)])
