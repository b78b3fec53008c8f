import { ensureInstalled, runPinned } from './workspace.mjs'

ensureInstalled()
runPinned(['scripts/test.ts', ...process.argv.slice(2)])
