import { ensureInstalled, isPinned, root, runPinned } from './workspace.mjs'

ensureInstalled()
if (isPinned()) {
  // No second process: resident memory counts.
  process.chdir(root)
  await import('../apps/flights/src/main.ts')
} else {
  runPinned([...process.execArgv, 'apps/flights/src/main.ts', ...process.argv.slice(2)])
}
