// Plain JavaScript, as it runs on whatever Node the machine has, before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const binaries = join(root, 'node_modules', '.bin')

/** Installs the dependencies if they are missing or older than the lock file. */
export function ensureInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  console.log('Installing dependencies (once; about half a minute) …')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (npm.status !== 0) {
    console.error('npm ci failed: see above. Millrace needs npm and a package registry once.')
    process.exit(npm.status ?? 1)
  }
}

/** This process runs on the Node that the repository pins, as it does below `npm start` once everything is installed. */
export function isPinned() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node === process.versions.node
}

/** Runs a program of the repository on the Node that it pins, hands on signals and ends with its exit code. The channel tells the program when this process is gone. */
export function runPinned(args, environment = {}) {
  const child = spawn(join(binaries, 'node'), args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...environment, PATH: binaries + delimiter + process.env.PATH },
  })
  // The terminal sends Ctrl-C to the whole process group: the child gets it by itself, and this process must outlive it.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
