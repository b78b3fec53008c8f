#!/usr/bin/env node
// Plain JavaScript, as it runs on whatever Node the machine has. In the repository it runs the sources, on the Node that is pinned there
// when the running one is too old to do so; published, it runs what was compiled from them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldest = [22, 18]
const source = new URL('../src/main.ts', import.meta.url)
const compiled = new URL('../dist/main.js', import.meta.url)

// A broker turns over many buffers of 16 KiB to some MiB. The C library keeps the holes that they leave, unless it is told a fixed size from which on memory goes
// back to the system, and keeps a heap for each thread, unless it is told to share one; it reads that only when a process begins. Measured on three nodes after a
// million records: 90 MiB each; 110 MiB with a size above the 64 KiB into which sockets read, which saves a sixth of the CPU.
const allocator = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TRIM_THRESHOLD_: '131072' }
// Batches are outside V8's heap: what is young in it is little, and gone at once. With 2 MiB a record costs half as much CPU again, with 16 nothing is won. The same option on Node's own command line wins.
const heap = ['--max-semi-space-size=8']

const [major, minor] = process.versions.node.split('.').map(Number)
const isServer = ['broker', 'start'].includes(process.argv[2])
if (isServer && process.platform === 'linux' && process.execve && process.env.MALLOC_MMAP_THRESHOLD_ === undefined) {
  process.removeAllListeners('warning')
  process.execve(process.execPath, [process.execPath, ...heap, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    ...allocator,
  })
}
if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) {
  const isSource = existsSync(source)
  // Half of the time to the first answer of sources is taking their types out: what was compiled once is kept in the system's folder for temporary files. What is
  // compiled already starts as quickly without, and has 5 MiB less resident, as Node holds the cache in memory as well.
  if (isSource) module.enableCompileCache?.()
  const { main } = await import(isSource ? source : compiled)
  process.exitCode = await main(process.argv.slice(2))
} else {
  runOn(pinnedNode())
}

/** The binary of the npm package `node`, if it is installed. */
function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json')
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (existsSync(binary)) return binary
  } catch {
    // Not installed: said below.
  }
  console.error(`millrace: Node ${oldest.join('.')} or later is needed, and this is ${process.versions.node}`)
  process.exit(1)
}

function runOn(node) {
  // A process group of its own, so that Ctrl-C reaches it once, through here; the channel tells it when this process is gone.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    detached: true,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
