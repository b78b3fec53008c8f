import { ensureInstalled, isPinned, root, runPinned } from './workspace.mjs'

ensureInstalled()
// Fixed sizes from which on the C library gives memory back to the system, here and in the processes of the job: it reads them only when a process begins.
const allocator = { MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' }
if (isPinned() && process.platform === 'linux' && process.env.MALLOC_MMAP_THRESHOLD_ === undefined) {
  process.removeAllListeners('warning')
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    ...allocator,
  })
}
if (isPinned()) {
  // No second process: resident memory counts.
  process.chdir(root)
  await import('../apps/flights/src/main.ts')
} else {
  runPinned(
    [...process.execArgv, 'apps/flights/src/main.ts', ...process.argv.slice(2)],
    process.platform === 'linux' ? allocator : {},
  )
}
